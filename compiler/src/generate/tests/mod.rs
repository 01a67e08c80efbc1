//! What a generated program must be, whatever the policy.

mod long;
mod measures;
mod objectives;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{GenerateError, generate};
use crate::abi::{Abi, Endian, X32_BIT};
use crate::action::Action;
use crate::bpf::{Program, admit, constant_allow, converted_length, disassemble, op, simulate};
use crate::call::SyscallData;
use crate::condition::{Condition, Width};
use crate::policy::Policy;
use crate::samples::{always, atom, commands, decision, docker_like, policies, policy, when, word32, word64};
use crate::verify::boundary;

/// Compiles, and holds the program to the policy and to the kernel's rules.
#[track_caller]
fn compile(policy: &Policy) -> Program {
    let program = generate(policy).unwrap();
    assert_eq!(admit(&program), Ok(()));
    assert_eq!(program.provenance.len(), program.instructions.len());
    if let Err(mismatch) = boundary(policy, &program) {
        panic!("{mismatch}\n{}", disassemble(&program, Endian::Little, &|_, _| None));
    }
    keeps_the_bitmap(policy, &program);
    program
}

/// A call is cached exactly when it is allowed whatever its arguments, by the program's own account.
#[track_caller]
fn keeps_the_bitmap(policy: &Policy, program: &Program) {
    for (&abi, listed) in &policy.abis {
        for nr in listed.calls.keys().copied().chain(0..450) {
            if Abi::of_call(abi.token(), nr) != Some(abi) {
                continue;
            }
            let call = listed.calls.get(&nr);
            if call.is_none_or(|call| call.clauses.is_empty()) {
                let action = call.map_or(&listed.rest, |call| &call.otherwise).action;
                assert_eq!(constant_allow(program, abi.token(), nr), action == Action::Allow, "{abi} {nr}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_policy_is_its_program(
        policy in policies(),
        calls in prop::collection::vec((0..=Abi::ALL.len(), any::<u32>(), 0_u32..24, prop::array::uniform6(any::<u64>())), 64),
    ) {
        let program = compile(&policy);
        for (token, far, near, args) in calls {
            let abi = Abi::ALL.get(token);
            let (token, endian) = abi.map_or((far, Endian::Little), |abi| (abi.token(), abi.endian()));
            for nr in [near, near | X32_BIT, far] {
                let call = SyscallData::new(token, nr, args);
                let outcome = simulate(&program, endian, &call).unwrap();
                prop_assert_eq!(Action::from_ret(outcome.ret), policy.decide(&call).action, "{:?}", call);
            }
        }
        prop_assert_eq!(generate(&policy), Ok(program));
    }
}

#[test]
fn a_tiny_policy_reads_like_this() {
    let calls = BTreeMap::from([
        (0, always(Action::Allow)),
        (1, always(Action::Allow)),
        (3, always(Action::Allow)),
        (41, when(word32(0, &[(1, 2), (10, 10)]))),
        (59, when(atom(2, Width::W64, 0x80000, &[(0x80000, 0x80000)]))),
    ]);
    let program = compile(&policy([(Abi::X86_64, calls)]));
    let names = |_, nr| match nr {
        41 => Some("socket"),
        59 => Some("execve"),
        _ => None,
    };
    let text = disassemble(&program, Endian::Little, &names);
    assert_eq!(text, include_str!("tiny.asm"));
}

#[test]
fn x32_unlisted_takes_its_own_decision_and_minus_one_is_native() {
    let mut policy = policy([(Abi::X86_64, BTreeMap::from([(0, always(Action::Allow))]))]);
    policy.foreign.insert(Abi::X32, decision(Action::Errno(38)));
    policy.foreign.insert(Abi::X86, decision(Action::KillProcess));
    let program = compile(&policy);
    let action = |token, nr| {
        let outcome = simulate(&program, Endian::Little, &SyscallData::new(token, nr, [0; 6])).unwrap();
        Action::from_ret(outcome.ret)
    };
    let token = Abi::X86_64.token();
    assert_eq!(action(token, 0), Action::Allow);
    assert_eq!(action(token, X32_BIT), Action::Errno(38));
    assert_eq!(action(token, u32::MAX), Action::Errno(1));
    assert_eq!(action(Abi::X86.token(), 0), Action::KillProcess);
    // ld arch, jeq x86_64, ld nr, three compares, four returns.
    assert_eq!(program.instructions.len(), 10);
}

#[test]
fn x32_decided_alike_costs_most_of_x86_64_nothing() {
    let calls = |base: u32| (0..9).map(|number| (base + number * 2, always(Action::Allow))).collect();
    let measure = |policy: &Policy| {
        let program = compile(policy);
        let executed = (0..18).map(|nr| {
            simulate(&program, Endian::Little, &SyscallData::new(Abi::X86_64.token(), nr, [0; 6])).unwrap().executed
        });
        (program.instructions.len(), executed.sum::<usize>())
    };
    let alone = measure(&policy([(Abi::X86_64, calls(0))]));
    let both = measure(&policy([(Abi::X86_64, calls(0)), (Abi::X32, calls(X32_BIT))]));
    // Its own end, the AND, and the test for it twice: once before the search under the mask, once past it.
    assert!(both.0 <= alone.0 + 4 && both.1 <= alone.1 + 5, "{alone:?} {both:?}");
}

#[test]
fn argument_code_is_shared_across_numbers_and_abis() {
    let one = |abis: &[(Abi, u32)], numbers: &[u32]| {
        let condition = || Condition::All(vec![word64(0, &[(3, 3)]), word32(2, &[(5, 9)])]);
        let calls = |base: u32| numbers.iter().map(|&nr| (base + nr, when(condition()))).collect();
        compile(&policy(abis.iter().map(|&(abi, base)| (abi, calls(base))))).instructions.len()
    };
    let alone = one(&[(Abi::X86_64, 0)], &[10]);
    // One more number costs a compare, or two where a chain grows too long; one more ABI its token, its load and a compare.
    assert!(one(&[(Abi::X86_64, 0)], &[10, 20]) <= alone + 2);
    assert!(one(&[(Abi::X86_64, 0), (Abi::Aarch64, 0)], &[10]) <= alone + 3);
}

#[test]
fn overlapping_clauses_on_one_word_become_one_tree() {
    // Docker's socket rule in three clauses: `< 38`, `== 39`, `> 40` leaves 38 and 40.
    let clauses = Condition::Any(vec![word32(0, &[(0, 37)]), word32(0, &[(39, 39)]), word32(0, &[(41, 0xffff_ffff)])]);
    let program = compile(&policy([(Abi::X86_64, BTreeMap::from([(41, when(clauses))]))]));
    // ld arch, jeq, ld nr, jeq, ld arg, jeq, jeq, three returns.
    assert!(program.instructions.len() <= 12, "{}", program.instructions.len());
}

#[test]
fn a_large_set_is_searched_not_walked() {
    let policy = commands(200);
    let program = compile(&policy);
    let worst = (0..0x6000)
        .map(|command| {
            let call = SyscallData::new(Abi::X86_64.token(), 16, [0, command, 0, 0, 0, 0]);
            simulate(&program, Endian::Little, &call).unwrap().executed
        })
        .max();
    assert!(worst.unwrap() <= 20, "{worst:?}");
    assert!(program.instructions.len() <= 300, "{}", program.instructions.len());
}

/// 200 commands without any order in them: no command, allowed or not, takes more than 12 instructions once its number is found,
/// the load and the return counted.
#[test]
fn two_hundred_arbitrary_commands_take_twelve_instructions() {
    let mut state = 1_u64;
    let commands: Vec<u64> = (0..200)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 32
        })
        .collect();
    let set = Condition::Any(commands.iter().map(|&command| word32(1, &[(command, command)])).collect());
    let policy = policy([(Abi::X86_64, BTreeMap::from([(16, when(set))]))]);
    let program = compile(&policy);
    let executed = |nr, command| {
        let call = SyscallData::new(Abi::X86_64.token(), nr, [0, command, 0, 0, 0, 0]);
        simulate(&program, Endian::Little, &call).unwrap().executed
    };
    // ld arch, jeq, ld nr, jeq.
    let before = 4;
    let worst =
        commands.iter().flat_map(|&command| [command - 1, command, command + 1]).map(|near| executed(16, near)).max();
    assert!(worst.unwrap() - before <= 12, "{worst:?}");
    assert!(program.instructions.len() <= 280, "{}", program.instructions.len());
}

/// The work on one call, and on all of them, is bounded whatever their conditions.
#[test]
fn entangled_masks_in_many_calls_stay_bounded() {
    let masked = |seed: u64, clauses: u64| {
        let clauses = (0..clauses).map(|clause| {
            let mask = (seed * 0x9e37_79b9 + clause * 0x85eb_ca6b) & 0xffff_ffff;
            let value = mask & (0x5bd1_e995 * (clause + 1));
            atom((clause % 3) as u8, Width::W32, mask, &[(value, value + clause)])
        });
        Condition::Any(clauses.collect())
    };
    let calls = (0..40_u32).map(|nr| (nr * 2, when(masked(u64::from(nr) + 1, 12))));
    let program = generate(&policy([(Abi::X86_64, calls.collect())]));
    assert!(program.is_ok_and(|program| admit(&program).is_ok()));
    let clauses = Condition::Any((0..1500_u64).map(|n| word32((n % 6) as u8, &[(n * 3, n * 3)])).collect());
    assert!(generate(&policy([(Abi::X86_64, BTreeMap::from([(7, when(clauses))]))])).is_ok());
}

/// Conditions over many words at once multiply in an ordered graph; the plain one takes over.
#[test]
fn multiplying_conditions_stay_bounded() {
    let masked = |seed: u64| {
        let test = |arg: u8| {
            let mask = (seed * 0x9e37_79b9 + u64::from(arg) * 0x85eb_ca6b) & 0xffff_ffff;
            atom(arg, Width::W32, mask, &[(mask & 0x5555_5555, mask & 0x5555_5555)])
        };
        Condition::All((0..6).map(test).collect())
    };
    let policy = policy([(Abi::X86_64, BTreeMap::from([(7, when(Condition::Any((1..60).map(masked).collect())))]))]);
    let program = compile(&policy);
    assert!(program.instructions.len() < 2000, "{}", program.instructions.len());
}

#[test]
fn too_long_says_how_long() {
    let Err(GenerateError::TooLong { instructions }) = generate(&commands(5000)) else { panic!("5000 commands fit") };
    assert!(instructions > 5000, "{instructions}");
}
