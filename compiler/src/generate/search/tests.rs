//! Trees against the definition, and plans against every tree there is.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::compares::Step;
use super::smallest::smallest_tree;
use super::*;
use crate::graph::Word;

const NUMBER: Variable = Variable { word: Word::NUMBER, mask: u32::MAX };

/// Every tree of these limits.
const ALL: Limits = Limits { price: 1, window: 100, holes: 8, few: u64::MAX, slack: 30 };

/// Intervals of these widths, weights and places; neighbours never lead to one place.
fn intervals(rows: &[(bool, u64, usize)], places: &[StepId]) -> Vec<Interval> {
    let (mut first, mut place) = (0, 0);
    rows.iter()
        .map(|&(single, weight, step)| {
            place = (place + 1 + step) % places.len();
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
        at = if if test == Test::Equal { value == k } else { value >= k } { yes } else { no };
    }
    (at, made)
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
    ) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let limits = Limits { price, window, holes, few: 12, slack };
        let start = tree_within(&mut compares, NUMBER, &intervals, limits).unwrap();
        let most = (intervals.len().next_power_of_two().ilog2()) + slack;
        for value in 0..intervals.last().unwrap().first + 3 {
            let at = intervals.partition_point(|interval| interval.first <= value) - 1;
            let (found, made) = find(&compares, start, value);
            prop_assert_eq!(found, intervals[at].target, "{}", value);
            prop_assert!(made <= most, "{} compares, {} at most", made, most);
        }
    }

    /// The plan costs what its tree does, and no tree of any shape costs much less: what is not tried is a lighter hole before
    /// a heavier one.
    #[test]
    fn no_tree_is_much_cheaper(rows in rows(8), price in prop_oneof![Just(1_u64), Just(20), Just(100_000)]) {
        let mut compares = Compares::default();
        let places: Vec<_> = (0..3).map(|value| compares.ret(value)).collect();
        let intervals = intervals(&rows, &places);
        let mut plan = Plan::new(&intervals, Limits { price, ..ALL });
        let run = Run { from: 0, to: intervals.len() - 1, out: 0 };
        let planned = plan.best(run, 30).cost;
        let left: Vec<_> =
            intervals.iter().map(|one| (one.target.index(), one.only.is_some(), one.weight)).collect();
        let least = least(&left, price, &mut HashMap::new());
        prop_assert!(least <= planned && planned <= least + least / 8, "{} {}", planned, least);
        let start = build(&mut plan, &mut compares, NUMBER, run, 30);
        let steps = compares.reachable(start);
        let size = steps.iter().filter(|&&step| matches!(compares.step(step), Step::Compare { .. }));
        let walked: u64 = intervals.iter().map(|one| one.weight * u64::from(find(&compares, start, one.first).1)).sum();
        // Equal parts are one in the program: it can only be smaller.
        prop_assert!(price * size.count() as u64 + walked <= planned);
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
    let start = tree(&mut compares, NUMBER, &intervals).unwrap();
    assert_eq!(compares.reachable(start).len(), 2 + 2);
}

/// What most look for is found first.
#[test]
fn a_hot_value_is_found_at_once() {
    let mut compares = Compares::default();
    let places: Vec<_> = (0..2).map(|value| compares.ret(value)).collect();
    let mut intervals = intervals(&[(true, 1, 0); 60], &places);
    intervals[37].weight = 1000;
    for window in [12, 100] {
        let limits = Limits { price: 20, window, holes: 4, few: 12, slack: 3 };
        let start = tree_within(&mut compares, NUMBER, &intervals, limits).unwrap();
        assert_eq!(find(&compares, start, 37).1, 1);
    }
}
