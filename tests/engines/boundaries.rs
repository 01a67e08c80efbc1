//! Argument words at which something may change.

use std::collections::BTreeSet;

use callgate_compiler::condition::{Atom, Condition, Width};
use callgate_compiler::policy::CallPolicy;

/// At most this many combinations of words a call.
const MOST: usize = 1500;

/// Of masked words, this many ranges have their bits changed one by one.
const MANY_RANGES: usize = 40;

/// What stands in the words that a condition doesn't look at.
const ELSEWHERE: u64 = 0xa5a5_a5a5_5a5a_5a5a;

/// What stands in the half of a word that the kernel doesn't read.
const GARBAGE: u64 = 0xdead_beef_0000_0000;

/// Words around every boundary of a call's conditions, combined across its arguments.
pub(super) fn around(call: &CallPolicy) -> Vec<[u64; 6]> {
    let mut values = Values::default();
    for clause in &call.clauses {
        clause.condition.atoms(&mut |atom| insert(atom, &mut values[usize::from(atom.arg)]));
    }
    let mut words: BTreeSet<_> = combinations(&values).collect();
    // Thinned out or not, every single value is tried where a clause holds and where it doesn't.
    for clause in &call.clauses {
        let Some(&base) = words.iter().find(|words| clause.condition.holds(words)) else { continue };
        words.extend(one_changed(base, &values));
    }
    words.extend(one_changed([0; 6], &values));
    words.into_iter().collect()
}

/// Words that satisfy a condition, at its edges where it has some.
pub(super) fn satisfying(condition: &Condition) -> Vec<[u64; 6]> {
    let mut values = Values::default();
    condition.atoms(&mut |atom| insert(atom, &mut values[usize::from(atom.arg)]));
    let parts = conjuncts(condition);
    for (arg, values) in values.iter_mut().enumerate() {
        let own = |part: &&Condition| matches!(part, Condition::Atom(atom) if usize::from(atom.arg) == arg);
        values.retain(|&value| parts.iter().copied().filter(own).all(|part| part.holds(&[value; 6])));
    }
    combinations(&values).filter(|words| condition.holds(words)).take(MOST).collect()
}

type Values = [BTreeSet<u64>; 6];

fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The ends of each range and their neighbours, the extremes, the sign's edge, single bits of a mask changed; each also with
/// other bits where the test must not look.
fn insert(atom: &Atom, values: &mut BTreeSet<u64>) {
    let all = atom.width.max();
    let mut near = BTreeSet::from([0, all, all >> 1, (all >> 1) + 1]);
    let ranges = atom.values.ranges();
    near.extend(ranges.iter().flat_map(|&(low, high)| [low.wrapping_sub(1), low, high, high.wrapping_add(1)]));
    if atom.mask != all {
        near.insert(atom.mask);
        let lows = || ranges.iter().take(MANY_RANGES).map(|&(low, _)| low).chain([0]);
        let bits = (0..64).map(|bit| 1 << bit).filter(|bit| atom.mask & bit != 0);
        near.extend(bits.flat_map(|bit: u64| lows().map(move |low| low ^ bit)));
        let unseen: Vec<_> = near.iter().map(|value| value | !atom.mask).collect();
        near.extend(unseen);
    }
    for value in near.into_iter().map(|value| value & all) {
        values.insert(value);
        match atom.width {
            Width::W32 => values.insert(value | GARBAGE),
            // The half that a 32-bit compare would miss.
            Width::W64 => values.insert(value ^ 0x1_0000_0000),
        };
    }
}

/// All combinations, or evenly spread ones when there are too many.
fn combinations(values: &Values) -> impl Iterator<Item = [u64; 6]> {
    let values = values.each_ref().map(|values| match values.len() {
        0 => vec![ELSEWHERE],
        _ => values.iter().copied().collect::<Vec<_>>(),
    });
    let total = values.iter().fold(1_usize, |product, values| product.saturating_mul(values.len()));
    // Odd, so that no argument keeps its value for long.
    let step = total.div_ceil(MOST) | 1;
    (0..total).step_by(step).map(move |index| {
        let mut index = index;
        values.each_ref().map(|values| {
            let value = values[index % values.len()];
            index /= values.len();
            value
        })
    })
}

/// The base with one argument at each of its values.
fn one_changed(base: [u64; 6], values: &Values) -> Vec<[u64; 6]> {
    let change = |(arg, values): (usize, &BTreeSet<u64>)| {
        let changed = values.iter().map(move |&value| {
            let mut words = base;
            words[arg] = value;
            words
        });
        changed.collect::<Vec<_>>()
    };
    values.iter().enumerate().flat_map(change).collect()
}
