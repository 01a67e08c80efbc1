//! The best trees of all runs, by dynamic programming.

use rustc_hash::FxHashMap;

use super::exact::{Exact, Left};
use super::run::{Choice, Choices, MOST_HOLES, Run, Shape, index, split_at};
use super::smallest::smallest_tree;
use super::{Interval, Limits, ShortRuns};

/// A value that so many-th of all searches look for is taken out of a run before it is cut.
const HOT: u64 = 6;

/// And one that not even so many-th look for is left in until the run is short.
const FEW: u64 = 24;

/// How many trees that are shallow enough are looked for among all.
const SHALLOW_BUDGET: usize = 2_000;

/// The best tree for a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) cost: u64,
    pub(super) height: u8,
    pub(super) choice: Choice,
}

/// There is nothing to tell apart.
pub(super) const NOTHING: Best = Best { cost: 0, height: 0, choice: Choice::Nothing };

/// No tree is shallow enough.
pub(super) const NONE: Best = Best { cost: u64::MAX, height: u8::MAX, choice: Choice::Nothing };

impl Best {
    /// Two trees under one test.
    pub(super) fn beside(self, other: Self) -> Self {
        Self { cost: self.cost.saturating_add(other.cost), height: self.height.max(other.height), ..self }
    }

    /// A tree behind a test.
    pub(super) fn behind(self, test: u64, choice: Choice) -> Self {
        Self { cost: self.cost.saturating_add(test), height: self.height.saturating_add(1), choice }
    }
}

/// The trees found so far.
pub(super) struct Plan<'a> {
    pub(super) intervals: &'a [Interval],
    limits: Limits,
    /// The weight of all intervals before an index.
    before: Vec<u64>,
    /// The single values that the smallest tree takes out.
    joins: Vec<bool>,
    /// For each single value its place among them, the one worth most first; `usize::MAX` for wider intervals.
    rank: Vec<usize>,
    /// Trees of runs within the window, however deep. At `(from * window + len - 1) * (holes + 1) + out`.
    best: Vec<Option<Best>>,
    /// Trees no deeper than asked for, where the best is deeper or the run is longer than the window. Looked up only.
    shallow: FxHashMap<(Run, u32), Best>,
    /// Of short runs, all trees there are; `None` when they aren't looked at.
    pub(super) exact: Option<Exact<'a>>,
    /// How many of those may still be looked for among all trees; the others are made by rule.
    budget: usize,
}

impl<'a> Plan<'a> {
    /// Plans for these intervals; no value is greater than `greatest`.
    pub(super) fn new(intervals: &'a [Interval], limits: Limits, greatest: u32) -> Self {
        let length = intervals.len();
        let limits = Limits { window: limits.window.min(length).max(1), holes: limits.holes.min(MOST_HOLES), ..limits };
        let mut before = vec![0; length + 1];
        for (index, interval) in intervals.iter().enumerate() {
            before[index + 1] = before[index] + interval.weight;
        }
        let (_, joins) = smallest_tree(intervals);
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
        let reach = match limits.short_runs {
            ShortRuns::Planned => None,
            ShortRuns::Mended(reach) | ShortRuns::Exact(reach) => Some(reach),
        };
        let exact = reach.map(|reach| Exact::new(intervals, limits.price, reach, greatest));
        Self {
            exact,
            intervals,
            limits,
            before,
            joins,
            rank,
            best,
            shallow: FxHashMap::default(),
            budget: SHALLOW_BUDGET,
        }
    }

    /// The height of the shallowest tree of splits.
    pub(super) fn fewest_levels(&self, length: usize) -> u32 {
        length.next_power_of_two().ilog2()
    }

    /// The best tree of a run that takes at most `depth` compares.
    pub(super) fn best(&mut self, run: Run, depth: u32) -> Best {
        if run.len() > self.limits.window {
            if let Some(&best) = self.shallow.get(&(run, depth)) {
                return best;
            }
            let best = self.by_rule(run, depth);
            self.shallow.insert((run, depth), best);
            return best;
        }
        let place = (run.from * self.limits.window + run.len() - 1) * (self.limits.holes + 1) + run.out;
        let best = if let Some(best) = self.best[place] {
            best
        } else {
            let best = self.cheapest(run);
            self.best[place] = Some(best);
            best
        };
        if u32::from(best.height) <= depth {
            return best;
        }
        if let Some(&best) = self.shallow.get(&(run, depth)) {
            return best;
        }
        let best = if let Some(left) = self.budget.checked_sub(1) {
            self.budget = left;
            self.cheapest_within(run, depth)
        } else if 1_usize.checked_shl(depth).is_none_or(|most| run.len() - run.out <= most) {
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
        if let Some(best) = self.exact(run, &shape) {
            return best;
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

    /// Of a short run, the cheapest tree there is, where that is to be known before longer ones are planned.
    fn exact(&mut self, run: Run, shape: &Shape) -> Option<Best> {
        let exact = self.exact.as_mut().filter(|_| matches!(self.limits.short_runs, ShortRuns::Exact(_)))?;
        exact.left(run, shape).map(|left| exact.best(left).0)
    }

    /// What is left of a short run, if the best of all trees of it, or one as good, takes the place of the one planned.
    pub(super) fn mended(&mut self, run: Run, depth: u32) -> Option<Left> {
        let planned = self.best(run, depth);
        let shape = self.shape(run);
        let exact = self.exact.as_mut()?;
        let left = exact.left(run, &shape)?;
        let best = exact.best(left).0;
        let shallow = u32::from(best.height) <= depth;
        (shallow && (best.cost < planned.cost || planned.choice == Choice::Exact)).then_some(left)
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
    fn choices(&self, run: Run, shape: &Shape) -> Choices {
        let hole = (run.out < self.limits.holes && shape.found > run.out).then(|| shape.holes[run.out]);
        let worth_it = |&hole: &usize| {
            let short = run.len() <= 2 * self.limits.holes + 1;
            let few = if self.joins[hole] { FEW } else { self.limits.few };
            short && self.joins[hole] || self.intervals[hole].weight.saturating_mul(few) >= shape.weight.max(1)
        };
        Choices { run, out: shape.out, hole: hole.filter(worth_it), split: run.from, low_out: 0 }
    }

    /// A long run: a value that many look for is taken out, else it is cut where both sides weigh about the same.
    fn by_rule(&mut self, run: Run, depth: u32) -> Best {
        let shape = self.shape(run);
        if shape.changes == 0 {
            return NOTHING;
        }
        let below = depth.saturating_sub(1);
        let one = self.limits.price + shape.weight;
        let levels = self.fewest_levels(run.len() - run.out);
        if run.out < self.limits.holes && shape.found > run.out && below >= levels {
            let hole = shape.holes[run.out];
            if self.intervals[hole].weight.saturating_mul(HOT) >= shape.weight && shape.weight > 0 {
                let rest = self.best(Run { out: run.out + 1, ..run }, below);
                return rest.behind(one, Choice::Hole(index(hole)));
            }
        }
        let (split, low_out) = self.cut(run, &shape, below);
        let low = self.best(Run { from: run.from, to: split - 1, out: low_out }, below);
        let high = self.best(Run { from: split, to: run.to, out: run.out - low_out }, below);
        low.beside(high).behind(one, split_at(split, low_out))
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
            let below_it = split - run.from - low_out;
            let above_it = run.len() - run.out - below_it;
            if below_it == 0 || above_it == 0 || below_it > most || above_it > most {
                continue;
            }
            let mut lopsided = low.abs_diff(total - low);
            if self.joins[split] || self.joins[split - 1] {
                lopsided += (total / 4).min(self.limits.price);
            }
            if lopsided < best.0 {
                best = (lopsided, split, low_out);
            }
        }
        (best.1, best.2)
    }

    pub(super) fn shape(&self, run: Run) -> Shape {
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
}
