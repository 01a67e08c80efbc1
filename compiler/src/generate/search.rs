//! Search trees over the intervals of one variable.
//!
//! An exact dynamic program picks, for every run of intervals, the cheapest of all splits by `>=` and, where all intervals but
//! a few single values lead to one place, a chain of `==` that takes the single values out as holes: a hole costs one compare
//! where two splits would cost two. Knuth's optimal search trees are the case without holes.

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

/// The most `==` in a row.
const LONGEST_CHAIN: usize = 3;

/// The most intervals the dynamic program takes at once; its work is their cube. Longer lists are halved first.
const LARGEST_PROGRAM: usize = 160;

/// How many compares more on the average search are worth one compare less in the program: one in this many.
const COMPARES_PER_SEARCH: u64 = 12;

/// Builds the tree. Neighbouring intervals lead to different places, the first starts at the variable's least value.
pub(super) fn tree(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    if intervals.len() > LARGEST_PROGRAM {
        let (left, right) = intervals.split_at(intervals.len() / 2);
        let below = tree(compares, variable, left)?;
        let above = tree(compares, variable, right)?;
        return Some(compares.compare(variable, Test::AtLeast, right.first()?.first, above, below));
    }
    let last = intervals.len().checked_sub(1)?;
    Some(Program::new(intervals, price(weight(intervals))).build(compares, variable, 0, last))
}

/// What the tree costs: its compares at a price each, and for each interval its weight times the compares on its path. `None`
/// for lists too long to know.
pub(super) fn cost(intervals: &[Interval], price: u64) -> Option<u64> {
    let last = intervals.len().checked_sub(1).filter(|_| intervals.len() <= LARGEST_PROGRAM)?;
    Program::new(intervals, price).best.get(last).map(|best| best.0)
}

/// The price of a compare in the program, in compares on a search times weight, when so much weight is searched in all.
pub(super) fn price(weight: u64) -> u64 {
    weight.div_ceil(COMPARES_PER_SEARCH).max(1)
}

pub(super) fn weight(intervals: &[Interval]) -> u64 {
    intervals.iter().map(|interval| interval.weight).sum()
}

/// The cheapest way to tell a run of intervals apart.
#[derive(Clone, Copy)]
enum Choice {
    /// A single interval: nothing to tell.
    Nothing,
    /// `>=` the start of this interval.
    Split(usize),
    /// `==` with every interval that doesn't lead where this one does.
    Chain(usize),
}

struct Program<'a> {
    intervals: &'a [Interval],
    /// Cost and choice for the run `from..=to`, at `from * len + to`.
    best: Vec<(u64, Choice)>,
    /// The weight of all intervals before an index.
    before: Vec<u64>,
    price: u64,
}

impl<'a> Program<'a> {
    fn new(intervals: &'a [Interval], price: u64) -> Self {
        let length = intervals.len();
        let mut before = vec![0; length + 1];
        for (index, interval) in intervals.iter().enumerate() {
            before[index + 1] = before[index] + interval.weight;
        }
        let mut program = Self { intervals, best: vec![(0, Choice::Nothing); length * length], before, price };
        for span in 1..length {
            for from in 0..length - span {
                program.best[from * length + from + span] = program.cheapest(from, from + span);
            }
        }
        program
    }

    fn weight(&self, from: usize, to: usize) -> u64 {
        self.before[to + 1] - self.before[from]
    }

    fn cheapest(&self, from: usize, to: usize) -> (u64, Choice) {
        let length = self.intervals.len();
        let one = self.price + self.weight(from, to);
        let mut best = (u64::MAX, Choice::Nothing);
        for split in from + 1..=to {
            let cost = one + self.best[from * length + split - 1].0 + self.best[split * length + to].0;
            if cost < best.0 {
                best = (cost, Choice::Split(split));
            }
        }
        if to - from <= 2 * LONGEST_CHAIN {
            for base in from..=to {
                // On a tie the chain: `==` reads better.
                if let Some(cost) = self.chain_cost(from, to, base).filter(|&cost| cost <= best.0) {
                    best = (cost, Choice::Chain(base));
                }
            }
        }
        best
    }

    fn chain_cost(&self, from: usize, to: usize, base: usize) -> Option<u64> {
        let mut left = self.weight(from, to);
        let mut cost = 0;
        for hole in self.holes(from, to, base)? {
            cost += self.price + left;
            left -= self.intervals[hole].weight;
        }
        Some(cost)
    }

    /// The intervals that lead elsewhere than `base`, the heaviest first; `None` when one isn't a single value or there are
    /// too many for a chain.
    fn holes(&self, from: usize, to: usize, base: usize) -> Option<Vec<usize>> {
        let target = self.intervals[base].target;
        let mut holes: Vec<usize> = (from..=to).filter(|&index| self.intervals[index].target != target).collect();
        if holes.len() > LONGEST_CHAIN || holes.iter().any(|&hole| self.intervals[hole].only.is_none()) {
            return None;
        }
        holes.sort_by_key(|&hole| std::cmp::Reverse(self.intervals[hole].weight));
        Some(holes)
    }

    fn build(&self, compares: &mut Compares, variable: Variable, from: usize, to: usize) -> StepId {
        match self.best[from * self.intervals.len() + to].1 {
            Choice::Nothing => self.intervals[from].target,
            Choice::Split(split) => {
                let below = self.build(compares, variable, from, split - 1);
                let above = self.build(compares, variable, split, to);
                compares.compare(variable, Test::AtLeast, self.intervals[split].first, above, below)
            }
            Choice::Chain(base) => {
                let holes = self.holes(from, to, base).unwrap_or_default();
                holes.into_iter().rev().fold(self.intervals[base].target, |rest, hole| {
                    let hole = self.intervals[hole];
                    compares.compare(variable, Test::Equal, hole.only.unwrap_or(hole.first), hole.target, rest)
                })
            }
        }
    }
}
