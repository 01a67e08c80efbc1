//! Sets of values that are one masked value.
//!
//! The values `base | any of the bits in free` are exactly those with `x & !free == base`: `{0, 8, 0x20000, 0x20008}` is
//! `x & ~0x20008 == 0`, one test instead of four. Flag arguments are full of such sets, spelled as lists.

use std::collections::{BTreeMap, BTreeSet};

use super::compares::{Compares, StepId, Test};
use super::search::{self, Interval};
use crate::graph::Variable;

/// Only intervals of at most this many values are taken apart into values.
const WIDEST_INTERVAL: u32 = 8;

/// And only when there are at most this many values in all that lead to one place.
const MOST_VALUES: usize = 64;

/// The most sets taken out of one search.
const MOST_CUBES: usize = 4;

/// For each set tried, the search without it is planned anew: so many, the largest, in lists of so many intervals.
const MOST_TRIED: usize = 8;
const LONGEST_LIST: usize = 64;

/// `base` and every way to set bits of `free` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cube {
    free: u32,
    base: u32,
}

impl Cube {
    fn contains(self, value: u32) -> bool {
        value & !self.free == self.base
    }
}

/// The search for the intervals of a whole word, with the sets taken out first that make it cheaper.
pub(super) fn tree(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    tree_without(compares, variable, intervals, MOST_CUBES)
}

fn tree_without(compares: &mut Compares, variable: Variable, intervals: &[Interval], left: usize) -> Option<StepId> {
    let found = if left == 0 { None } else { cheapest(intervals) };
    let Some((cube, target, rest)) = found else { return search::tree(compares, variable, intervals) };
    let rest = tree_without(compares, variable, &rest, left - 1)?;
    Some(if cube.base == 0 {
        compares.compare(variable, Test::AnyBit, !cube.free, rest, target)
    } else {
        let masked = Variable { mask: !cube.free, ..variable };
        compares.compare(masked, Test::Equal, cube.base, target, rest)
    })
}

/// The set that makes the search cheapest, where it leads, and what is left to search; `None` when none makes it cheaper.
fn cheapest(intervals: &[Interval]) -> Option<(Cube, StepId, Vec<Interval>)> {
    if intervals.len() > LONGEST_LIST {
        return None;
    }
    let weight = search::weight(intervals);
    let price = search::price(weight);
    let mut least = search::cost(intervals, price)?;
    let mut best = None;
    for (target, values) in values(intervals) {
        let mut cubes: Vec<Cube> = cubes(&values).into_iter().collect();
        cubes.sort_by_key(|cube| std::cmp::Reverse(cube.free.count_ones()));
        for cube in cubes.into_iter().take(MOST_TRIED) {
            let rest = without(intervals, cube, target);
            // The test itself; and with a base an AND before it, and a load after it if the search goes on.
            let mut cost = price + weight + search::cost(&rest, price)?;
            if cube.base != 0 {
                cost += price + weight;
                if rest.len() > 1 {
                    cost += price + search::weight(&rest);
                }
            }
            if cost < least {
                least = cost;
                best = Some((cube, target, rest));
            }
        }
    }
    best
}

/// For each place, the values of the narrow intervals that lead there, if they are few.
fn values(intervals: &[Interval]) -> BTreeMap<StepId, BTreeSet<u32>> {
    let mut values: BTreeMap<StepId, BTreeSet<u32>> = BTreeMap::new();
    for (index, interval) in intervals.iter().enumerate() {
        let last = intervals.get(index + 1).map_or(u32::MAX, |next| next.first - 1);
        if last - interval.first < WIDEST_INTERVAL {
            values.entry(interval.target).or_default().extend(interval.first..=last);
        }
    }
    values.retain(|_, values| (2..=MOST_VALUES).contains(&values.len()));
    values
}

/// For each value the set grown from it by one bit after the other, the lowest first, as long as all of it is there.
fn cubes(values: &BTreeSet<u32>) -> BTreeSet<Cube> {
    let mut cubes = BTreeSet::new();
    for &base in values {
        let mut inside = vec![base];
        let mut free = 0;
        for bit in (0..32).map(|bit| 1 << bit).filter(|bit| base & bit == 0) {
            if inside.iter().all(|value| values.contains(&(value | bit))) {
                inside.extend(inside.clone().into_iter().map(|value| value | bit));
                free |= bit;
            }
        }
        if free != 0 {
            cubes.insert(Cube { free, base });
        }
    }
    cubes
}

/// The intervals left when the values of a set never come: those that are part of it are their neighbours' for the asking.
fn without(intervals: &[Interval], cube: Cube, target: StepId) -> Vec<Interval> {
    let mut left: Vec<Interval> = Vec::with_capacity(intervals.len());
    for (index, interval) in intervals.iter().enumerate() {
        let last = intervals.get(index + 1).map_or(u32::MAX, |next| next.first - 1);
        let narrow = last - interval.first < WIDEST_INTERVAL;
        if narrow && interval.target == target && (interval.first..=last).all(|value| cube.contains(value)) {
            continue;
        }
        match left.last_mut() {
            Some(before) if before.target == interval.target => {
                before.only = None;
                before.weight += interval.weight;
            }
            _ => left.push(*interval),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_is_a_masked_value() {
        let values = BTreeSet::from([0, 8, 0x20000, 0x20008, 0xffff_ffff]);
        assert_eq!(
            cubes(&values),
            BTreeSet::from([
                Cube { free: 0x20008, base: 0 },
                Cube { free: 0x20000, base: 8 },
                Cube { free: 8, base: 0x20000 },
            ])
        );
        for cube in cubes(&(3..12).collect()) {
            for value in 0..32 {
                assert!(!cube.contains(value) || (3..12).contains(&value), "{cube:?} {value}");
            }
        }
    }

    #[test]
    fn persona_takes_two_tests() {
        let mut compares = Compares::default();
        let (yes, no) = (compares.ret(1), compares.ret(0));
        let word = Variable::whole(crate::graph::Word::low(0, crate::abi::Endian::Little));
        let firsts = [0, 1, 8, 9, 0x20000, 0x20001, 0x20008, 0x20009, 0xffff_ffff];
        let intervals: Vec<_> = firsts
            .iter()
            .enumerate()
            .map(|(index, &first)| Interval {
                first,
                only: (index % 2 == 0).then_some(first),
                weight: 1,
                target: if index % 2 == 0 { yes } else { no },
            })
            .collect();
        let start = tree(&mut compares, word, &intervals).unwrap();
        assert_eq!(compares.reachable(start).len(), 4);
    }
}
