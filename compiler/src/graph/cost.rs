//! What graphs cost as instructions, with what is already there for the taking.

use std::collections::BTreeMap;

use super::{Arm, Graph, Node, NodeId, Variable, largest_possible, smallest_possible};

/// How a node is come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// The accumulator holds something else.
    Load,
    /// It holds the whole word, and an AND makes the variable of it.
    Mask,
    /// It holds the variable.
    Test,
}

/// The entries of a node that are in use.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    load: bool,
    mask: bool,
}

/// Nodes that a program has.
#[derive(Clone, Debug, Default)]
pub(super) struct Present {
    used: BTreeMap<NodeId, Used>,
}

impl Present {
    /// How many instructions more the program has with this graph, which is come to with something else in the accumulator;
    /// afterwards it is present.
    pub(super) fn add(&mut self, graph: &Graph, root: NodeId) -> usize {
        self.add_noting(graph, root, &mut |_, _| {})
    }

    /// The same without changing anything.
    pub(super) fn price(&mut self, graph: &Graph, root: NodeId) -> usize {
        let mut before: Vec<(NodeId, Option<Used>)> = Vec::new();
        let price = self.add_noting(graph, root, &mut |id, used| before.push((id, used)));
        for (id, used) in before.into_iter().rev() {
            match used {
                Some(used) => self.used.insert(id, used),
                None => self.used.remove(&id),
            };
        }
        price
    }

    /// Tells `note` how a node was used before each change.
    fn add_noting(&mut self, graph: &Graph, root: NodeId, note: &mut dyn FnMut(NodeId, Option<Used>)) -> usize {
        let mut added = 0;
        let mut open = vec![(root, Entry::Load)];
        while let Some((id, entry)) = open.pop() {
            let Node::Switch { variable: own, arms } = graph.node(id) else { continue };
            let variable = held(graph, id);
            let masked = variable.is_some_and(|variable| variable.mask != u32::MAX);
            let known = self.used.get(&id).copied();
            note(id, known);
            let is_new = known.is_none();
            let used = self.used.entry(id).or_default();
            let had_mask = used.load || used.mask;
            added += usize::from(entry == Entry::Load && !used.load);
            used.load |= entry == Entry::Load;
            used.mask |= entry == Entry::Mask;
            added += usize::from(masked && !had_mask && (used.load || used.mask));
            if is_new {
                added += compares_of(*own, arms);
                open.extend(arms.iter().map(|arm| (arm.target, entry_to(graph, variable, arm.target))));
            }
        }
        added
    }
}

/// About how many compares find one of so many runs of values. `run` says of each whether it is a single value, and where it leads.
///
/// One compare for each bound, one less for each single value inside a run of another end, which `==` finds alone; and one `>=` for
/// every third, since no chain of `==` is longer.
pub(super) fn compares(runs: usize, run: impl Fn(usize) -> (bool, u32)) -> usize {
    let mut needed = runs.saturating_sub(1);
    let mut at = 1;
    while at + 1 < runs {
        if run(at).0 && run(at - 1).1 == run(at + 1).1 {
            needed -= 1;
            at += 1;
        }
        at += 1;
    }
    needed + needed.saturating_sub(1) / 3
}

/// The same for a node's arms.
pub(super) fn compares_of(variable: Variable, arms: &[Arm]) -> usize {
    compares(arms.len(), |at| {
        let first = at.checked_sub(1).map_or(0, |before| arms[before].last.saturating_add(1));
        let last = largest_possible(variable.mask, arms[at].last);
        (smallest_possible(variable.mask, first) == Some(last), arms[at].target.0)
    })
}

/// What the accumulator holds at a node's compares: a test of bits looks at the whole word.
fn held(graph: &Graph, id: NodeId) -> Option<Variable> {
    match graph.node(id) {
        Node::Switch { variable, arms } if is_bit_test(*variable, arms) => Some(Variable::whole(variable.word)),
        Node::Switch { variable, .. } => Some(*variable),
        Node::Leaf(_) | Node::Truth(_) => None,
    }
}

fn is_bit_test(variable: Variable, arms: &[Arm]) -> bool {
    matches!(arms, [below, _] if variable.mask != u32::MAX
        && smallest_possible(variable.mask, below.last.saturating_add(1)).is_some_and(u32::is_power_of_two))
}

fn entry_to(graph: &Graph, from: Option<Variable>, target: NodeId) -> Entry {
    match (from, held(graph, target)) {
        (Some(from), Some(to)) if from == to => Entry::Test,
        (Some(from), Some(to)) if from.word == to.word && from.mask & to.mask == to.mask => Entry::Mask,
        _ => Entry::Load,
    }
}

/// How many instructions bring what a node looks at into the accumulator, when something else is in it.
pub(super) fn loads(graph: &Graph, id: NodeId) -> usize {
    held(graph, id).map_or(0, |variable| 1 + usize::from(variable.mask != u32::MAX))
}

/// The same behind another node.
pub(super) fn moves_to(graph: &Graph, from: NodeId, to: NodeId) -> usize {
    match entry_to(graph, held(graph, from), to) {
        Entry::Load => loads(graph, to),
        Entry::Mask => 1,
        Entry::Test => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Endian;
    use crate::action::Action;
    use crate::graph::Word;

    #[test]
    fn compares_of_runs() {
        // 7 alone in 0: one `==`. 0 | 1.. : one. Three places: two.
        assert_eq!(compares(3, |at| [(false, 0), (true, 1), (false, 0)][at]), 1);
        assert_eq!(compares(2, |at| [(true, 1), (false, 0)][at]), 1);
        assert_eq!(compares(3, |at| [(false, 0), (true, 1), (false, 2)][at]), 2);
        // Four single values in a row take a `>=` as well.
        assert_eq!(compares(9, |at| (at % 2 == 1, (at % 2) as u32)), 5);
        assert_eq!(compares(1, |_| (false, 0)), 0);
    }

    /// Loads, ANDs and compares, each once however many come to it; the price of a graph is what adding it adds.
    #[test]
    fn what_is_there_costs_nothing() {
        let mut graph = Graph::default();
        let (yes, no) = (graph.leaf(Action::Allow), graph.leaf(Action::KillProcess));
        let low = |argument| Word::low(argument, Endian::Little);
        let equal = |graph: &mut Graph, variable, value: u32, yes, no| {
            let arms = [(value - 1, no), (value, yes), (u32::MAX, no)].map(|(last, target)| Arm { last, target });
            graph.switch(variable, arms.to_vec())
        };
        let nibble = Variable { word: low(0), mask: 0xf };
        let tail = equal(&mut graph, nibble, 3, yes, no);
        let mut present = Present::default();
        // ld, and, jeq.
        assert_eq!(present.price(&graph, tail), 3);
        assert_eq!(present.add(&graph, tail), 3);
        assert_eq!((present.price(&graph, tail), present.add(&graph, tail)), (0, 0));
        // ld, jeq, and on to the load of the tail.
        let other_word = equal(&mut graph, Variable::whole(low(1)), 9, tail, no);
        assert_eq!(present.price(&graph, other_word), 2);
        // The same word is held already: ld, jeq, and on to the AND.
        let same_word = equal(&mut graph, Variable::whole(low(0)), 9, tail, no);
        assert_eq!((present.price(&graph, same_word), present.add(&graph, same_word)), (2, 2));
        assert_eq!(present.price(&graph, same_word), 0);
        // A test of bits needs no AND: ld, jset.
        let bits = graph.switch(nibble, vec![Arm { last: 0, target: no }, Arm { last: u32::MAX, target: yes }]);
        assert_eq!(present.price(&graph, bits), 2);
    }
}
