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

use std::collections::HashMap;

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
    /// How many compares the deepest search may take more than the shallowest tree's, of splits alone, does.
    pub(super) slack: u32,
}

/// For the words of arguments, where intervals are few and all weigh the same.
const ARGUMENT_LIMITS: Limits = Limits { price: 0, window: 32, holes: 4, slack: 3 };

/// Without numbers to go by: so many compares less in the program are worth one more on the average search.
const COMPARES_PER_SEARCH: u64 = 12;

/// A value that so many-th of all searches look for is taken out of a run before it is cut.
const HOT: u64 = 6;

/// And one that not even so many-th look for is left in until the run is short.
const FEW: u64 = 24;

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
    let mut search = Search::new(intervals, limits);
    let depth = search.fewest_levels(last + 1) + limits.slack;
    Some(search.build(compares, variable, Run { from: 0, to: last, out: 0 }, depth))
}

/// The price of a compare in the program, in compares on a search times weight, when so much weight is searched in all.
pub(super) fn price(weight: u64) -> u64 {
    weight.div_ceil(COMPARES_PER_SEARCH).max(1)
}

pub(super) fn weight(intervals: &[Interval]) -> u64 {
    intervals.iter().map(|interval| interval.weight).sum()
}

/// The intervals `from..=to` without the `out` single values that are worth most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    from: usize,
    to: usize,
    out: usize,
}

impl Run {
    fn len(self) -> usize {
        self.to - self.from + 1
    }
}

/// How a run is told apart first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// All of it leads to one place: nothing to tell.
    Nothing,
    /// `>=` the start of this interval; of the holes so many lie below it.
    Split(usize, usize),
    /// `==` this single value.
    Hole(usize),
}

/// The best tree for a run.
#[derive(Clone, Copy, Debug)]
struct Best {
    cost: u64,
    height: u32,
    choice: Choice,
}

/// There is nothing to tell apart.
const NOTHING: Best = Best { cost: 0, height: 0, choice: Choice::Nothing };

/// No tree is shallow enough.
const NONE: Best = Best { cost: u64::MAX, height: u32::MAX, choice: Choice::Nothing };

/// How many trees that are shallow enough are looked for among all.
const SHALLOW_BUDGET: usize = 3_000;

/// The most holes a run can have taken out: [`Limits::holes`] is at most this.
const MOST_HOLES: usize = 8;

/// What there is to know of a run before its parts are looked at.
struct Shape {
    /// Its single values, those worth most first; one more than are out, if there is one.
    holes: [usize; MOST_HOLES + 1],
    found: usize,
    /// Those that are out, ascending.
    out: [usize; MOST_HOLES],
    /// Without those that are out.
    weight: u64,
    /// How often the place changes from one interval to the next.
    changes: usize,
}

struct Search<'a> {
    intervals: &'a [Interval],
    limits: Limits,
    /// The weight of all intervals before an index.
    before: Vec<u64>,
    /// The single values that the smallest tree takes out.
    joins: Vec<bool>,
    /// For each single value its place among them, the one worth most first; `usize::MAX` for wider intervals.
    rank: Vec<usize>,
    /// Trees of runs within the window, however deep. At `(from * window + len - 1) * (holes + 1) + out`.
    best: Vec<Option<Best>>,
    /// Trees no deeper than asked for, where the best is deeper. Looked up only.
    shallow: HashMap<(Run, u32), Best>,
    /// How many of those may still be looked for among all trees; the others are made by rule.
    budget: usize,
}

impl<'a> Search<'a> {
    fn new(intervals: &'a [Interval], limits: Limits) -> Self {
        let length = intervals.len();
        let limits = Limits { window: limits.window.min(length).max(1), holes: limits.holes.min(MOST_HOLES), ..limits };
        let mut before = vec![0; length + 1];
        for (index, interval) in intervals.iter().enumerate() {
            before[index + 1] = before[index] + interval.weight;
        }
        let joins = joining_holes(intervals);
        let worth = |index: usize| {
            let spared = if joins[index] { limits.price } else { 0 };
            intervals[index].weight.saturating_add(spared)
        };
        let mut single: Vec<usize> = (0..length).filter(|&index| intervals[index].only.is_some()).collect();
        single.sort_by_key(|&index| (std::cmp::Reverse((worth(index), joins[index])), index));
        let mut rank = vec![usize::MAX; length];
        for (place, &index) in single.iter().enumerate() {
            rank[index] = place;
        }
        let best = vec![None; length * limits.window * (limits.holes + 1)];
        Self { intervals, limits, before, joins, rank, best, shallow: HashMap::new(), budget: SHALLOW_BUDGET }
    }

    /// The height of the shallowest tree of splits.
    fn fewest_levels(&self, length: usize) -> u32 {
        length.next_power_of_two().ilog2()
    }

    fn shape(&self, run: Run) -> Shape {
        let mut holes = [usize::MAX; MOST_HOLES + 1];
        let (mut found, most) = (0, run.out + 1);
        for index in run.from..=run.to {
            let rank = self.rank[index];
            if rank == usize::MAX || found == most && rank > self.rank[holes[found - 1]] {
                continue;
            }
            let mut at = if found < most { found } else { found - 1 };
            found = most.min(found + 1);
            while at > 0 && self.rank[holes[at - 1]] > rank {
                holes[at] = holes[at - 1];
                at -= 1;
            }
            holes[at] = index;
        }
        let mut out = [usize::MAX; MOST_HOLES];
        out[..run.out].copy_from_slice(&holes[..run.out]);
        out[..run.out].sort_unstable();
        let mut weight = self.before[run.to + 1] - self.before[run.from];
        let (mut next_out, mut changes, mut target) = (0, 0, None);
        for index in run.from..=run.to {
            if next_out < run.out && out[next_out] == index {
                next_out += 1;
                weight -= self.intervals[index].weight;
                continue;
            }
            let own = self.intervals[index].target;
            changes += usize::from(target.is_some_and(|target| target != own));
            target = Some(own);
        }
        Shape { holes, found, out, weight, changes }
    }

    /// The best tree of a run that takes at most `depth` compares.
    fn best(&mut self, run: Run, depth: u32) -> Best {
        if run.len() > self.limits.window {
            return self.by_rule(run, depth);
        }
        let place = (run.from * self.limits.window + run.len() - 1) * (self.limits.holes + 1) + run.out;
        let best = if let Some(best) = self.best[place] {
            best
        } else {
            let best = self.cheapest(run);
            self.best[place] = Some(best);
            best
        };
        if best.height <= depth {
            return best;
        }
        if let Some(&best) = self.shallow.get(&(run, depth)) {
            return best;
        }
        let best = if let Some(left) = self.budget.checked_sub(1) {
            self.budget = left;
            self.cheapest_within(run, depth)
        } else if 1_usize.checked_shl(depth).is_none_or(|most| run.len() <= most) {
            self.by_rule(run, depth)
        } else {
            NONE
        };
        self.shallow.insert((run, depth), best);
        best
    }

    /// Of all first tests the one with the cheapest rest.
    fn cheapest(&mut self, run: Run) -> Best {
        let shape = self.shape(run);
        if shape.changes == 0 {
            return NOTHING;
        }
        let one = self.limits.price + shape.weight;
        let mut best = NONE;
        for (choice, parts) in self.choices(run, &shape) {
            let mut tree = NOTHING;
            for part in parts.into_iter().flatten() {
                if tree.cost < best.cost {
                    tree = tree.beside(self.best(part, u32::MAX));
                }
            }
            let tree = tree.behind(one, choice);
            // On a tie the hole, which is tried first: `==` reads better.
            if tree.cost < best.cost {
                best = tree;
            }
        }
        best
    }

    /// As [`cheapest`](Self::cheapest), of the trees that take at most `depth` compares. Parts cost at least what they cost
    /// without that limit, so the promising choices come first and most are never looked at.
    fn cheapest_within(&mut self, run: Run, depth: u32) -> Best {
        let shape = self.shape(run);
        if shape.changes == 0 {
            return NOTHING;
        }
        let Some(below) = depth.checked_sub(1) else { return NONE };
        let one = self.limits.price + shape.weight;
        let mut promising: Vec<_> = self
            .choices(run, &shape)
            .into_iter()
            .map(|(choice, parts)| {
                let least =
                    parts.iter().flatten().map(|&part| self.best(part, u32::MAX).cost).fold(one, u64::saturating_add);
                (least, choice, parts)
            })
            .collect();
        promising.sort_by_key(|&(least, ..)| least);
        let mut best = NONE;
        for (least, choice, parts) in promising {
            if least >= best.cost {
                break;
            }
            let mut tree = NOTHING;
            for part in parts.into_iter().flatten() {
                if tree.cost < best.cost {
                    tree = tree.beside(self.best(part, below));
                }
            }
            let tree = tree.behind(one, choice);
            if tree.cost < best.cost {
                best = tree;
            }
        }
        best
    }

    /// Every first test there is for a run, and the runs it leaves.
    fn choices(&self, run: Run, shape: &Shape) -> Vec<(Choice, [Option<Run>; 2])> {
        let mut choices = Vec::with_capacity(run.len());
        if run.out < self.limits.holes && shape.found > run.out {
            let hole = shape.holes[run.out];
            // A hole that few look for can wait until the run is short.
            let weight = self.intervals[hole].weight;
            if run.len() <= 2 * self.limits.holes + 1 || weight.saturating_mul(FEW) >= shape.weight {
                choices.push((Choice::Hole(hole), [Some(Run { out: run.out + 1, ..run }), None]));
            }
        }
        let mut low_out = 0;
        for split in run.from + 1..=run.to {
            if low_out < run.out && shape.out[low_out] < split {
                low_out += 1;
            }
            let high_out = run.out - low_out;
            let only_holes = split - run.from == low_out || run.to + 1 - split == high_out;
            // Before a hole that is out is where behind it is.
            if !only_holes && !(low_out < run.out && shape.out[low_out] == split) {
                let low = Run { from: run.from, to: split - 1, out: low_out };
                let high = Run { from: split, to: run.to, out: high_out };
                choices.push((Choice::Split(split, low_out), [Some(low), Some(high)]));
            }
        }
        choices
    }

    /// A long run: a value that many look for is taken out, else it is cut where both sides weigh about the same.
    fn by_rule(&mut self, run: Run, depth: u32) -> Best {
        let shape = self.shape(run);
        if shape.changes == 0 {
            return NOTHING;
        }
        let below = depth.saturating_sub(1);
        let one = self.limits.price + shape.weight;
        let levels = self.fewest_levels(run.len());
        if run.out < self.limits.holes && shape.found > run.out && below >= levels {
            let hole = shape.holes[run.out];
            if self.intervals[hole].weight.saturating_mul(HOT) >= shape.weight && shape.weight > 0 {
                let rest = self.best(Run { out: run.out + 1, ..run }, below);
                return rest.behind(one, Choice::Hole(hole));
            }
        }
        let (split, low_out) = self.cut(run, &shape, below);
        let low = self.best(Run { from: run.from, to: split - 1, out: low_out }, below);
        let high = self.best(Run { from: split, to: run.to, out: run.out - low_out }, below);
        low.beside(high).behind(one, Choice::Split(split, low_out))
    }

    /// Where to cut a long run, and how many of its holes lie below: neither side with more intervals than the levels left can
    /// tell apart, not next to a single value that a hole would do for, and otherwise in the middle of the weight.
    fn cut(&self, run: Run, shape: &Shape, below: u32) -> (usize, usize) {
        let most = 1_usize.checked_shl(below).unwrap_or(usize::MAX);
        // Every interval weighs something, so that runs that nobody looks for are halved.
        let least = shape.weight / run.len() as u64 / 4 + 1;
        let total = shape.weight + least * run.len() as u64;
        let mut best = (u64::MAX, run.from + run.len() / 2, 0);
        let (mut low_out, mut low) = (0, 0);
        for split in run.from + 1..=run.to {
            low += least;
            if low_out < run.out && shape.out[low_out] < split {
                low_out += 1;
            } else {
                low += self.intervals[split - 1].weight;
            }
            if split - run.from > most || run.to + 1 - split > most {
                continue;
            }
            let mut lopsided = low.abs_diff(total - low);
            if self.joins[split] || self.joins[split - 1] {
                lopsided += total / 4;
            }
            if lopsided < best.0 {
                best = (lopsided, split, low_out);
            }
        }
        (best.1, best.2)
    }

    fn build(&mut self, compares: &mut Compares, variable: Variable, run: Run, depth: u32) -> StepId {
        let below = depth.saturating_sub(1);
        match self.best(run, depth).choice {
            Choice::Nothing => {
                let shape = self.shape(run);
                let out = &shape.out[..run.out];
                let left = (run.from..=run.to).find(|index| !out.contains(index)).unwrap_or(run.from);
                self.intervals[left].target
            }
            Choice::Split(split, low_out) => {
                let low = self.build(compares, variable, Run { from: run.from, to: split - 1, out: low_out }, below);
                let high =
                    self.build(compares, variable, Run { from: split, to: run.to, out: run.out - low_out }, below);
                compares.compare(variable, Test::AtLeast, self.intervals[split].first, high, low)
            }
            Choice::Hole(hole) => {
                let rest = self.build(compares, variable, Run { out: run.out + 1, ..run }, below);
                let Interval { first, only, target, .. } = self.intervals[hole];
                compares.compare(variable, Test::Equal, only.unwrap_or(first), target, rest)
            }
        }
    }
}

/// The single values that a tree of the fewest compares takes out: every interval that stays costs a split where it leads
/// elsewhere than the one before it that stays, every value taken out an `==`.
fn joining_holes(intervals: &[Interval]) -> Vec<bool> {
    // For each interval, if it stays: the fewest compares up to it, and the one before it that stays.
    let mut fewest: Vec<(usize, Option<usize>)> = Vec::with_capacity(intervals.len());
    for (index, interval) in intervals.iter().enumerate() {
        let mut best = (usize::MAX, None);
        for out in 0..=MOST_HOLES.min(index) {
            if out > 0 && intervals[index - out].only.is_none() {
                break;
            }
            let (cost, before) = match (index - out).checked_sub(1) {
                None => (out, None),
                Some(before) => {
                    let split = usize::from(intervals[before].target != interval.target);
                    (fewest[before].0 + out + split, Some(before))
                }
            };
            if cost < best.0 {
                best = (cost, before);
            }
        }
        fewest.push(best);
    }
    let trailing = |&out: &usize| out == 0 || intervals[intervals.len() - out].only.is_some();
    let ends = (0..=MOST_HOLES.min(intervals.len().saturating_sub(1))).take_while(trailing);
    let last = ends.min_by_key(|&out| fewest[intervals.len() - 1 - out].0 + out);
    let mut holes = vec![true; intervals.len()];
    let mut stays = last.and_then(|out| (intervals.len() - 1).checked_sub(out));
    while let Some(index) = stays {
        holes[index] = false;
        stays = fewest[index].1;
    }
    holes
}

impl Best {
    /// Two trees under one test.
    fn beside(self, other: Self) -> Self {
        Self { cost: self.cost.saturating_add(other.cost), height: self.height.max(other.height), ..self }
    }

    /// A tree behind a test.
    fn behind(self, test: u64, choice: Choice) -> Self {
        Self { cost: self.cost.saturating_add(test), height: self.height.saturating_add(1), choice }
    }
}
