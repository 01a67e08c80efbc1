//! That the calls asked about are enough: every slightly wrong policy meets one of them.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Cause, Decision, Policy};
use callgate_compiler::prove::{Budget, Verdict, policies_equal};

use super::case::has_narrow_registers;
use super::cases;

/// Ranges of one test that are moved; the long lists have hundreds alike.
const RANGES_MOVED: usize = 8;

/// One test slightly wrong: an end of a range moved by one, a bit of the mask forgotten, the wrong width.
fn mutants_of(atom: &Atom, abi: Abi) -> Vec<Atom> {
    let all = atom.width.max();
    let ranges = atom.values.ranges();
    let mut mutants = Vec::new();
    for index in (0..ranges.len()).step_by(ranges.len().div_ceil(RANGES_MOVED).max(1)) {
        let (low, high) = ranges[index];
        let moved = [
            (Some(low), high.checked_add(1)),
            (Some(low), high.checked_sub(1)),
            (low.checked_sub(1), Some(high)),
            (low.checked_add(1), Some(high)),
        ];
        for (low, high) in moved {
            let (Some(low), Some(high)) = (low, high.filter(|&high| high <= all)) else { continue };
            let mut changed = ranges.to_vec();
            // A range that ends before it starts is empty.
            changed[index] = (low, high);
            mutants.push(Atom { values: ValueSet::of(changed), ..atom.clone() });
        }
    }
    if atom.mask != all {
        mutants.push(Atom { mask: atom.mask & atom.mask.wrapping_sub(1), ..atom.clone() });
        mutants.push(Atom { mask: atom.mask ^ (1 << atom.mask.checked_ilog2().unwrap_or(0)), ..atom.clone() });
    } else if !has_narrow_registers(abi.token()) {
        // There, no high half can be got wrong.
        let (width, mask) = match atom.width {
            Width::W32 => (Width::W64, u64::MAX),
            Width::W64 => (Width::W32, 0xffff_ffff),
        };
        mutants.push(Atom { width, mask, ..atom.clone() });
    }
    mutants.into_iter().filter(|mutant| mutant != atom).collect()
}

/// The condition with its test of this number, left to right, replaced.
fn with(condition: &Condition, left: &mut usize, atom: &Atom) -> Condition {
    let mut all = |parts: &[Condition]| parts.iter().map(|part| with(part, left, atom)).collect();
    match condition {
        Condition::Always => Condition::Always,
        Condition::Atom(own) => {
            let here = *left == 0;
            *left = left.wrapping_sub(1);
            Condition::Atom(if here { atom.clone() } else { own.clone() })
        }
        Condition::Not(inner) => Condition::Not(Box::new(with(inner, left, atom))),
        Condition::All(parts) => Condition::All(all(parts)),
        Condition::Any(parts) => Condition::Any(all(parts)),
    }
}

/// A policy of this call alone, so that the prover has little to look at.
fn alone(abi: Abi, nr: u32, call: &CallPolicy) -> Policy {
    let kill = Decision { action: Action::KillProcess, cause: Cause::UnlistedAbi };
    let listed = AbiPolicy { calls: BTreeMap::from([(nr, call.clone())]), rest: kill.clone() };
    Policy {
        abis: BTreeMap::from([(abi, listed)]),
        foreign: BTreeMap::new(),
        other: kill,
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    }
}

#[test]
fn every_slightly_wrong_condition_is_met() {
    let (mut found, mut same) = (0, 0);
    for case in cases() {
        let asked = case.calls();
        for (&abi, listed) in &case.policy.abis {
            for (&nr, call) in &listed.calls {
                let of_call: Vec<_> = asked
                    .iter()
                    .filter(|one| one.data.arch == abi.token() && one.data.nr == nr)
                    .map(|one| one.data.args)
                    .collect();
                for (index, clause) in call.clauses.iter().enumerate() {
                    let mut atoms = Vec::new();
                    clause.condition.atoms(&mut |atom| atoms.push(atom.clone()));
                    for (position, atom) in atoms.iter().enumerate() {
                        for mutant in mutants_of(atom, abi) {
                            let mut wrong = call.clone();
                            wrong.clauses[index].condition = with(&clause.condition, &mut { position }, &mutant);
                            if of_call.iter().any(|args| wrong.decide(args).action != call.decide(args).action) {
                                found += 1;
                                continue;
                            }
                            let verdict =
                                policies_equal(&alone(abi, nr, call), &alone(abi, nr, &wrong), Budget::default());
                            assert!(
                                matches!(verdict, Verdict::Holds),
                                "{}: nobody asks {verdict:?}, where {atom:?} is {mutant:?}",
                                case.file
                            );
                            same += 1;
                        }
                    }
                }
            }
        }
    }
    eprintln!("{found} wrong conditions met, {same} that change nothing");
    assert!(found > 500, "{found}");
}
