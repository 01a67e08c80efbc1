//! Newer calls have one number on every ABI, so that searches for different ABIs end alike.

use super::compares::{Compares, StepId, Test};
use super::search::{self, Interval, Limits};
use crate::abi::X32_BIT;
use crate::graph::{Variable, Word};

/// What the numbers of one node are, before a tree is built.
pub(super) struct Dispatch {
    pub(super) variable: Variable,
    pub(super) intervals: Vec<Interval>,
}

/// A tail with fewer intervals than this isn't worth a place of its own.
const SHORTEST: usize = 3;

/// When more searches than this look at the whole number, they share among themselves alone: the guards of all would cost more
/// than the one masked search spares.
const MOST_GUARDED: usize = 3;

/// So many shorter tails than the longest are tried: a cut next to a hole costs a compare.
const TRIED: usize = 4;

/// Searches that agree from some number on go on as one: with `f(n) = g(n)` for n from v on, `if n >= v { f(n) } else { p(n) }`
/// and `if n >= v { g(n) } else { q(n) }` share what comes after `n >= v`.
///
/// Numbers from bit 30 up are x32's, so a tail ends there. Where one of the searches looks at the number under a mask that takes
/// bit 30 away, the tail does too, and others come to it behind a test for numbers below bit 30: one compare for each.
pub(super) fn share(compares: &mut Compares, dispatches: &mut [Dispatch], limits: Limits) {
    let whole = Variable::whole(Word::NUMBER);
    let wholes = dispatches.iter().filter(|dispatch| dispatch.variable == whole).count();
    let masked = dispatches.iter().map(|dispatch| dispatch.variable).find(|variable| variable.mask == X32_BIT - 1);
    let masked = masked.filter(|_| wholes <= MOST_GUARDED);
    let members: Vec<usize> = (0..dispatches.len())
        .filter(|&index| [Some(whole), masked].contains(&Some(dispatches[index].variable)))
        .collect();
    let mut tails = Tails { compares, limits, variable: masked.unwrap_or(whole), of: vec![None; dispatches.len()] };
    tails.find(dispatches, members, 0, None);
    let Tails { of, variable, .. } = tails;
    for (dispatch, tail) in dispatches.iter_mut().zip(of) {
        if let Some(Tail { length, step }) = tail {
            dispatch.end_with(compares, length, step, variable);
        }
    }
}

/// The last intervals below bit 30, so many of them, and the step that tells them apart.
#[derive(Clone, Copy)]
struct Tail {
    length: usize,
    step: StepId,
}

struct Tails<'a> {
    compares: &'a mut Compares,
    limits: Limits,
    /// What a tail looks at.
    variable: Variable,
    /// For each search the longest tail it shares.
    of: Vec<Option<Tail>>,
}

impl Tails<'_> {
    /// Finds what these searches share from their ends on, `behind` of which they are known to share already.
    fn find(&mut self, dispatches: &[Dispatch], members: Vec<usize>, behind: usize, shared: Option<Tail>) {
        let [first, others @ ..] = members.as_slice() else { return };
        if others.is_empty() {
            return;
        }
        let agree = |length: usize| {
            let one = dispatches[*first].last(length);
            one.is_some() && others.iter().all(|&other| alike(dispatches[other].last(length), one))
        };
        let length = (behind..).take_while(|&length| agree(length)).count() + behind;
        let shared = self.tail(dispatches, &members, length, shared).or(shared);
        // The next interval sorts them into groups that may share more.
        let mut left = members;
        while let Some(&one) = left.first() {
            let next = dispatches[one].last(length);
            let (group, rest) = left.into_iter().partition(|&other| alike(dispatches[other].last(length), next));
            left = rest;
            if next.is_some() {
                self.find(dispatches, group, length, shared);
            }
        }
    }

    /// The tail of at most this length that pays most, if one does; `shared` is the end of all of them.
    fn tail(
        &mut self,
        dispatches: &[Dispatch],
        members: &[usize],
        longest: usize,
        shared: Option<Tail>,
    ) -> Option<Tail> {
        let known = shared.map_or(0, |tail| tail.length);
        let weight = |length: usize| -> u64 {
            members.iter().filter_map(|&index| dispatches[index].last(length)).map(|one| one.weight).sum()
        };
        // Those that come from the whole number test it once more, all at one place.
        let guarded: Vec<usize> =
            members.iter().copied().filter(|&index| dispatches[index].variable != self.variable).collect();
        let slower = |length: usize| -> u64 {
            let those = guarded.iter().flat_map(|&index| (known..length).map(move |at| (index, at)));
            those.filter_map(|(index, at)| dispatches[index].last(at)).map(|one| one.weight).sum()
        };
        let apart: usize =
            members.iter().map(|&index| search::fewest_compares(&dispatches[index].behind(known, shared))).sum();
        let lengths = longest.saturating_sub(TRIED).max(known + SHORTEST)..=longest;
        let gains = lengths.filter_map(|length| {
            let intervals = dispatches[members[0]].between(known, length, shared);
            let tail = Some(Tail { length, step: intervals.first()?.target });
            let fronts: usize =
                members.iter().map(|&index| search::fewest_compares(&dispatches[index].behind(length, tail))).sum();
            let together = fronts + search::fewest_compares(&intervals) + usize::from(!guarded.is_empty());
            let gain = self.limits.price.saturating_mul(apart.checked_sub(together)? as u64);
            Some((gain.checked_sub(slower(length)).filter(|&gain| gain > 0)?, length))
        });
        let (_, length) = gains.max()?;
        let mut intervals = dispatches[members[0]].between(known, length, shared);
        for (interval, length) in intervals.iter_mut().zip((known..length).rev()) {
            interval.weight = weight(length);
        }
        if let Some(last) = intervals.last_mut().filter(|_| shared.is_some()) {
            last.weight = (0..known).map(weight).sum();
        }
        let step = search::tree_within(self.compares, self.variable, &intervals, self.limits)?;
        let tail = Tail { length, step };
        for &index in members {
            self.of[index] = Some(tail);
        }
        Some(tail)
    }
}

/// Whether two intervals start at one value and lead to one place.
fn alike(one: Option<Interval>, other: Option<Interval>) -> bool {
    one.map(|one| (one.first, one.target)) == other.map(|other| (other.first, other.target))
}

impl Dispatch {
    /// How many intervals start below bit 30.
    fn below(&self) -> usize {
        self.intervals.partition_point(|interval| interval.first < X32_BIT)
    }

    /// The intervals below bit 30, the last one at 0.
    fn last(&self, index: usize) -> Option<Interval> {
        self.below().checked_sub(index + 1).and_then(|index| self.intervals.get(index)).copied()
    }

    /// The last intervals below bit 30, so many of them but those that a tail is for, and that tail.
    fn between(&self, known: usize, length: usize, tail: Option<Tail>) -> Vec<Interval> {
        let mut intervals: Vec<Interval> = (known..length).rev().filter_map(|index| self.last(index)).collect();
        intervals.extend(tail.and_then(|tail| self.stand_in(tail)));
        intervals
    }

    /// All intervals but the last ones below bit 30, which a tail is for, and that tail.
    fn behind(&self, length: usize, tail: Option<Tail>) -> Vec<Interval> {
        self.between(length, self.below(), tail)
    }

    /// What a tail is to the search it ends.
    fn stand_in(&self, tail: Tail) -> Option<Interval> {
        let first = self.last(tail.length.checked_sub(1)?)?.first;
        Some(Interval { first, only: None, weight: 0, target: tail.step })
    }

    /// Puts a step in the place of the last intervals below bit 30.
    fn end_with(&mut self, compares: &mut Compares, length: usize, step: StepId, variable: Variable) {
        let below = self.below();
        let replaced = below - length..below;
        let (Some(first), Some(last)) = (self.intervals.get(replaced.start), self.intervals.get(below - 1)) else {
            return;
        };
        let weight = search::weight(&self.intervals[replaced.clone()]);
        let ends = below < self.intervals.len();
        let target = if self.variable == variable || ends {
            step
        } else {
            compares.compare(self.variable, Test::AtLeast, X32_BIT, last.target, step)
        };
        let tail = Interval { first: first.first, only: None, weight, target };
        self.intervals.splice(replaced, [tail]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::compares::Step;
    use super::super::search::ShortRuns;
    use super::*;

    const LIMITS: Limits =
        Limits { price: 1000, window: 50, holes: 8, few: 12, slack: 3, short_runs: ShortRuns::Planned };

    /// Where a number comes to, by the tree's own tests.
    fn end(compares: &Compares, mut at: StepId, nr: u32) -> StepId {
        while let Step::Compare { variable, test, k, yes, no } = compares.step(at) {
            let value = nr & variable.mask;
            at = if test.holds(value, k) { yes } else { no };
        }
        at
    }

    fn intervals(places: &[StepId], firsts: &[u32], shift: usize) -> Vec<Interval> {
        let of = |(index, &first): (usize, &u32)| {
            let end = firsts.get(index + 1).copied();
            let only = end.filter(|&end| end == first + 1).map(|_| first);
            Interval { first, only, weight: 1, target: places[(index + shift) % places.len()] }
        };
        firsts.iter().enumerate().map(of).collect()
    }

    /// Three searches that end alike, with and without a masked one among them, mean what they meant, in fewer compares.
    #[test]
    fn shared_tails_change_no_decision() {
        let tables: [&[u32]; 3] = [
            &[0, 5, 9, 10, 424, 425, 430, 431, 440, 442, 450, 460],
            &[0, 20, 21, 425, 430, 431, 440, 442, 450, 460],
            &[0, 3, 4, 99, 440, 442, 450, 460],
        ];
        for masks in [[u32::MAX; 3], [X32_BIT - 1, u32::MAX, u32::MAX]] {
            let mut compares = Compares::default();
            let places: Vec<_> = (0..2).map(|value| compares.ret(value)).collect();
            let mut dispatches: Vec<_> = tables
                .iter()
                .zip(masks)
                .map(|(firsts, mask)| Dispatch {
                    variable: Variable { word: Word::NUMBER, mask },
                    // All end in the same place.
                    intervals: intervals(&places, firsts, firsts.len() % 2),
                })
                .collect();
            // One of them is cut at bit 30, as x86-64 is where x32 is killed.
            if masks[0] == u32::MAX {
                dispatches[0].intervals.push(Interval { first: X32_BIT, only: None, weight: 0, target: places[0] });
            }
            let apart: Vec<_> = dispatches
                .iter()
                .map(|one| search::tree_within(&mut compares, one.variable, &one.intervals, LIMITS).unwrap())
                .collect();
            share(&mut compares, &mut dispatches, LIMITS);
            let together: Vec<_> = dispatches
                .iter()
                .map(|one| search::tree_within(&mut compares, one.variable, &one.intervals, LIMITS).unwrap())
                .collect();
            let edges = [X32_BIT - 1, X32_BIT, X32_BIT + 430, X32_BIT + 470, u32::MAX];
            for nr in (0..500).chain(edges) {
                for (&apart, &together) in apart.iter().zip(&together) {
                    assert_eq!(end(&compares, apart, nr), end(&compares, together, nr), "{nr:#x} {masks:x?}");
                }
            }
            let size = |compares: &Compares, starts: &[StepId]| {
                let mut steps: Vec<_> = starts.iter().flat_map(|&start| compares.reachable(start)).collect();
                steps.sort_unstable();
                steps.dedup();
                steps.len()
            };
            let (before, after) = (size(&compares, &apart), size(&compares, &together));
            assert!(after + 4 <= before, "{before} {after}");
        }
    }
}
