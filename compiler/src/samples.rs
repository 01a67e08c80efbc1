//! Policies that tests of several modules share.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::abi::{Abi, X32_BIT};
use crate::action::Action;
use crate::condition::{Atom, Condition, ValueSet, Width};
use crate::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};

pub(crate) fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

pub(crate) fn always(action: Action) -> CallPolicy {
    CallPolicy { clauses: Vec::new(), otherwise: decision(action) }
}

/// Allowed when the condition holds, else EPERM.
pub(crate) fn when(condition: Condition) -> CallPolicy {
    CallPolicy {
        clauses: vec![Clause { condition, decision: decision(Action::Allow) }],
        otherwise: decision(Action::Errno(1)),
    }
}

pub(crate) fn atom(arg: u8, width: Width, mask: u64, ranges: &[(u64, u64)]) -> Condition {
    Condition::Atom(Atom { arg, width, mask, values: ValueSet::of(ranges.iter().copied()) })
}

pub(crate) fn word32(arg: u8, ranges: &[(u64, u64)]) -> Condition {
    atom(arg, Width::W32, 0xffff_ffff, ranges)
}

pub(crate) fn word64(arg: u8, ranges: &[(u64, u64)]) -> Condition {
    atom(arg, Width::W64, u64::MAX, ranges)
}

/// A policy of these ABIs; all else is EPERM, other ABIs are killed.
pub(crate) fn policy(abis: impl IntoIterator<Item = (Abi, BTreeMap<u32, CallPolicy>)>) -> Policy {
    let rest = decision(Action::Errno(1));
    let abis = abis.into_iter().map(|(abi, calls)| (abi, AbiPolicy { calls, rest: rest.clone() })).collect();
    Policy {
        abis,
        foreign: BTreeMap::new(),
        other: decision(Action::KillProcess),
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    }
}

/// Of the size and shape of Docker's default on x86-64: 360 allowed numbers in 50 runs, a few checked arguments, one ENOSYS.
pub(crate) fn docker_like(abis: &[Abi]) -> Policy {
    let calls = |abi: Abi| {
        let base = if abi == Abi::X32 { X32_BIT } else { 0 };
        // 32-bit x86 has other numbers.
        let shift = if abi == Abi::X86 { 7 } else { 0 };
        let mut calls = BTreeMap::new();
        for number in (0..335_u32).chain(424..470) {
            let refused =
                [101, 134, 139, 153, 154, 155, 156, 159, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172]
                    .contains(&number)
                    || [173, 174, 175, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 205, 211, 212, 214, 215, 227]
                        .contains(&number)
                    || [236, 237, 238, 239, 246, 248, 249, 250, 256, 272, 279, 298, 300, 303, 304, 305, 308, 312, 313]
                        .contains(&number)
                    || [320, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 443, 450].contains(&number);
            let action = if refused { Action::Errno(1) } else { Action::Allow };
            calls.insert(base + number + shift, always(action));
        }
        let eq = |value| word64(0, &[(value, value)]);
        calls.insert(
            base + 41 + shift,
            when(Condition::Any(vec![word64(0, &[(0, 37)]), word64(0, &[(39, 39)]), word64(0, &[(41, u64::MAX)])])),
        );
        calls.insert(base + 135 + shift, when(Condition::Any([0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].map(eq).into())));
        calls.insert(base + 56 + shift, when(atom(0, Width::W64, 0x7e02_0000, &[(0, 0)])));
        calls.insert(base + 435 + shift, always(Action::Errno(38)));
        if abi == Abi::X32 {
            // Calls that pass structures of longs have numbers of their own, and not their x86-64 ones.
            for number in [13, 15, 16, 19, 20, 45, 46, 47, 54, 55, 59, 127, 128, 129, 131, 206, 209, 222, 244, 247, 273]
            {
                calls.remove(&(base + number));
            }
            calls.extend((512..548).map(|number| (base + number, always(Action::Allow))));
        }
        calls
    };
    policy(abis.iter().map(|&abi| (abi, calls(abi))))
}

/// One allowed `ioctl`-like number whose second argument is in a set of single commands.
pub(crate) fn commands(count: u64) -> Policy {
    let ranges: Vec<_> = (0..count).map(|index| (0x5401 + index * 3, 0x5401 + index * 3)).collect();
    policy([(Abi::X86_64, BTreeMap::from([(16, when(word32(1, &ranges)))]))])
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => Just(Action::Allow),
        2 => Just(Action::Errno(1)),
        1 => Just(Action::KillProcess),
        1 => Just(Action::KillThread),
        1 => Just(Action::Log),
        1 => Just(Action::Trap(3)),
        1 => Just(Action::Notify),
        1 => (0_u16..3).prop_map(Action::Trace),
    ]
}

/// Few values, so that tests overlap, and some of every size.
pub(crate) fn values() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0_u64..9,
        2 => (0_u32..64).prop_map(|bit| 1 << bit),
        1 => (0_u32..64).prop_map(|bit| (1 << bit) - 1),
        1 => Just(u64::MAX),
        1 => Just(0xffff_ffff),
        1 => any::<u64>(),
    ]
}

pub(crate) fn conditions() -> impl Strategy<Value = Condition> {
    let test = (
        0_u8..4,
        any::<bool>(),
        prop_oneof![Just(u64::MAX), values()],
        prop::collection::vec((values(), 0_u64..5), 0..5),
    );
    let leaf = test.prop_map(|(arg, wide, mask, ranges)| {
        let width = if wide { Width::W64 } else { Width::W32 };
        let end = |value: u64| value & width.max();
        let ranges: Vec<_> = ranges
            .into_iter()
            .map(|(low, span)| {
                (end(low), if span == 4 { width.max() } else { end(low).saturating_add(span).min(width.max()) })
            })
            .collect();
        atom(arg, width, mask & width.max(), &ranges)
    });
    prop_oneof![9 => leaf, 1 => Just(Condition::Always)].prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            prop::collection::vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

pub(crate) fn call_policies() -> impl Strategy<Value = CallPolicy> {
    let clauses = prop_oneof![Just(0..1_usize), Just(0..4_usize)]
        .prop_flat_map(|size| prop::collection::vec((conditions(), actions()), size));
    (clauses, actions()).prop_map(|(clauses, otherwise)| CallPolicy {
        clauses: clauses
            .into_iter()
            .map(|(condition, action)| Clause { condition, decision: decision(action) })
            .collect(),
        otherwise: decision(otherwise),
    })
}

/// Policies of one to three ABIs.
pub(crate) fn policies() -> impl Strategy<Value = Policy> {
    let abi = || prop::sample::select(Abi::ALL);
    let number =
        prop_oneof![6 => 0_u32..24, 1 => 400_u32..420, 1 => Just(X32_BIT - 1), 1 => Just(u32::MAX), 1 => any::<u32>()];
    let listed = (prop::collection::vec((number, call_policies()), 0..24), actions());
    let abis = prop::collection::btree_map(abi(), listed, 1..4);
    (abis, prop::collection::btree_map(abi(), actions(), 0..3), actions()).prop_map(|(abis, foreign, other)| {
        let place = |abi: Abi, number: u32| match abi {
            Abi::X32 => (number | X32_BIT).min(u32::MAX - 1),
            Abi::X86_64 if number != u32::MAX => number & (X32_BIT - 1),
            _ => number,
        };
        let abis: BTreeMap<_, _> = abis
            .into_iter()
            .map(|(abi, (calls, rest))| {
                let calls = calls.into_iter().map(|(number, call)| (place(abi, number), call)).collect();
                (abi, AbiPolicy { calls, rest: decision(rest) })
            })
            .collect();
        let foreign = foreign.into_iter().filter(|(abi, _)| !abis.contains_key(abi));
        let foreign = foreign.map(|(abi, action)| (abi, decision(action))).collect();
        Policy { abis, foreign, other: decision(other), flags: Vec::new(), listener: None, listener_metadata: None }
    })
}
