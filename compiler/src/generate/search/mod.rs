//! Search trees over the intervals of one variable.
//!
//! A tree is made of splits by `>=` and of `==` that take a single value out. A value taken out is a hole: where its
//! neighbours lead to one place, they are one interval from then on, so that a hole costs one compare where two splits would
//! cost two, and a value that is often looked for is found at once.
//!
//! A dynamic program finds the cheapest tree of a run of intervals from the cheapest trees of its parts: for every run and
//! every number of holes, the heaviest first, that were taken out of it. It is exact for trees that take the heaviest hole of
//! a run before its others. Runs longer than a window are cut by rule first. Knuth's optimal search trees are the case
//! without holes.

mod plan;
mod run;
mod smallest;

use plan::Plan;
use run::{Choice, Run};
pub(super) use smallest::fewest_compares;

use super::compares::{Compares, StepId, Test};
use crate::graph::Variable;

/// One interval to be found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    /// Its least value. It goes up to the next interval's.
    pub(super) first: u32,
    /// Its only value, if it has but one.
    pub(super) only: Option<u32>,
    /// How often it is looked for, against the others.
    pub(super) weight: u64,
    /// Where it leads.
    pub(super) target: StepId,
}

/// How long to look for a good tree, and what is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// What a compare in the program costs, in compares on a search times weight.
    pub(super) price: u64,
    /// Longer runs are cut by rule.
    pub(super) window: usize,
    /// The most holes taken out of one run.
    pub(super) holes: usize,
    /// A hole whose neighbours lead to different places is taken out where at least one in so many searches is for it.
    pub(super) few: u64,
    /// How many compares the deepest search may take more than the shallowest tree's, of splits alone, does.
    pub(super) slack: u32,
}

/// For the words of arguments, where intervals are few and all weigh the same.
const ARGUMENT_LIMITS: Limits = Limits { price: 0, window: 32, holes: 4, few: 4, slack: 3 };

/// Without numbers to go by: so many compares less in the program are worth one more on the average search.
const COMPARES_PER_SEARCH: u64 = 12;

/// Builds the tree. Neighbouring intervals lead to different places, the first starts at the variable's least value.
pub(super) fn tree(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    let limits = Limits { price: price(weight(intervals)), ..ARGUMENT_LIMITS };
    tree_within(compares, variable, intervals, limits)
}

/// As [`tree`], within other limits.
pub(super) fn tree_within(
    compares: &mut Compares,
    variable: Variable,
    intervals: &[Interval],
    limits: Limits,
) -> Option<StepId> {
    let last = intervals.len().checked_sub(1)?;
    let mut plan = Plan::new(intervals, limits);
    let depth = plan.fewest_levels(last + 1) + limits.slack;
    Some(build(&mut plan, compares, variable, Run { from: 0, to: last, out: 0 }, depth))
}

/// The price of a compare in the program, in compares on a search times weight, when so much weight is searched in all.
pub(super) fn price(weight: u64) -> u64 {
    weight.div_ceil(COMPARES_PER_SEARCH).max(1)
}

pub(super) fn weight(intervals: &[Interval]) -> u64 {
    intervals.iter().map(|interval| interval.weight).sum()
}

/// The steps of the best tree of a run.
fn build(plan: &mut Plan<'_>, compares: &mut Compares, variable: Variable, run: Run, depth: u32) -> StepId {
    let below = depth.saturating_sub(1);
    match plan.best(run, depth).choice {
        Choice::Nothing => {
            let shape = plan.shape(run);
            let out = &shape.out[..run.out];
            let left = (run.from..=run.to).find(|index| !out.contains(index)).unwrap_or(run.from);
            plan.intervals[left].target
        }
        Choice::Split(split, low_out) => {
            let (split, low_out) = (split as usize, usize::from(low_out));
            let low = build(plan, compares, variable, Run { from: run.from, to: split - 1, out: low_out }, below);
            let high = build(plan, compares, variable, Run { from: split, to: run.to, out: run.out - low_out }, below);
            let Interval { first, only, .. } = plan.intervals[split];
            // At the end of a run, a single value is all there is from it on: `==` reads better.
            let test = if split == run.to && only.is_some() { Test::Equal } else { Test::AtLeast };
            compares.compare(variable, test, first, high, low)
        }
        Choice::Hole(hole) => {
            let rest = build(plan, compares, variable, Run { out: run.out + 1, ..run }, below);
            let Interval { first, only, target, .. } = plan.intervals[hole as usize];
            compares.compare(variable, Test::Equal, only.unwrap_or(first), target, rest)
        }
    }
}

#[cfg(test)]
mod tests;
