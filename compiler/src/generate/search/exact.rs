//! The best tree of a short run, of all there are: tests in any order, and tests of bits.

use rustc_hash::FxHashMap;

use super::Interval;
use super::plan::{Best, NONE, NOTHING};
use super::run::{Choice, Run, Shape};
use crate::graph::smallest_possible;

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reach {
    /// Runs of more intervals than this are not looked at whole. At most 16.
    pub(super) longest: usize,
    /// Masks of the lowest so many bits are tried,
    pub(super) low_bits: u32,
    /// with and without all bits above them.
    pub(super) high_bits: bool,
}

impl Reach {
    /// As far as pays.
    pub(in super::super) const FAR: Self = Self { longest: 10, low_bits: 7, high_bits: true };
    /// What takes some microseconds.
    pub(in super::super) const NEAR: Self = Self { longest: 7, low_bits: 5, high_bits: false };
}

/// Some of at most 16 consecutive intervals: the lowest bit is the interval `from`, which is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub(super) from: u32,
    bits: u16,
}

impl Left {
    /// These bits, counted from `from` on. `None` when there are none.
    fn of(from: u32, bits: u16) -> Option<Self> {
        let skip = bits.trailing_zeros();
        (bits != 0).then(|| Self { from: from + skip, bits: bits >> skip })
    }

    /// The intervals `from..=to`, at most 16, but those that are out; `None` when all are.
    fn of_run(from: usize, to: usize, out: &[usize]) -> Option<Self> {
        let bits = (from..=to).filter(|index| !out.contains(index)).map(|index| 1 << (index - from)).sum();
        Self::of(u32::try_from(from).ok()?, bits)
    }

    fn places(self) -> impl Iterator<Item = u32> {
        (0..u16::BITS).filter(move |place| self.bits >> place & 1 == 1)
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        self.places().map(move |place| (self.from + place) as usize)
    }

    /// A test that holds for these bits of it; `None` when it holds for all or for none.
    fn parted(self, test: FirstTest, yes: u16) -> Option<First> {
        Some(First { test, yes: Self::of(self.from, yes)?, no: Self::of(self.from, self.bits & !yes)? })
    }

    /// The first interval.
    pub(super) fn first(self) -> usize {
        self.from as usize
    }
}

/// What a test of bits with its true branch next costs more: it can't be turned round as `==` and `>=` can, so that the kernel
/// makes two instructions of it (`bpf_convert_filter`, net/core/filter.c). A converted instruction is worth so many parts of one.
const TURNED: u64 = 4;

/// The true branch comes next where the false one is an end and it isn't: ends stand at the end of the program.
fn turned(test: FirstTest, yes: u64, no: u64) -> bool {
    matches!(test, FirstTest::AnyBit(_)) && no == 0 && yes != 0
}

/// A first test: what is left where it holds, what where it doesn't, and which it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) test: FirstTest,
    pub(super) yes: Left,
    pub(super) no: Left,
}

/// Which test it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstTest {
    /// `value >= k`
    AtLeast(u32),
    /// `value == k`
    Equal(u32),
    /// `value & k != 0`
    AnyBit(u32),
}

/// A mask, and the intervals behind one on which the test of its bits is decided: none set, or always one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    zeros: u16,
    ones: u16,
    mask: u32,
}

/// The trees of short runs found so far.
pub(super) struct Exact<'a> {
    intervals: &'a [Interval],
    price: u64,
    reach: Reach,
    /// The greatest value there is.
    greatest: u32,
    /// For each interval what masks say of it and those behind it, once asked for.
    groups: Vec<Option<Vec<Group>>>,
    // Looked up only.
    best: FxHashMap<Left, (Best, Option<First>)>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(intervals: &'a [Interval], price: u64, reach: Reach, greatest: u32) -> Self {
        Self { intervals, price, reach, greatest, groups: vec![None; intervals.len()], best: FxHashMap::default() }
    }

    /// What a run and those out of it leave; `None` when that is nothing, or too much to be looked at whole.
    pub(super) fn left(&self, run: Run, shape: &Shape) -> Option<Left> {
        if run.len() > self.reach.longest { None } else { Left::of_run(run.from, run.to, &shape.out[..run.out]) }
    }

    /// The cheapest tree, and its first test unless all leads to one place.
    pub(super) fn best(&mut self, left: Left) -> (Best, Option<First>) {
        let target = |index: usize| self.intervals[index].target;
        if left.indices().all(|index| target(index) == target(left.first())) {
            return (NOTHING, None);
        }
        if let Some(&known) = self.best.get(&left) {
            return known;
        }
        let one = self.price + self.weight(left);
        let mut best = (NONE, None);
        self.try_each(self.values(left), one, &mut best);
        // One test is the least there is.
        if best.0.cost > one {
            let tests = self.bits(left);
            self.try_each(tests, one, &mut best);
        }
        self.best.insert(left, best);
        best
    }

    fn try_each(&mut self, firsts: Vec<First>, one: u64, best: &mut (Best, Option<First>)) {
        for first in firsts {
            let [yes, no] = [first.yes, first.no].map(|side| self.least(side));
            let one = one + if turned(first.test, yes, no) { self.price / TURNED } else { 0 };
            if one.saturating_add(yes).saturating_add(no) >= best.0.cost {
                continue;
            }
            let tree = self.best(first.yes).0.beside(self.best(first.no).0).behind(one, Choice::Exact);
            if tree.cost < best.0.cost {
                *best = (tree, Some(first));
            }
        }
    }

    fn weight(&self, left: Left) -> u64 {
        left.indices().map(|index| self.intervals[index].weight).sum()
    }

    /// No tree costs less: one test where two places are.
    fn least(&self, left: Left) -> u64 {
        let target = |index: usize| self.intervals[index].target;
        let one_place = left.indices().all(|index| target(index) == target(left.first()));
        if one_place { 0 } else { self.price + self.weight(left) }
    }

    /// The tests for single values, then those for bounds: `==` reads better.
    fn values(&self, left: Left) -> Vec<First> {
        let interval = |place: u32| self.intervals[(left.from + place) as usize];
        let holes = left.places().filter_map(|place| Some((FirstTest::Equal(interval(place).only?), 1 << place)));
        let bounds = left.places().skip(1).map(|place| {
            let above = left.bits >> place << place;
            (FirstTest::AtLeast(interval(place).first), above)
        });
        holes.chain(bounds).filter_map(|(test, yes)| left.parted(test, yes)).collect()
    }

    /// The tests of bits.
    fn bits(&mut self, left: Left) -> Vec<First> {
        let groups = self.groups(left.first()).iter();
        let decided = groups.filter(|group| left.bits & !(group.zeros | group.ones) == 0);
        decided.filter_map(|group| left.parted(FirstTest::AnyBit(group.mask), left.bits & group.ones)).collect()
    }

    /// What tests of bits tell apart from an interval on.
    fn groups(&mut self, from: usize) -> &[Group] {
        let (intervals, reach, greatest) = (self.intervals, self.reach, self.greatest);
        self.groups[from].get_or_insert_with(|| {
            let end = intervals.len().min(from + reach.longest);
            let last = |index: usize| intervals.get(index + 1).map_or(greatest, |next| next.first - 1);
            let low = (1_u32 << reach.low_bits) - 1;
            let differ = intervals[from].first ^ last(end - 1);
            let high = differ.checked_ilog2().map_or(0, |bit| u32::MAX >> (31 - bit)) & !low;
            let masks = (1..=low).chain((1..=low).filter(|_| reach.high_bits && high != 0).map(|mask| mask | high));
            let mut groups: Vec<Group> = masks
                .map(|mask| {
                    let (mut zeros, mut ones) = (0, 0);
                    for index in from..end {
                        match decided(intervals[index].first, last(index), mask) {
                            Some(true) => ones |= 1 << (index - from),
                            Some(false) => zeros |= 1 << (index - from),
                            None => {}
                        }
                    }
                    Group { zeros, ones, mask }
                })
                .filter(|group| group.zeros != 0 && group.ones != 0)
                .collect();
            groups.sort_unstable();
            groups.dedup_by_key(|group| (group.zeros, group.ones));
            groups
        })
    }
}

/// The law of bits: `x & k != 0` doesn't hold on `a..=b` where the values have no bit of `k` together, and they have those of `b`
/// and all below the highest in which `a` and `b` differ; it holds where the least value from `a` up that lacks all of `k` is
/// above `b`. Else it holds for some of them.
pub(super) fn decided(a: u32, b: u32, k: u32) -> Option<bool> {
    let possible = b | (a ^ b).checked_ilog2().map_or(0, |bit| u32::MAX >> (31 - bit));
    if possible & k == 0 {
        Some(false)
    } else if smallest_possible(!k, a).is_none_or(|value| value > b) {
        Some(true)
    } else {
        None
    }
}
