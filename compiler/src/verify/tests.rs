//! That the check lets right programs pass and finds wrong ones.

use std::collections::BTreeMap;

use super::*;
use crate::bpf::{Instruction, admit, op};
use crate::condition::{Condition, Width};
use crate::generate::generate;
use crate::samples::{always, atom, docker_like, policy, when, word32, word64};

fn sample() -> Policy {
    let calls = BTreeMap::from([
        (0, always(Action::Allow)),
        (2, always(Action::Log)),
        (5, when(Condition::All(vec![word32(0, &[(3, 7)]), word64(1, &[(0x1_0000_0000, 0x1_0000_0005)])]))),
        (9, when(Condition::Any(vec![atom(2, Width::W32, 0x0f00, &[(0x0500, 0x0500)]), word32(3, &[(9, 9)])]))),
        (
            11,
            when(Condition::Not(Box::new(Condition::All(vec![
                atom(0, Width::W64, 0x7e02_0000, &[(0, 0)]),
                word32(1, &[(0, 99)]),
                word32(2, &[(1, 1), (3, 3), (5, 5), (7, 7)]),
                word64(3, &[(0x77, 0x77)]),
                word64(4, &[(0x88, 0x88)]),
            ])))),
        ),
    ]);
    policy([(Abi::X86_64, calls.clone()), (Abi::X86, calls)])
}

/// Every instruction with one bit or one branch changed.
fn mutants(program: &Program) -> Vec<Program> {
    let mut mutants = Vec::new();
    for (position, &old) in program.instructions.iter().enumerate() {
        let mut changed = Vec::new();
        if let Some(condition) = old.condition() {
            changed.push(Instruction { jt: old.jf, jf: old.jt, ..old });
            changed.push(Instruction { jt: old.jt.wrapping_add(1), ..old });
            changed.push(Instruction { jf: old.jf.wrapping_add(1), ..old });
            changed.push(Instruction { jt: old.jt.wrapping_sub(1), ..old });
            changed.push(Instruction { jf: old.jf.wrapping_sub(1), ..old });
            for other in [op::JEQ, op::JGT, op::JGE, op::JSET] {
                changed.push(Instruction { code: old.code - condition + other, ..old });
            }
        }
        if old.code == op::LD | op::W | op::ABS {
            changed.push(Instruction { k: old.k ^ 4, ..old });
        }
        changed.extend([old.k.wrapping_add(1), old.k.wrapping_sub(1)].map(|k| Instruction { k, ..old }));
        changed.extend([2, 3, 8, 16, 29, 30, 31].map(|bit| Instruction { k: old.k ^ 1 << bit, ..old }));
        for new in changed.into_iter().filter(|&new| new != old) {
            let mut mutant = program.clone();
            mutant.instructions[position] = new;
            mutants.push(mutant);
        }
    }
    mutants
}

/// Whether some call tells two programs apart, by a search that knows neither: everything either of them compares with, and
/// values around it, in every word.
fn differ(one: &Program, other: &Program, seeds: &[SyscallData]) -> bool {
    let constants: BTreeSet<u32> = one
        .instructions
        .iter()
        .chain(&other.instructions)
        .filter(|instruction| instruction.condition().is_some())
        .flat_map(|instruction| [instruction.k.wrapping_sub(1), instruction.k, instruction.k.wrapping_add(1)])
        .collect();
    let action = |program, call: &SyscallData| {
        simulate(program, Endian::Little, call).map(|outcome| Action::from_ret(outcome.ret))
    };
    let differs = |call: &SyscallData| action(one, call) != action(other, call);
    seeds.iter().any(|seed| {
        differs(seed)
            || constants.iter().any(|&k| {
                let words = (0..6).flat_map(|index| {
                    [u64::from(k), u64::from(k) << 32].map(|bits| {
                        let mut call = *seed;
                        call.args[index] ^= bits;
                        call
                    })
                });
                words
                    .chain([SyscallData { nr: k, ..*seed }, SyscallData { arch: k, ..*seed }])
                    .any(|call| differs(&call))
            })
    })
}

#[test]
fn right_programs_pass() {
    for policy in [sample(), docker_like(Abi::ALL)] {
        let program = generate(&policy).unwrap();
        let checked = boundary(&policy, &program).unwrap();
        assert!(checked.calls > 10_000, "{checked:?}");
    }
}

/// Of every program one small change away from a right one, the check finds all that an independent search can tell from it.
#[test]
fn every_wrong_program_is_found() {
    let policy = sample();
    let program = generate(&policy).unwrap();
    let token = Abi::X86_64.token();
    let seeds: Vec<_> = [0, 1, 2, 5, 9, 11]
        .into_iter()
        .flat_map(|nr| {
            let words = [
                [0; 6],
                [u64::MAX; 6],
                [3, 0x1_0000_0000, 0x0500, 9, 0, 0],
                [4, 0x1_0000_0000, 0x0500, 8, 0, 0],
                [0, 5, 1, 0x77, 0x88, 0],
                [0x8000, 5, 7, 0x77, 0x88, 0],
            ];
            words.map(|args| SyscallData::new(token, nr, args))
        })
        .collect();
    let mut found = 0;
    for mutant in mutants(&program) {
        match boundary(&policy, &mutant) {
            Err(mismatch) => {
                found += 1;
                assert_eq!(policy.decide(&mismatch.call).action, mismatch.wanted);
                assert_ne!(mismatch.got, Ok(mismatch.wanted));
            }
            Ok(_) => {
                assert!(admit(&mutant).is_ok());
                assert!(!differ(&program, &mutant, &seeds), "missed {:?}", mutant.instructions);
            }
        }
    }
    assert!(found > 500, "{found}");
}

#[test]
fn a_mismatch_says_what_and_where() {
    let policy = policy([(Abi::X86_64, BTreeMap::from([(39, always(Action::Allow))]))]);
    let wrong = Program::new(vec![Instruction::ret(0x7fff_0000)]);
    let mismatch = boundary(&policy, &wrong).unwrap_err();
    assert_eq!((mismatch.wanted, mismatch.got), (Action::KillProcess, Ok(Action::Allow)));
    assert_eq!(
        mismatch.to_string(),
        "the program differs from the policy on nr 0 of arch 0x00000000 with arguments 0x0, 0x0, 0x0, 0x0, 0x0, 0x0: \
         the policy says kill, the program allow"
    );
    let endless = Program::new(vec![Instruction::load(0)]);
    assert_eq!(boundary(&policy, &endless).unwrap_err().got, Err(Fault::PastTheEnd(1)));
}
