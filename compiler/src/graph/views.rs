//! The masks under which a word's function can be searched as intervals, and what that costs.

use super::diagram::{ANY, Ends, Function, Functions, Run};
use super::{Arm, NodeId, OverBudget, Variable, Word, cost};

/// More runs than this aren't searched under any mask.
const MOST_RUNS: usize = 300;

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
