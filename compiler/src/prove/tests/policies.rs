//! Policies against deciding, and against programs written by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::inputs::{WORDS, call, decision, is, some_action, some_call};
use super::interpreter::{instruction, jeq, ld, program, ret, run};
use crate::abi::{Abi, Endian, X32_BIT};
use crate::action::Action;
use crate::bpf::Program;
use crate::call::SyscallData;
use crate::policy::{AbiPolicy, CallPolicy, Policy};
use crate::prove::{
    Budget, Filter, Undecided, Verdict, WordOrder, equal, policies_equal, policy_equals_program, policy_within, within,
};

fn policy(abis: impl IntoIterator<Item = (Abi, AbiPolicy)>, other: Action) -> Policy {
    Policy {
        abis: abis.into_iter().collect(),
        foreign: BTreeMap::new(),
        other: decision(other),
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    }
}

fn abi_policy(calls: impl IntoIterator<Item = (u32, CallPolicy)>, rest: Action) -> AbiPolicy {
    AbiPolicy { calls: calls.into_iter().collect(), rest: decision(rest) }
}

fn always(action: Action) -> CallPolicy {
    call(&[], action)
}

const NUMBERS: &[u32] = &[0, 1, 2, 5, 6, X32_BIT - 1, X32_BIT, X32_BIT + 5, u32::MAX - 1, u32::MAX];

pub(super) fn some_policy() -> impl Strategy<Value = Policy> {
    let number = (0..NUMBERS.len()).prop_map(|index| NUMBERS[index]);
    let abi = (0..Abi::ALL.len()).prop_map(|index| Abi::ALL[index]);
    let abi_policy = (prop::collection::btree_map(number, some_call(), 0..4), some_action())
        .prop_map(|(calls, rest)| abi_policy(calls, rest));
    let foreign = prop::collection::btree_map(abi.clone(), some_action().prop_map(decision), 0..2);
    (prop::collection::btree_map(abi, abi_policy, 1..3), foreign, some_action())
        .prop_map(|(abis, foreign, other)| Policy { foreign, ..policy(abis, other) })
}

/// Calls at which such policies change.
pub(super) fn some_data() -> impl Strategy<Value = SyscallData> {
    let word = || (0..WORDS.len(), -1..=1_i64).prop_map(|(index, step)| WORDS[index].wrapping_add_signed(step));
    let arch = (0..=Abi::ALL.len()).prop_map(|index| Abi::ALL.get(index).map_or(7, |abi| abi.token()));
    let nr = (0..NUMBERS.len(), -1..=1).prop_map(|(index, step)| NUMBERS[index].wrapping_add_signed(step));
    (arch, nr, prop::array::uniform3(word()))
        .prop_map(|(arch, nr, [a, b, c])| SyscallData::new(arch, nr, [a, b, c, 0, 0, 0]))
}

pub(super) fn carried_out(policy: &Policy, data: &SyscallData) -> Action {
    Action::from_ret(policy.decide(data).action.ret())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn equal_policies_decide_alike(a in some_policy(), b in some_policy(), data in prop::collection::vec(some_data(), 300)) {
        prop_assert_eq!(policies_equal(&a, &a.clone(), Budget::default()), Verdict::Holds);
        let mut closer = a.clone();
        closer.other = b.other.clone();
        for b in [b, closer] {
            match policies_equal(&a, &b, Budget::default()) {
                Verdict::Holds => for data in &data {
                    prop_assert_eq!(carried_out(&a, data), carried_out(&b, data));
                }
                Verdict::Fails(witness) => {
                    prop_assert_eq!(carried_out(&a, &witness.data), witness.left);
                    prop_assert_eq!(carried_out(&b, &witness.data), witness.right);
                    prop_assert_ne!(witness.left, witness.right);
                }
                Verdict::Undecided(reason) => prop_assert!(false, "{}", reason),
            }
        }
    }

    #[test]
    fn a_policy_within_another_is_nowhere_more_permissive(
        a in some_policy(),
        b in some_policy(),
        data in prop::collection::vec(some_data(), 300),
    ) {
        let severity = |action: Action| Action::from_ret(action.ret() & 0xffff_0000);
        match policy_within(&a, &b, Budget::default()) {
            Verdict::Holds => for data in &data {
                prop_assert!(severity(carried_out(&a, data)) <= severity(carried_out(&b, data)));
            }
            Verdict::Fails(witness) => {
                prop_assert_eq!(carried_out(&a, &witness.data), witness.left);
                prop_assert_eq!(carried_out(&b, &witness.data), witness.right);
                prop_assert!(severity(witness.left) > severity(witness.right));
            }
            Verdict::Undecided(reason) => prop_assert!(false, "{}", reason),
        }
    }
}

/// x86-64 and x86: read, and socket of two families; everything else fails, and x32 and other ABIs are killed.
pub(super) fn two_abis() -> Policy {
    let calls = |read, socket| {
        let families = call(&[(is(0, 1), Action::Allow), (is(0, 2), Action::Allow)], Action::Errno(97));
        [(read, always(Action::Allow)), (socket, families)]
    };
    let abis = [
        (Abi::X86_64, abi_policy(calls(0, 41), Action::Errno(1))),
        (Abi::X86, abi_policy(calls(3, 359), Action::Errno(1))),
    ];
    policy(abis, Action::KillProcess)
}

fn two_abis_program() -> Program {
    let socket = [ld(16), jeq(1, 1, 0), jeq(2, 0, 1), ret(Action::Allow), ret(Action::Errno(97))];
    let start = [ld(4), jeq(0xc000_003e, 2, 0), jeq(0x4000_0003, 7, 0), ret(Action::KillProcess)];
    let x86_64 = [
        ld(0),
        instruction(0x35, 0, 1, X32_BIT),
        jeq(u32::MAX, 2, 0),
        jeq(0, 5, 1),
        ret(Action::KillProcess),
        jeq(41, 5, 2),
        ld(0),
        jeq(3, 1, 0),
        jeq(359, 2, 0),
        ret(Action::Errno(1)),
        ret(Action::Allow),
    ];
    // The jumps above are relative to these places: the tests below say whether they are right.
    let mut instructions: Vec<_> = start.to_vec();
    instructions.extend(x86_64);
    instructions.extend(socket);
    // 0 ld arch 1 jeq x64 2 jeq x86 3 kill | 4 ld nr 5 jge 6 jeq -1 7 jeq read 8 kill 9 jeq socket 10 ld nr 11 12 13 errno 14 allow 15 socket
    instructions[1].jt = 2;
    instructions[2] = jeq(0x4000_0003, 7, 0);
    instructions[5] = instruction(0x35, 0, 1, X32_BIT);
    instructions[6] = jeq(u32::MAX, 6, 1);
    instructions[7] = jeq(0, 6, 1);
    instructions[9] = jeq(41, 5, 3);
    instructions[11] = jeq(3, 2, 0);
    instructions[12] = jeq(359, 2, 0);
    program(instructions)
}

#[test]
fn a_policy_equals_the_program_written_for_it() {
    let (policy, program) = (two_abis(), two_abis_program());
    assert_eq!(policy_equals_program(&policy, &program, Budget::default()), Verdict::Holds);
    for order in [WordOrder::Machine(Endian::Little), WordOrder::Token] {
        let program = Filter::Program(&program, order);
        assert_eq!(equal(program, Filter::Policy(&policy), Budget::default()), Verdict::Holds);
        assert_eq!(within(program, Filter::Policy(&policy), Budget::default()), Verdict::Holds);
    }
    let Verdict::Fails(witness) =
        equal(Filter::Program(&program, WordOrder::Machine(Endian::Big)), Filter::Policy(&policy), Budget::default())
    else {
        panic!("the high word is not the low one")
    };
    assert_eq!(run(&program, &witness.data, Endian::Big), witness.left);
}

#[test]
fn a_token_tells_the_order_of_its_words() {
    let first_word = program([ld(16), jeq(3, 0, 1), ret(Action::Allow), ret(Action::Errno(1))]);
    // A machine's order differs from it on the tokens of the other order.
    for (endian, little) in [(Endian::Little, false), (Endian::Big, true)] {
        let machine = Filter::Program(&first_word, WordOrder::Machine(endian));
        let verdict = equal(Filter::Program(&first_word, WordOrder::Token), machine, Budget::default());
        let Verdict::Fails(witness) = verdict else { panic!("{verdict:?}") };
        assert_eq!(witness.data.arch & 0x4000_0000 != 0, little);
    }
}

#[test]
fn a_witness_is_a_plain_call_of_a_known_abi() {
    let mut program = two_abis_program();
    // socket(2) is forgotten; the instruction pointer and the other words play no part.
    program.instructions[17].k = 3;
    let Verdict::Fails(witness) = policy_equals_program(&two_abis(), &program, Budget::default()) else { panic!() };
    assert_eq!(witness.data, SyscallData::new(Abi::X86_64.token(), 41, [2, 0, 0, 0, 0, 0]));
    assert_eq!((witness.left, witness.right), (Action::Allow, Action::Errno(97)));
}

#[test]
fn tokens_no_table_knows_are_compared() {
    let mut program = two_abis_program();
    program.instructions.splice(0..1, [ld(4), jeq(0x1234, 0, 1), ret(Action::Allow)]);
    let Verdict::Fails(witness) = policy_equals_program(&two_abis(), &program, Budget::default()) else { panic!() };
    assert_eq!((witness.data.arch, witness.right), (0x1234, Action::Allow));
}

#[test]
fn numbers_outside_an_abi_are_not_its_own() {
    // A call that x86-64 lists with bit 30 set is x32's; the policy doesn't speak for it.
    let listed = |number| {
        policy([(Abi::X86_64, abi_policy([(number, always(Action::Allow))], Action::Errno(1)))], Action::KillProcess)
    };
    let none = policy([(Abi::X86_64, abi_policy([], Action::Errno(1)))], Action::KillProcess);
    assert_eq!(policies_equal(&listed(X32_BIT + 1), &none, Budget::default()), Verdict::Holds);
    // -1 is x86-64's.
    let Verdict::Fails(witness) = policies_equal(&listed(u32::MAX), &none, Budget::default()) else { panic!() };
    assert_eq!(witness.data.nr, u32::MAX);
}

#[test]
fn a_small_budget_never_answers_wrongly() {
    let (policy, mut program) = (two_abis(), two_abis_program());
    program.instructions[17].k = 3;
    let verdict = policy_equals_program(&policy, &program, Budget::default());
    let mut undecided = 0;
    for nodes in 0..1500 {
        match policy_equals_program(&policy, &program, Budget { nodes }) {
            Verdict::Undecided(Undecided::Refused(..)) => panic!("refused"),
            Verdict::Undecided(_) => undecided += 1,
            decided => assert_eq!(decided, verdict),
        }
    }
    assert!((100..1500).contains(&undecided), "{undecided}");
}
