//! The smallest tree, were paths of no account: what a better one is held against, and which holes make it small.

use super::Interval;
use super::run::MOST_HOLES;

/// How many compares the smallest tree has.
pub(in super::super) fn fewest_compares(intervals: &[Interval]) -> usize {
    smallest_tree(intervals).0
}

/// The fewest compares, and the single values that a tree of so many takes out: every interval that stays costs a split where
/// it leads elsewhere than the one before it that stays, every value taken out an `==`.
pub(super) fn smallest_tree(intervals: &[Interval]) -> (usize, Vec<bool>) {
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
    let costs = ends.filter_map(|out| Some((fewest.get((intervals.len() - 1).checked_sub(out)?)?.0 + out, out)));
    let (cost, out) = costs.min().unwrap_or_default();
    let mut holes = vec![true; intervals.len()];
    let mut stays = intervals.len().checked_sub(1 + out);
    while let Some(index) = stays {
        holes[index] = false;
        stays = fewest[index].1;
    }
    (cost, holes)
}
