//! Laws that need nothing but the arms of one node.

use super::{Arm, NodeId};

/// The smallest value of `x & mask` that is `floor` or more; `None` when there is none.
#[must_use]
pub(crate) fn smallest_possible(mask: u32, floor: u32) -> Option<u32> {
    // Keep the bits of `floor` above its highest bit that the mask lacks, then count up in the mask's bits.
    let outside = floor & !mask;
    if outside == 0 {
        return Some(floor);
    }
    let top = 31 - outside.leading_zeros();
    let above = u32::MAX.checked_shl(top + 1).unwrap_or(0);
    // The next multiple of the lowest mask bit above `top` that is greater: adding to `floor | !mask` carries over gaps.
    let carried = ((floor | !mask) & above | !above).checked_add(1)?;
    Some(carried & mask)
}

/// The largest value of `x & mask` that is `ceiling` or less.
#[must_use]
pub(crate) fn largest_possible(mask: u32, ceiling: u32) -> u32 {
    let outside = ceiling & !mask;
    if outside == 0 {
        return ceiling;
    }
    let top = 31 - outside.leading_zeros();
    let below = (1_u32 << top) - 1;
    ceiling & mask & !below | mask & below
}

/// An arm without a value that `x & mask` can have is never taken:
/// `switch x&m {…, [a..b] -> s, …} = switch x&m {…, …}` when no value in `a..=b` is a subset of `m`.
///
/// The arms that stay start at a value the variable can have, which makes equal decisions equal nodes.
pub(super) fn drop_impossible_arms(mask: u32, arms: Vec<Arm>) -> Vec<Arm> {
    if mask == u32::MAX {
        return arms;
    }
    let mut kept: Vec<Arm> = Vec::with_capacity(arms.len());
    let mut first = Some(0);
    for arm in arms {
        let start = first.and_then(|first| smallest_possible(mask, first)).filter(|&start| start <= arm.last);
        first = arm.last.checked_add(1);
        if let Some(start) = start {
            if let Some(before) = kept.last_mut() {
                before.last = start - 1;
            }
            kept.push(arm);
        }
    }
    if let Some(last) = kept.last_mut() {
        last.last = u32::MAX;
    }
    kept
}

/// Neighbours that lead to the same place are one: `{[a..b] -> s, [b+1..c] -> s} = {[a..c] -> s}`.
pub(super) fn merge_neighbours(arms: Vec<Arm>) -> Vec<Arm> {
    let mut merged: Vec<Arm> = Vec::with_capacity(arms.len());
    for arm in arms {
        match merged.last_mut() {
            Some(before) if before.target == arm.target => before.last = arm.last,
            _ => merged.push(arm),
        }
    }
    merged
}

/// A test whose every branch is the same is no test: `switch x {* -> s} = s`.
pub(super) fn same_branches(arms: &[Arm]) -> Option<NodeId> {
    match arms {
        [only] => Some(only.target),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(arms: &[Arm], value: u32) -> NodeId {
        arms[arms.partition_point(|arm| arm.last < value)].target
    }

    fn arm(last: u32, target: u32) -> Arm {
        Arm { last, target: NodeId(target) }
    }

    #[test]
    fn possible_values() {
        for mask in 0..64_u32 {
            for bound in 0..80_u32 {
                let up = (bound..80).find(|value| value & !mask == 0);
                assert_eq!(smallest_possible(mask, bound), up, "{mask:#b} from {bound:#b}");
                let down = (0..=bound).rev().find(|value| value & !mask == 0);
                assert_eq!(Some(largest_possible(mask, bound)), down, "{mask:#b} to {bound:#b}");
            }
        }
        assert_eq!(smallest_possible(0x8000_0001, 2), Some(0x8000_0000));
        assert_eq!(smallest_possible(0x8000_0001, 0x8000_0002), None);
        assert_eq!(smallest_possible(u32::MAX, u32::MAX), Some(u32::MAX));
        assert_eq!(largest_possible(0x8000_0001, u32::MAX), 0x8000_0001);
    }

    #[test]
    fn impossible_arms_can_go() {
        let before = vec![arm(0, 1), arm(3, 2), arm(4, 3), arm(9, 1), arm(10, 2), arm(u32::MAX, 4)];
        for mask in 0..16_u32 {
            let after = drop_impossible_arms(mask, before.clone());
            assert!(after.len() <= before.len());
            assert_eq!(after.last().map(|arm| arm.last), Some(u32::MAX));
            for word in 0..64_u32 {
                assert_eq!(go(&before, word & mask), go(&after, word & mask), "{mask:#b} {word}");
            }
        }
        assert_eq!(
            drop_impossible_arms(8, vec![arm(7, 1), arm(8, 2), arm(u32::MAX, 1)]),
            [arm(7, 1), arm(u32::MAX, 2)]
        );
        assert_eq!(drop_impossible_arms(0, vec![arm(0, 1), arm(u32::MAX, 2)]), [arm(u32::MAX, 1)]);
    }

    #[test]
    fn neighbours_merge() {
        let before = vec![arm(0, 1), arm(3, 1), arm(4, 2), arm(9, 2), arm(u32::MAX, 1)];
        let after = merge_neighbours(before.clone());
        assert_eq!(after, [arm(3, 1), arm(9, 2), arm(u32::MAX, 1)]);
        for word in (0..12).chain([u32::MAX]) {
            assert_eq!(go(&before, word), go(&after, word));
        }
    }

    #[test]
    fn one_branch_is_no_test() {
        assert_eq!(same_branches(&[arm(u32::MAX, 7)]), Some(NodeId(7)));
        assert_eq!(same_branches(&[arm(5, 7), arm(u32::MAX, 8)]), None);
    }
}
