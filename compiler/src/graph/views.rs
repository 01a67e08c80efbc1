//! The masks under which a word's function can be searched as intervals, and what that costs.

use super::diagram::{ANY, Ends, Function, Functions, Run};
use super::{Arm, NodeId, OverBudget, Variable, Word, cost};

/// More runs than this aren't searched under any mask.
const MOST_RUNS: usize = 600;

/// A function as intervals of the word under a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The bits that are enough to decide.
    pub(super) mask: u32,
    /// At least two, by ascending values.
    pub(super) runs: Vec<Run>,
    /// About how many compares find the right run.
    pub(super) compares: usize,
}

impl View {
    fn new(mask: u32, runs: Vec<Run>) -> Self {
        let compares = cost::compares(runs.len(), |at| (runs[at].first == runs[at].last, runs[at].end));
        Self { mask, runs, compares }
    }

    /// Whether one test of bits of the whole word decides it, without an AND.
    pub(super) fn is_bit_test(&self) -> bool {
        matches!(&self.runs[..], [below, above] if self.mask != u32::MAX && power_between(below.last, above.first).is_some())
    }

    /// The accumulator's mask when the search begins.
    pub(super) fn starts_with(&self) -> u32 {
        if self.is_bit_test() { u32::MAX } else { self.mask }
    }

    /// The arms of the node that makes this search.
    ///
    /// The law of free bounds: between two runs lie only values that no call comes with, so the bound may be any of them.
    /// Next to a single value it stays tight, so that `==` finds that value; else it is a power of two when one is there.
    pub(super) fn arms(&self) -> Vec<Arm> {
        let single = |run: &Run| run.first == run.last;
        let bounds = self.runs.windows(2).map(|pair| {
            let (below, above) = (&pair[0], &pair[1]);
            if self.runs.len() == 2 {
                power_between(below.last, above.first).unwrap_or(above.first)
            } else if single(below) {
                below.last.saturating_add(1)
            } else if single(above) {
                above.first
            } else {
                power_between(below.last, above.first).unwrap_or(above.first)
            }
        });
        let lasts = bounds.map(|bound| bound - 1).chain([u32::MAX]);
        lasts.zip(&self.runs).map(|(last, run)| Arm { last, target: NodeId(run.end) }).collect()
    }

    /// What it looks at.
    pub(super) fn variable(&self, word: Word) -> Variable {
        Variable { word, mask: self.mask }
    }
}

/// A power of two above `below` and not above `above`.
fn power_between(below: u32, above: u32) -> Option<u32> {
    let power = 1 << above.checked_ilog2()?;
    (power > below).then_some(power)
}

/// The view of fewest compares, an AND counted as one; `None` when the runs are too many under every mask tried.
///
/// Tried are the whole word and what the law of free bits leaves, taking bits away from the lowest up and from the highest down.
pub(super) fn best(functions: &mut Functions, function: Function) -> Result<Option<View>, OverBudget> {
    let whole = functions.runs(function, u32::MAX, MOST_RUNS).map(|runs| View::new(u32::MAX, runs));
    if whole.as_ref().is_some_and(|view| view.compares == 1) {
        return Ok(whole);
    }
    let mut best = whole;
    for upwards in [true, false] {
        let reduced = functions.without_free_bits(function, upwards)?;
        if !upwards && reduced == function {
            break;
        }
        let mask = functions.support(reduced);
        let Some(runs) = functions.runs(reduced, mask, MOST_RUNS) else { continue };
        let view = View::new(mask, runs);
        let cost = |view: &View| view.compares + usize::from(view.starts_with() != u32::MAX);
        if best.as_ref().is_none_or(|best| cost(&view) < cost(best)) {
            best = Some(view);
        }
    }
    Ok(best)
}

/// The one end of a function that has no more than one.
pub(super) fn only_end(functions: &Functions, function: Function) -> Option<u32> {
    match functions.ends(function) {
        Ends::None => Some(ANY),
        Ends::One(end) => Some(end),
        Ends::Many => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Graph;
    use super::*;
    use crate::abi::Endian;
    use crate::action::Action;

    /// The function that leads these values there, calls with other values to 0, and has no calls with some.
    fn function(functions: &mut Functions, known: &[(u32, u32)], never: &[u32]) -> Function {
        let mut function = functions.constant(0).unwrap();
        for (value, end) in known.iter().copied().chain(never.iter().map(|&value| (value, ANY))) {
            let test = functions.test(u32::MAX, &[(value, value)]).unwrap();
            function = functions.combine(function, test, &mut |old, holds| if holds == 1 { end } else { old }).unwrap();
        }
        function
    }

    proptest! {
        /// Whatever the view, free bits and free bounds, every value that calls come with goes where the function says.
        #[test]
        fn a_view_is_its_function(
            known in prop::collection::vec((0_u32..40, 0_u32..3), 1..6),
            never in prop::collection::vec(0_u32..40, 0..12),
        ) {
            let mut functions = Functions::default();
            functions.allow(100_000);
            let mut graph = Graph::default();
            let leaves = [Action::KillProcess, Action::Allow, Action::Log].map(|action| graph.leaf(action));
            let function = function(&mut functions, &known, &never);
            let function = functions.with_ends(function, &leaves.map(|leaf| leaf.0)).unwrap();
            prop_assume!(only_end(&functions, function).is_none());
            let view = best(&mut functions, function).unwrap().unwrap();
            let node = graph.switch(view.variable(Word::low(0, Endian::Little)), view.arms());
            for value in (0..70).chain([0x8000_0000, u32::MAX]) {
                let end = functions.end(function, value);
                prop_assert!(end == ANY || graph.node(NodeId(end)) == graph.end(node, &|_| value), "{}", value);
            }
        }
    }

    /// `{0, 8, 0x20000, 0x20008}` and `{0, 1, 0x80, 0x81}` are one test of bits each, without an AND.
    #[test]
    fn flags_spelled_as_lists_are_one_test() {
        for values in [[0, 8, 0x20000, 0x20008], [0, 1, 0x80, 0x81]] {
            let mut functions = Functions::default();
            functions.allow(10_000);
            let function = function(&mut functions, &values.map(|value| (value, 1)), &[]);
            let view = best(&mut functions, function).unwrap().unwrap();
            assert!(view.is_bit_test());
            assert_eq!((view.compares, view.mask), (1, !values[3]));
        }
    }

    #[test]
    fn free_bounds() {
        let view = |runs: &[(u32, u32, u32)]| {
            let runs = runs.iter().map(|&(first, last, end)| Run { first, last, end }).collect();
            View::new(u32::MAX, runs).arms().iter().map(|arm| arm.last).collect::<Vec<_>>()
        };
        // Any bound from 6 to 20 will do: 16.
        assert_eq!(view(&[(0, 5, 0), (20, u32::MAX, 1)]), [15, u32::MAX]);
        assert_eq!(view(&[(0, 5, 0), (7, u32::MAX, 1)]), [6, u32::MAX]);
        // 9 alone leads elsewhere, and stays alone.
        assert_eq!(view(&[(0, 5, 0), (9, 9, 1), (33, u32::MAX, 0)]), [8, 9, u32::MAX]);
    }

    /// The largest power of two in an interval, against every one.
    #[test]
    fn powers() {
        for below in 0..40_u32 {
            for above in below + 1..70 {
                let any = (0..7).map(|bit| 1 << bit).rev().find(|power| (below + 1..=above).contains(power));
                assert_eq!(power_between(below, above), any, "{below} {above}");
            }
        }
    }
}
