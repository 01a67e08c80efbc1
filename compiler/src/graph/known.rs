//! The law of known words: a test whose outcome the path already decided is dropped.

use std::collections::HashMap;

use super::{Arm, Graph, Node, NodeId, Variable, Word};

/// What a path knows of the word it is looking at: intervals of the word under masks. Facts of other words are forgotten; the
/// graph's order keeps the tests of one word together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Facts {
    word: Word,
    /// `mask`, lowest and highest value of `word & mask`; at most [`FACTS_KEPT`], the latest.
    intervals: Vec<(u32, u32, u32)>,
}

/// More masks of one word than this on one path are not worth remembering.
const FACTS_KEPT: usize = 6;

impl Facts {
    /// The bits that are known, and their values.
    fn bits(&self) -> (u32, u32) {
        let mut known = 0;
        let mut value = 0;
        for &(mask, low, high) in &self.intervals {
            // Above the highest bit in which the ends differ, all values of the interval agree.
            let agree = (low ^ high).checked_ilog2().map_or(u32::MAX, |bit| u32::MAX.checked_shl(bit + 1).unwrap_or(0));
            known |= mask & agree;
            value |= low & mask & agree;
        }
        (known, value)
    }

    /// The lowest and highest value that `word & mask` can still have, or a wider interval.
    fn bounds(&self, mask: u32) -> (u32, u32) {
        let (known, value) = self.bits();
        let (mut low, mut high) = (value & mask, value & mask | mask & !known);
        for &(other, from, to) in &self.intervals {
            if other == mask {
                low = low.max(from);
                high = high.min(to);
            } else if other == u32::MAX {
                // Masking takes bits away.
                high = high.min(to);
            }
        }
        (low, high)
    }

    fn with(&self, mask: u32, low: u32, high: u32) -> Self {
        let mut intervals: Vec<_> = self.intervals.iter().copied().filter(|fact| fact.0 != mask).collect();
        if intervals.len() == FACTS_KEPT {
            intervals.remove(0);
        }
        intervals.push((mask, low, high));
        Self { word: self.word, intervals }
    }
}

/// Arms that the tests before it exclude are dropped: with `l <= x&m <= h` known, `switch x&n {…, [a..b] -> s, …}` loses an arm
/// when no such x has `x&n` in `a..=b`.
///
/// `budget` bounds the pairs of node and facts looked at; past it nodes stay as they are, which is always right.
pub(super) fn drop_decided_arms(graph: &mut Graph, root: NodeId, budget: usize) -> NodeId {
    let mut pass = Pass { done: HashMap::new(), budget };
    pass.visit(graph, root, None)
}

struct Pass {
    done: HashMap<(NodeId, Option<Facts>), NodeId>,
    budget: usize,
}

impl Pass {
    fn visit(&mut self, graph: &mut Graph, id: NodeId, facts: Option<&Facts>) -> NodeId {
        let Node::Switch { variable, arms } = graph.node(id) else { return id };
        let (variable, arms) = (*variable, arms.clone());
        let facts = facts.filter(|facts| facts.word == variable.word);
        let key = (id, facts.cloned());
        if let Some(&known) = self.done.get(&key) {
            return known;
        }
        if self.budget == 0 {
            return id;
        }
        self.budget -= 1;
        let kept = self.arms(graph, variable, &arms, facts);
        let node = graph.switch(variable, kept);
        self.done.insert(key, node);
        node
    }

    fn arms(&mut self, graph: &mut Graph, variable: Variable, arms: &[Arm], facts: Option<&Facts>) -> Vec<Arm> {
        let nothing = Facts { word: variable.word, intervals: Vec::new() };
        let facts = facts.unwrap_or(&nothing);
        let (low, high) = facts.bounds(variable.mask);
        let mut kept: Vec<Arm> = Vec::with_capacity(arms.len());
        let mut start = 0;
        for arm in arms {
            let (from, to) = (start.max(low), arm.last.min(high));
            start = arm.last.saturating_add(1);
            if from <= to {
                let target = self.visit(graph, arm.target, Some(&facts.with(variable.mask, from, to)));
                kept.push(Arm { last: arm.last, target });
            }
        }
        match kept.last_mut() {
            Some(last) => last.last = u32::MAX,
            // The facts contradict each other: no call comes here, and any target will do.
            None => kept.extend(arms.last().copied()),
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::abi::Endian;
    use crate::action::Action;

    fn low(argument: u8) -> Word {
        Word::low(argument, Endian::Little)
    }

    /// `x <= 4, then x & 8`: the second test can't be true.
    #[test]
    fn a_decided_test_is_dropped() {
        let mut graph = Graph::default();
        let (a, b, c) = (graph.leaf(Action::Allow), graph.leaf(Action::Log), graph.leaf(Action::Notify));
        let bit = graph
            .switch(Variable { word: low(0), mask: 8 }, vec![Arm { last: 0, target: a }, Arm { last: 9, target: b }]);
        let range = |graph: &mut Graph, inside| {
            graph.switch(
                Variable::whole(low(0)),
                vec![Arm { last: 4, target: inside }, Arm { last: u32::MAX, target: c }],
            )
        };
        let before = range(&mut graph, bit);
        let after = drop_decided_arms(&mut graph, before, 100);
        assert_eq!(after, range(&mut graph, a));
    }

    proptest! {
        /// Chains of random tests of one word, against the same chain after the law, for every word.
        #[test]
        fn the_law_changes_no_decision(tests in prop::collection::vec((0_u32..16, 0_u32..16, 0..3_usize), 1..7)) {
            let mut graph = Graph::default();
            let leaves = [Action::Allow, Action::Log, Action::Notify].map(|action| graph.leaf(action));
            let mut root = leaves[0];
            for (mask, last, leaf) in tests {
                let mask = if mask == 15 { u32::MAX } else { mask };
                let arms = vec![Arm { last, target: root }, Arm { last: u32::MAX, target: leaves[leaf] }];
                root = graph.switch(Variable { word: low(0), mask }, arms);
            }
            let after = drop_decided_arms(&mut graph, root, 1000);
            prop_assert!(graph.size(after) <= graph.size(root));
            for word in 0..40 {
                prop_assert_eq!(graph.end(root, &|_| word), graph.end(after, &|_| word), "{}", word);
            }
        }
    }
}
