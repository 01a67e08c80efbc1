//! Arguments at which a call's clauses are likely to change: one that shows what is asked spares a proof.

use crate::condition::{Atom, Condition};
use crate::policy::CallPolicy;

/// No more than this many are tried; a proof costs about as much.
const MOST: usize = 64;

/// Zeros, and for each clause arguments at the ends of its ranges and one past them, the other words as the clause's first
/// tests want them.
pub(super) fn arguments(call: &CallPolicy) -> Vec<[u64; 6]> {
    let mut found = vec![[0; 6]];
    for clause in &call.clauses {
        let mut wanted = [0; 6];
        satisfy(&clause.condition, &mut wanted);
        found.push(wanted);
        clause.condition.atoms(&mut |atom| {
            for word in ends(atom) {
                if found.len() < MOST {
                    let mut arguments = wanted;
                    arguments[usize::from(atom.arg)] = word;
                    found.push(arguments);
                }
            }
        });
    }
    found
}

/// Makes the tests hold that stand first; a best effort.
fn satisfy(condition: &Condition, arguments: &mut [u64; 6]) {
    match condition {
        Condition::Always | Condition::Not(_) => {}
        Condition::Atom(atom) => {
            if let Some(&(low, _)) = atom.values.ranges().first() {
                arguments[usize::from(atom.arg)] |= low;
            }
        }
        Condition::All(parts) => parts.iter().for_each(|part| satisfy(part, arguments)),
        Condition::Any(parts) => {
            if let Some(part) = parts.first() {
                satisfy(part, arguments);
            }
        }
    }
}

/// The ends of the ranges, one before and after each, and every bit of the mask.
fn ends(atom: &Atom) -> impl Iterator<Item = u64> {
    let ranges = atom.values.ranges().iter().take(4);
    ranges.flat_map(|&(low, high)| [low, high, low.wrapping_sub(1), high.wrapping_add(1)]).chain([atom.mask])
}
