//! Argument words worth asking about.

use std::collections::BTreeSet;

use crate::condition::{Atom, Condition, Width};
use crate::policy::CallPolicy;

/// A call is asked all combinations of its arguments' values up to this many.
const ALL_COMBINATIONS: usize = 4096;

/// Past that, this many single values and pairs of them, and this many random combinations.
const SINGLES: usize = 32_768;
const PAIRS: usize = 8192;
const SAMPLES: usize = 2048;

/// The clauses whose surroundings are searched; what follows still gets every value.
const CLAUSES_VARIED: usize = 64;

/// Ranges of a condition with more than this many get fewer variants each.
const MANY_RANGES: usize = 16;

/// Words whose bits should not matter: no argument, all bits, and a pattern unlike either.
pub(super) fn plain() -> [[u64; 6]; 3] {
    [[0; 6], [u64::MAX; 6], [0xa5a5_a5a5_5a5a_5a5a; 6]]
}

/// Words that satisfy each clause of a call, as far as they are easy to find.
pub(super) fn witnesses(call: &CallPolicy) -> Vec<[u64; 6]> {
    let values = values(call);
    let clauses = call.clauses.iter().take(CLAUSES_VARIED);
    clauses.map(|clause| pick(&values, |argument, value| held(&clause.condition, argument, value))).collect()
}

/// Calls `check` with argument words at the boundaries of a call's conditions.
pub(super) fn each<E>(call: &CallPolicy, check: &mut dyn FnMut([u64; 6]) -> Result<(), E>) -> Result<(), E> {
    let values = values(call);
    let combinations = values.iter().try_fold(1_usize, |product, values| product.checked_mul(values.len().max(1)));
    match combinations.filter(|&combinations| combinations <= ALL_COMBINATIONS) {
        Some(combinations) => (0..combinations).try_for_each(|index| check(combination(&values, index as u64))),
        None => {
            pairs(&bases(call, &values), &values, check)?;
            let mut state = 0x9e37_79b9_7f4a_7c15_u64;
            (0..SAMPLES).try_for_each(|_| check(sample(&values, &mut state)))
        }
    }
}

/// For each argument, the values to try; empty for one that no condition looks at.
fn values(call: &CallPolicy) -> [Vec<u64>; 6] {
    let mut values: [BTreeSet<u64>; 6] = Default::default();
    for clause in &call.clauses {
        clause.condition.atoms(&mut |atom| {
            if let Some(values) = values.get_mut(usize::from(atom.arg)) {
                of_atom(atom, values);
            }
        });
    }
    values.map(|values| values.into_iter().collect())
}

/// The ends of each range and their neighbours, the extremes, every single bit of a mask set or missing, of few ranges every
/// single bit changed, and each of these with other bits where the test must not look.
fn of_atom(atom: &Atom, values: &mut BTreeSet<u64>) {
    let all = atom.width.max();
    let ranges = atom.values.ranges();
    let mut near: BTreeSet<u64> = [0, 1, all, all >> 1, (all >> 1) + 1].into();
    for &(low, high) in ranges {
        near.extend([low, low.wrapping_sub(1), high, high.wrapping_add(1)].map(|value| value & all));
        if ranges.len() <= MANY_RANGES {
            near.extend([low.wrapping_add(1), high.wrapping_sub(1)].map(|value| value & all));
        }
    }
    if atom.mask != all {
        let some = || ranges.iter().take(MANY_RANGES).map(|&(low, _)| low);
        for bit in (0..64).map(|bit| 1_u64 << bit).filter(|bit| atom.mask & bit != 0) {
            near.extend([bit, atom.mask ^ bit]);
            near.extend(some().map(|low| low ^ bit));
        }
        near.insert(atom.mask);
    }
    if (2..=MANY_RANGES).contains(&ranges.len()) {
        // A program may test a set as values under a mask.
        let bits = (0..64).map(|bit| 1_u64 << bit).filter(|bit| atom.mask & bit != 0);
        near.extend(bits.flat_map(|bit| ranges.iter().map(move |&(low, _)| low ^ bit)));
    }
    let elsewhere: &[u64] = match atom.width {
        // What the kernel cuts off.
        Width::W32 => &[0, 0xdead_beef_0000_0000],
        // The half that a 32-bit compare would miss.
        Width::W64 => &[0, 0x0000_0001_0000_0000, 0x8000_0000_0000_0000],
    };
    for value in near {
        for bits in elsewhere {
            values.insert(value ^ bits);
            if atom.mask != all {
                values.insert(value ^ bits ^ (all & !atom.mask));
            }
        }
    }
}

fn combination(values: &[Vec<u64>; 6], mut index: u64) -> [u64; 6] {
    values.each_ref().map(|values| {
        let choices = values.len().max(1) as u64;
        let value = values.get((index % choices) as usize).copied();
        index /= choices;
        value.unwrap_or(0xa5a5_a5a5_5a5a_5a5a)
    })
}

/// A combination picked by splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): the same
/// ones every time.
fn sample(values: &[Vec<u64>; 6], state: &mut u64) -> [u64; 6] {
    values.each_ref().map(|values| {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let index = (mixed ^ mixed >> 31) % values.len().max(1) as u64;
        values.get(index as usize).copied().unwrap_or(mixed)
    })
}

/// Argument words to vary: none, all, and for each clause those that satisfy most of its tests and those that satisfy least,
/// so that one or two changes are enough to cross from one clause into another.
fn bases(call: &CallPolicy, values: &[Vec<u64>; 6]) -> BTreeSet<[u64; 6]> {
    let mut bases = BTreeSet::from([[0; 6], [u64::MAX; 6]]);
    for clause in call.clauses.iter().take(CLAUSES_VARIED) {
        let held = |argument: usize, value: u64| held(&clause.condition, argument, value);
        bases.insert(pick(values, held));
        bases.insert(pick(values, |argument, value| usize::MAX - held(argument, value)));
    }
    bases
}

/// How many tests of an argument hold for a value.
fn held(condition: &Condition, argument: usize, value: u64) -> usize {
    let mut held = 0;
    condition.atoms(&mut |atom| held += usize::from(usize::from(atom.arg) == argument && atom.holds(&[value; 6])));
    held
}

/// For each argument the value with the highest score, the first of those.
fn pick(values: &[Vec<u64>; 6], score: impl Fn(usize, u64) -> usize) -> [u64; 6] {
    let mut words = [0; 6];
    for (argument, word) in words.iter_mut().enumerate() {
        let best = values[argument].iter().rev().max_by_key(|&&value| score(argument, value));
        *word = best.copied().unwrap_or(0);
    }
    words
}

/// From each base, every single argument's every value, and pairs, thinned out evenly when there are too many.
fn pairs<E>(
    bases: &BTreeSet<[u64; 6]>,
    values: &[Vec<u64>; 6],
    check: &mut dyn FnMut([u64; 6]) -> Result<(), E>,
) -> Result<(), E> {
    let mut total = 0_usize;
    for first in 0..6 {
        for second in first + 1..6 {
            total = total.saturating_add(values[first].len().saturating_mul(values[second].len()));
        }
    }
    let step = total.saturating_mul(bases.len()).div_ceil(PAIRS).max(1);
    let singles: usize = values.iter().map(Vec::len).sum();
    let single_step = singles.saturating_mul(bases.len()).div_ceil(SINGLES).max(1);
    let mut turn = 0_usize;
    for (offset, base) in bases.iter().enumerate() {
        for (first, choices) in values.iter().enumerate() {
            // Every value is tried on some base.
            for &one in choices.iter().skip(offset % single_step).step_by(single_step) {
                let mut words = *base;
                words[first] = one;
                check(words)?;
                for (second, choices) in values.iter().enumerate().skip(first + 1) {
                    // Jump from one multiple of the step to the next instead of counting through them.
                    let mut index = (step - turn % step) % step;
                    while let Some(&other) = choices.get(index) {
                        words[second] = other;
                        check(words)?;
                        index += step;
                    }
                    words[second] = base[second];
                    turn = turn.wrapping_add(choices.len()) % step;
                }
            }
        }
    }
    Ok(())
}
