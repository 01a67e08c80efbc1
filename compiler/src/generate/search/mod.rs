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
//!
//! Of short runs all trees there are can be looked at ([`exact`]): holes in any order, and tests of bits, which take out
//! intervals that don't lie side by side.

mod exact;
mod plan;
mod run;
mod smallest;

pub(super) use exact::Reach;
use exact::{Exact, FirstTest, Left};
use plan::Plan;
use run::{Choice, Run};
pub(super) use smallest::fewest_compares;

use super::compares::{Compares, StepId, Test};
use crate::graph::{Variable, Word};

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

/// Where every tree of a short run is looked at, tests of bits among them.
#[derive(Clone, Copy, Debug)]
pub(super) enum ShortRuns {
    /// Nowhere.
    Planned,
    /// Where the tree that was planned comes down to one.
    Mended(Reach),
    /// Everywhere, before anything longer is planned.
    Exact(Reach),
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
    /// What is done about short runs of numbers.
    pub(super) short_runs: ShortRuns,
}

/// Builds the tree, within limits. Neighbouring intervals lead to different places, the first starts at the variable's least value.
pub(super) fn tree_within(
    compares: &mut Compares,
    variable: Variable,
    intervals: &[Interval],
    limits: Limits,
) -> Option<StepId> {
    let last = intervals.len().checked_sub(1)?;
    let short_runs = if variable.word == Word::NUMBER { limits.short_runs } else { ShortRuns::Planned };
    let mut plan = Plan::new(intervals, Limits { short_runs, ..limits }, variable.mask);
    let depth = plan.fewest_levels(last + 1) + limits.slack;
    Some(build(&mut plan, compares, variable, Run { from: 0, to: last, out: 0 }, depth))
}

pub(super) fn weight(intervals: &[Interval]) -> u64 {
    intervals.iter().map(|interval| interval.weight).sum()
}

/// The steps of the best tree of a run.
fn build(plan: &mut Plan<'_>, compares: &mut Compares, variable: Variable, run: Run, depth: u32) -> StepId {
    let below = depth.saturating_sub(1);
    if let Some(left) = plan.mended(run, depth) {
        return build_exact(plan, compares, variable, left);
    }
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
        // A tree like that has been built already.
        Choice::Exact => plan.intervals[run.from].target,
        Choice::Hole(hole) => {
            let rest = build(plan, compares, variable, Run { out: run.out + 1, ..run }, below);
            let Interval { first, only, target, .. } = plan.intervals[hole as usize];
            compares.compare(variable, Test::Equal, only.unwrap_or(first), target, rest)
        }
    }
}

/// The steps of the best tree of a short run.
fn build_exact(plan: &mut Plan<'_>, compares: &mut Compares, variable: Variable, left: Left) -> StepId {
    let Some(first) = plan.exact.as_mut().and_then(|exact: &mut Exact<'_>| exact.best(left).1) else {
        return plan.intervals[left.first()].target;
    };
    let yes = build_exact(plan, compares, variable, first.yes);
    let no = build_exact(plan, compares, variable, first.no);
    let (test, k) = match first.test {
        FirstTest::AtLeast(k) => (Test::AtLeast, k),
        FirstTest::Equal(k) => (Test::Equal, k),
        FirstTest::AnyBit(k) => (Test::AnyBit, k),
    };
    compares.compare(variable, test, k, yes, no)
}

#[cfg(test)]
mod tests;
