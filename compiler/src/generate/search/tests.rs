//! Trees against the definition, and plans against every tree there is.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::compares::Step;
use super::smallest::smallest_tree;
use super::*;
use crate::graph::Word;

const NUMBER: Variable = Variable { word: Word::NUMBER, mask: u32::MAX };

/// Every tree of these limits.
const ALL: Limits =
    Limits { price: 1, window: 100, holes: 8, few: u64::MAX, slack: 30, short_runs: ShortRuns::Planned };

/// Intervals of these widths, weights and places; neighbours never lead to one place.
fn intervals(rows: &[(bool, u64, usize)], places: &[StepId]) -> Vec<Interval> {
    let (mut first, mut place) = (0, 0);
    rows.iter()
        .enumerate()
        .map(|(index, &(single, weight, step))| {
            place = (place + 1 + step) % places.len();
            // The last one goes up to the variable's greatest value.
            let single = single && index + 1 < rows.len();
            let only = single.then_some(first);
            let interval = Interval { first, only, weight, target: places[place] };
            first += if single { 1 } else { 3 };
            interval
        })
        .collect()
}

fn rows(most: usize) -> impl Strategy<Value = Vec<(bool, u64, usize)>> {
    prop::collection::vec((any::<bool>(), prop_oneof![4 => 0_u64..9, 1 => 50_u64..99], 0_usize..2), 1..most)
}

/// Where a value comes to, and after how many compares.
fn find(compares: &Compares, mut at: StepId, value: u32) -> (StepId, u32) {
    let mut made = 0;
    while let Step::Compare { test, k, yes, no, .. } = compares.step(at) {
        made += 1;
        at = if test.holds(value, k) { yes } else { no };
    }
    (at, made)
}

/// The least cost of all trees of these tests, each the intervals for which it holds, those for which it doesn't, and whether it
/// is one of bits, which costs more where its true branch is next.
fn least_of_sets(
    intervals: &[Interval],
    tests: &[(u32, u32, bool)],
    left: u32,
    price: u64,
    known: &mut HashMap<u32, u64>,
) -> u64 {
    let inside: Vec<_> =
        (0..intervals.len()).filter(|&index| left >> index & 1 == 1).map(|index| intervals[index]).collect();
    if inside.iter().all(|one| one.target == inside[0].target) {
        return 0;
    }
    if let Some(&cost) = known.get(&left) {
        return cost;
    }
    let one = price + weight(&inside);
    let parting = tests.iter().filter(|&&(yes, no, _)| left & !(yes | no) == 0 && left & yes != 0 && left & no != 0);
    let costs = parting.map(|&(yes, no, of_bits)| {
        let [yes, no] = [yes, no].map(|side| least_of_sets(intervals, tests, left & side, price, known));
        one + yes + no + if of_bits && no == 0 && yes != 0 { price / 4 } else { 0 }
    });
    let cost = costs.min().unwrap();
    known.insert(left, cost);
    cost
}

/// The least cost of all trees of splits and holes in any order.
fn least(left: &[(usize, bool, u64)], price: u64, known: &mut HashMap<Vec<(usize, bool, u64)>, u64>) -> u64 {
    if left.iter().all(|&(place, ..)| place == left[0].0) {
        return 0;
    }
    if let Some(&cost) = known.get(left) {
        return cost;
    }
    let one = price + left.iter().map(|&(_, _, weight)| weight).sum::<u64>();
    let holes = (0..left.len()).filter(|&index| left[index].1).map(|hole| {
        let rest: Vec<_> =
            left.iter().copied().enumerate().filter(|&(index, _)| index != hole).map(|(_, row)| row).collect();
        (rest, Vec::new())
    });
    let splits = (1..left.len()).map(|split| (left[..split].to_vec(), left[split..].to_vec()));
    let parts: Vec<_> = holes.chain(splits).collect();
    let mut cost = |part: &[(usize, bool, u64)]| if part.is_empty() { 0 } else { least(part, price, known) };
    let best = parts.iter().map(|(low, high)| one + cost(low) + cost(high)).min().unwrap();
    known.insert(left.to_vec(), best);
    best
}

proptest! {
    /// With every kind of limits, up to where the rule alone decides: the place is right, and no path too long.
    #[test]
    fn a_tree_finds_every_interval(
        rows in rows(40),
        price in prop_oneof![Just(1_u64), Just(20), Just(100_000)],
        (window, holes) in prop_oneof![Just((200, 8)), Just((12, 4)), Just((1, 0)), Just((3, 2))],
        slack in 0_u32..4,
        short_runs in prop::sample::select(vec![ShortRuns::Planned, ShortRuns::Mended(Reach::NEAR), ShortRuns::Exact(Reach::FAR)]),
    ) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let limits = Limits { price, window, holes, few: 12, slack, short_runs };
        let start = tree_within(&mut compares, NUMBER, &intervals, limits).unwrap();
        let most = (intervals.len().next_power_of_two().ilog2()) + slack;
        for value in 0..intervals.last().unwrap().first + 3 {
            let at = intervals.partition_point(|interval| interval.first <= value) - 1;
            let (found, made) = find(&compares, start, value);
            prop_assert_eq!(found, intervals[at].target, "{}", value);
            prop_assert!(made <= most, "{} compares, {} at most", made, most);
        }
    }

    /// The plan costs what its tree does. Of all trees of any shape none is smaller, and none much faster: what is not tried is
    /// a hole before one worth more.
    #[test]
    fn no_tree_is_much_cheaper(rows in rows(8), price in prop_oneof![Just(1_u64), Just(20), Just(100_000)]) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let mut plan = Plan::new(&intervals, Limits { price, ..ALL }, u32::MAX);
        let run = Run { from: 0, to: intervals.len() - 1, out: 0 };
        let planned = plan.best(run, 30).cost;
        let left: Vec<_> =
            intervals.iter().map(|one| (one.target.index(), one.only.is_some(), one.weight)).collect();
        let least = least(&left, price, &mut HashMap::new());
        let most = if price == 100_000 { least + price / 2 } else { least * 3 / 2 };
        prop_assert!(least <= planned && planned <= most, "{} {}", planned, least);
        let start = build(&mut plan, &mut compares, NUMBER, run, 30);
        let steps = compares.reachable(start);
        let size = steps.iter().filter(|&&step| matches!(compares.step(step), Step::Compare { .. }));
        let walked: u64 = intervals.iter().map(|one| one.weight * u64::from(find(&compares, start, one.first).1)).sum();
        // Equal parts are one in the program: it can only be smaller.
        prop_assert!(price * size.count() as u64 + walked <= planned);
    }

    /// Of all trees whose tests cut no interval in two, the one found is the cheapest, and costs what is said.
    #[test]
    fn no_tree_of_a_short_run_is_cheaper(rows in rows(7), price in prop_oneof![Just(1_u64), Just(20), Just(100_000)]) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let greatest = intervals.last().unwrap().first + 2;
        let last = |index: usize| intervals.get(index + 1).map_or(greatest, |next| next.first - 1);
        let tests = (0..64).flat_map(|k| [Test::AnyBit, Test::Equal, Test::AtLeast].map(|test| (test, k)));
        let tests: Vec<_> = tests.map(|(test, k)| {
            let set = |wanted: bool| {
                let all = |index: usize| {
                    (intervals[index].first..=last(index)).all(|value| test.holds(value, k) == wanted)
                };
                (0..intervals.len()).filter(|&index| all(index)).map(|index| 1_u32 << index).sum::<u32>()
            };
            (set(true), set(false), test == Test::AnyBit)
        }).collect();
        let mut known = HashMap::new();
        let left = (1 << intervals.len()) - 1;
        let least = least_of_sets(&intervals, &tests, left, price, &mut known);
        let mut plan = Plan::new(&intervals, Limits { price, short_runs: ShortRuns::Exact(Reach::FAR), ..ALL }, greatest);
        let run = Run { from: 0, to: intervals.len() - 1, out: 0 };
        prop_assert_eq!(plan.best(run, 30).cost, least);
        let start = build(&mut plan, &mut compares, NUMBER, run, 30);
        let mut walked = 0;
        for (index, interval) in intervals.iter().enumerate() {
            for value in interval.first..=last(index) {
                prop_assert_eq!(find(&compares, start, value).0, interval.target);
            }
            walked += interval.weight * u64::from(find(&compares, start, interval.first).1);
        }
        let steps = compares.reachable(start);
        let size = steps.iter().filter(|&&step| matches!(compares.step(step), Step::Compare { .. })).count();
        prop_assert!(price * size as u64 + walked <= least);
    }

    /// Against every choice of single values to take out.
    #[test]
    fn the_smallest_tree_is_the_smallest(rows in rows(9)) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let size = |out: u32| {
            let left: Vec<_> = (0..intervals.len()).filter(|&index| out >> index & 1 == 0).collect();
            let allowed = (0..intervals.len()).all(|index| out >> index & 1 == 0 || intervals[index].only.is_some());
            let splits = left.windows(2).filter(|pair| intervals[pair[0]].target != intervals[pair[1]].target).count();
            (allowed && !left.is_empty()).then_some(splits + out.count_ones() as usize)
        };
        let smallest = (0..1_u32 << intervals.len()).filter_map(size).min();
        let (compares, holes) = smallest_tree(&intervals);
        prop_assert_eq!(Some(compares), smallest);
        let out = (0..intervals.len()).filter(|&index| holes[index]).map(|index| 1 << index).sum();
        prop_assert_eq!(size(out), smallest);
    }
}

/// `errno` among allowed numbers is a hole: one compare, where two splits would be two.
#[test]
fn a_hole_costs_one_compare() {
    let mut compares = Compares::default();
    let (allow, errno) = (compares.ret(0), compares.ret(1));
    let of = |(index, first): (usize, u32)| Interval {
        first,
        only: (index % 2 == 1).then_some(first),
        weight: 1,
        target: if index % 2 == 1 { errno } else { allow },
    };
    let intervals: Vec<_> = [0, 7, 8, 20, 21].into_iter().enumerate().map(of).collect();
    let limits = Limits { price: 1, window: 32, holes: 4, few: 4, slack: 3, short_runs: ShortRuns::Planned };
    let start = tree_within(&mut compares, NUMBER, &intervals, limits).unwrap();
    assert_eq!(compares.reachable(start).len(), 2 + 2);
}

/// Where `x & k != 0` is decided on `a..=b`, for all of five bits: no run of it is cut.
#[test]
fn tests_of_bits_cut_no_interval() {
    for (a, b) in (0..32_u32).flat_map(|a| (a..32).map(move |b| (a, b))) {
        for k in 1..32 {
            let [some, none] = [true, false].map(|wanted| (a..=b).any(|value| Test::AnyBit.holds(value, k) == wanted));
            assert_eq!(exact::decided(a, b, k), if some && none { None } else { Some(some) }, "{a}..={b} & {k:#b}");
        }
    }
}

/// What most look for is found first.
#[test]
fn a_hot_value_is_found_at_once() {
    let mut compares = Compares::default();
    let places: Vec<_> = (0..2).map(|value| compares.ret(value)).collect();
    let mut intervals = intervals(&[(true, 1, 0); 60], &places);
    intervals[37].weight = 1000;
    for window in [12, 100] {
        let limits = Limits { price: 20, window, holes: 4, few: 12, slack: 3, short_runs: ShortRuns::Planned };
        let start = tree_within(&mut compares, NUMBER, &intervals, limits).unwrap();
        assert_eq!(find(&compares, start, 37).1, 1);
    }
}
