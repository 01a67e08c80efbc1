//! Laws of conditions: fewer, larger sets before anything is built.

use std::collections::BTreeMap;

use crate::condition::{Atom, Condition, ValueSet, Width};
use crate::policy::{CallPolicy, Clause};

/// The call with the laws applied; it decides the same.
///
/// Clauses in a row with one action are one clause: `if c {a} else if d {a} else r = if c || d {a} else r`.
pub(super) fn merged(call: &CallPolicy) -> CallPolicy {
    let mut clauses: Vec<Clause> = Vec::with_capacity(call.clauses.len());
    let mut rest = &call.clauses[..];
    while let Some(first) = rest.first() {
        let action = first.decision.action;
        let alike = rest.iter().take_while(|clause| clause.decision.action == action).count();
        let (here, after) = rest.split_at(alike);
        rest = after;
        let condition = any(here.iter().map(|clause| simplified(&clause.condition)));
        clauses.push(Clause { condition, decision: first.decision.clone() });
    }
    CallPolicy { clauses, otherwise: call.otherwise.clone() }
}

fn simplified(condition: &Condition) -> Condition {
    match condition {
        Condition::Always | Condition::Atom(_) => condition.clone(),
        Condition::Not(inner) => not(simplified(inner)),
        Condition::All(parts) => all(parts.iter().map(simplified)),
        Condition::Any(parts) => any(parts.iter().map(simplified)),
    }
}

/// `!(x in S) = x in everything but S`; `!!c = c`.
fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        Condition::Atom(atom) => Condition::Atom(Atom { values: atom.values.complement(atom.width.max()), ..atom }),
        other => Condition::Not(Box::new(other)),
    }
}

/// `x in S || x in T = x in (S or T)`, wherever the two stand; `(a || b) || c = a || b || c`.
fn any(parts: impl Iterator<Item = Condition>) -> Condition {
    let flat = parts.flat_map(|part| match part {
        Condition::Any(inner) => inner,
        other => vec![other],
    });
    gathered(flat, Condition::Any, |sets| ValueSet::of(sets.iter().flat_map(|set| set.ranges().iter().copied())))
}

/// `x in S && x in T = x in (S and T) = x not in (not S or not T)`; `(a && b) && c = a && b && c`.
fn all(parts: impl Iterator<Item = Condition>) -> Condition {
    let flat = parts.flat_map(|part| match part {
        Condition::All(inner) => inner,
        other => vec![other],
    });
    gathered(flat, Condition::All, |sets| {
        let outside = sets.iter().flat_map(|set| set.complement(u64::MAX).ranges().to_vec());
        ValueSet::of(outside).complement(u64::MAX)
    })
}

/// The tests of one masked argument are one test, at the place of the first.
fn gathered(
    parts: impl Iterator<Item = Condition>,
    combined: fn(Vec<Condition>) -> Condition,
    join: fn(&[ValueSet]) -> ValueSet,
) -> Condition {
    let mut gathered: Vec<Condition> = Vec::new();
    let mut places: BTreeMap<(u8, Width, u64), (usize, Vec<ValueSet>)> = BTreeMap::new();
    for part in parts {
        if let Condition::Atom(atom) = &part {
            let key = (atom.arg, atom.width, atom.mask);
            let (_, sets) = places.entry(key).or_insert_with(|| {
                gathered.push(part.clone());
                (gathered.len() - 1, Vec::new())
            });
            sets.push(atom.values.clone());
        } else {
            gathered.push(part);
        }
    }
    for ((arg, width, mask), (place, sets)) in places {
        gathered[place] = Condition::Atom(Atom { arg, width, mask, values: join(&sets) });
    }
    match gathered.pop() {
        Some(only) if gathered.is_empty() => only,
        last => {
            gathered.extend(last);
            combined(gathered)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{call_policies, values, word32};

    proptest! {
        /// Merging decides nothing else, and takes no more tests than before.
        #[test]
        fn merging_changes_no_decision(
            call in call_policies(),
            calls in prop::collection::vec(prop::array::uniform6(values()), 40),
        ) {
            let merged = merged(&call);
            for args in calls {
                prop_assert_eq!(merged.decide(&args).action, call.decide(&args).action, "{:?}", args);
            }
            let tests = |call: &CallPolicy| {
                let mut tests = 0;
                call.clauses.iter().for_each(|clause| clause.condition.atoms(&mut |_| tests += 1));
                tests
            };
            prop_assert!(tests(&merged) <= tests(&call));
        }
    }

    #[test]
    fn sets_meet() {
        let [a, b, c] = [(1, 4), (3, 9), (20, 20)].map(|range| word32(0, &[range]));
        assert_eq!(super::any([a.clone(), b.clone(), c.clone()].into_iter()), word32(0, &[(1, 9), (20, 20)]));
        assert_eq!(all([a.clone(), b].into_iter()), word32(0, &[(3, 4)]));
        assert_eq!(not(not(c.clone())), c);
        // Other tests stay where they are.
        let other = word32(1, &[(7, 7)]);
        let parts = [a.clone(), other.clone(), c];
        assert_eq!(super::any(parts.into_iter()), Condition::Any(vec![word32(0, &[(1, 4), (20, 20)]), other]));
        assert_eq!(super::any([a.clone()].into_iter()), a);
    }
}
