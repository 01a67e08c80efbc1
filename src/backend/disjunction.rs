//! A call's clauses as an "or" of "and"s, for engines that have no "not".

use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::policy::CallPolicy;

/// More alternatives than this are too many for any filter.
const MOST: usize = 1200;

/// One comparison that engines have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Comparison {
    pub(super) arg: u8,
    pub(super) width: Width,
    pub(super) test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Test {
    /// `word & mask == value`
    Masked { mask: u64, value: u64 },
    /// `low <= word <= high`
    Within { low: u64, high: u64 },
}

/// Comparisons that must all hold. None: it holds always.
pub(super) type Alternative = Vec<Comparison>;

/// When a call takes this action, where all its other decisions take another. No alternative: never.
///
/// # Errors
/// When it comes to too many alternatives.
pub(super) fn when(call: &CallPolicy, action: Action) -> Result<Vec<Alternative>, String> {
    let otherwise = (&Condition::Always, call.otherwise.action);
    let clauses = call.clauses.iter().map(|clause| (&clause.condition, clause.decision.action));
    let mut found = Vec::new();
    let mut not_before = vec![Vec::new()];
    for (condition, taken) in clauses.chain([otherwise]) {
        if taken == action {
            found.extend(both(&not_before, &alternatives(condition, true)?)?);
        } else {
            // Clauses that take the action may overlap with this one: it comes after them, so only its own calls matter.
            not_before = both(&not_before, &alternatives(condition, false)?)?;
        }
        if found.len() > MOST {
            return Err(TOO_MANY.to_owned());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Why a condition has no such form here.
const TOO_MANY: &str = "conditions of too many alternatives";

fn both(left: &[Alternative], right: &[Alternative]) -> Result<Vec<Alternative>, String> {
    if left.len().saturating_mul(right.len()) > MOST {
        return Err(TOO_MANY.to_owned());
    }
    Ok(left.iter().flat_map(|one| right.iter().map(move |other| [one.as_slice(), other].concat())).collect())
}

/// The alternatives under which the condition holds, or doesn't.
fn alternatives(condition: &Condition, holds: bool) -> Result<Vec<Alternative>, String> {
    let (parts, all) = match condition {
        Condition::Always => return Ok(if holds { vec![Vec::new()] } else { Vec::new() }),
        Condition::Atom(atom) => return of_atom(atom, holds),
        Condition::Not(inner) => return alternatives(inner, !holds),
        Condition::All(parts) => (parts, holds),
        Condition::Any(parts) => (parts, !holds),
    };
    let mut found = if all { vec![Vec::new()] } else { Vec::new() };
    for part in parts {
        let part = alternatives(part, holds)?;
        if all {
            found = both(&found, &part)?;
        } else {
            found.extend(part);
        }
    }
    if found.len() > MOST { Err(TOO_MANY.to_owned()) } else { Ok(found) }
}

fn of_atom(atom: &Atom, holds: bool) -> Result<Vec<Alternative>, String> {
    let all = atom.width.max();
    let values = if holds { atom.values.clone() } else { atom.values.complement(all) };
    let alone = |test| vec![Comparison { arg: atom.arg, width: atom.width, test }];
    if atom.mask == all {
        let ranges = values.ranges().iter();
        return Ok(ranges.map(|&(low, high)| alone(Test::Within { low, high })).collect());
    }
    let masked = |value| alone(Test::Masked { mask: atom.mask, value });
    if let Some(wanted) = few(atom.mask, &values) {
        return Ok(wanted.into_iter().map(masked).collect());
    }
    // Everything but a few values: for each of them, a bit that is another.
    let unwanted = few(atom.mask, &values.complement(all)).ok_or(TOO_MANY)?;
    let mut found = vec![Vec::new()];
    for value in unwanted {
        let bits = (0..64).map(|bit| 1_u64 << bit).filter(|bit| atom.mask & bit != 0);
        let other: Vec<_> = bits.map(|bit| alone(Test::Masked { mask: bit, value: !value & bit })).collect();
        found = both(&found, &other)?;
    }
    Ok(found)
}

/// The words under the mask that are in the set, if they are few enough to list.
fn few(mask: u64, values: &ValueSet) -> Option<Vec<u64>> {
    let mut found = Vec::new();
    for &(low, high) in values.ranges() {
        // The next word under a mask: let the carry run over the bits outside of it.
        let mut word = (low & !mask == 0).then_some(low).or_else(|| next_under(mask, low));
        while let Some(value) = word.filter(|&value| value <= high) {
            if found.len() == 256 {
                return None;
            }
            found.push(value);
            word = next_under(mask, value);
        }
    }
    Some(found)
}

/// The least word under the mask that is greater.
fn next_under(mask: u64, word: u64) -> Option<u64> {
    // Keep what is under the mask above the highest bit outside it, and fill below with the mask's own bits.
    let outside = word & !mask;
    let kept = match outside.checked_ilog2() {
        None => word,
        Some(bit) => (word >> bit >> 1 << bit << 1) | (mask & ((1 << bit) - 1)),
    };
    // Filled or not, the answer is the next word under the mask.
    (kept | !mask).checked_add(1).map(|next| next & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_under_a_mask_come_in_order() {
        for mask in [0, 1, 0b1010, 0b1101, 0xf0] {
            let expected: Vec<u64> = (0..=255).filter(|word| word & !mask == 0).collect();
            assert_eq!(few(mask, &ValueSet::of([(0, u64::MAX)])), Some(expected.clone()), "{mask:b}");
            for low in 0..=255 {
                let above: Vec<u64> = expected.iter().copied().filter(|&word| word >= low).collect();
                assert_eq!(few(mask, &ValueSet::of([(low, 255)])), Some(above), "{mask:b} {low:b}");
            }
        }
    }
}
