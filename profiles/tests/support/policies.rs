//! Policies to export.

use std::collections::BTreeMap;
use std::fmt;

use callgate_compiler::abi::{Abi, Endian, HighHalf};
use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};
use callgate_compiler::tables;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

pub fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

pub fn call(clauses: &[(Condition, Action)], otherwise: Action) -> CallPolicy {
    let clause = |(condition, action): &(Condition, Action)| Clause {
        condition: condition.clone(),
        decision: decision(*action),
    };
    CallPolicy { clauses: clauses.iter().map(clause).collect(), otherwise: decision(otherwise) }
}

pub fn atom(arg: u8, width: Width, mask: u64, ranges: &[(u64, u64)]) -> Condition {
    Condition::Atom(Atom { arg, width, mask: mask & width.max(), values: ValueSet::of(ranges.iter().copied()) })
}

/// A policy that does one thing, on these ABIs, with every named call in it.
pub fn uniform(abis: &[Abi], action: Action) -> Policy {
    let abi = |&abi: &Abi| {
        let calls = tables::calls(abi).map(|(nr, _)| (nr, call(&[], action))).collect();
        (abi, AbiPolicy { calls, rest: decision(action) })
    };
    Policy {
        abis: abis.iter().map(abi).collect(),
        foreign: BTreeMap::new(),
        other: decision(Action::KillProcess),
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    }
}

/// The number of a call, for tests that speak of calls by name.
pub fn number(abi: Abi, name: &str) -> Option<u32> {
    tables::number(abi, name)
}

/// Sets what a call does, on the ABIs that have it.
pub fn set(policy: &mut Policy, abis: &[Abi], name: &str, decision: &CallPolicy) {
    for (&abi, calls) in policy.abis.iter_mut().filter(|(abi, _)| abis.contains(abi)) {
        if let Some(nr) = tables::number(abi, name) {
            calls.calls.insert(nr, decision.clone());
        }
    }
}

/// Words around which the conditions generated here change.
pub const WORDS: &[u64] = &[
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    0x10,
    0x1_0000_0000,
    0x1_0000_0003,
    0xffff_ffff,
    0xffff_fffe,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// Argument words that can tell the conditions apart: they look at the first two arguments only. The high halves are such as
/// the ABI's kernels make them.
pub fn arguments(abi: Abi) -> impl Iterator<Item = [u64; 6]> {
    let seen = move |word: u64| match abi.high_half() {
        HighHalf::Argument => true,
        HighHalf::Zero => word >> 32 == 0,
        // One kernel or another.
        HighHalf::Sign => word >> 32 == 0 || i64::from((word as u32).cast_signed()).cast_unsigned() == word,
    };
    let words = move || WORDS.iter().copied().filter(move |&word| seen(word));
    words().flat_map(move |first| words().map(move |second| [first, second, 0, 0, 0, 0]))
}

pub fn some_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Allow),
        4 => Just(Action::Errno(1)),
        2 => Just(Action::Errno(38)),
        1 => Just(Action::KillProcess),
        1 => Just(Action::KillThread),
        1 => Just(Action::Trap(0)),
        1 => Just(Action::Trace(7)),
        1 => Just(Action::Log),
        1 => Just(Action::Notify),
    ]
}

fn some_condition(wide: bool) -> impl Strategy<Value = Condition> {
    let word = prop::sample::select(WORDS);
    let width = if wide { prop_oneof![Just(Width::W32), Just(Width::W64)].boxed() } else { Just(Width::W32).boxed() };
    let mask = prop_oneof![3 => Just(u64::MAX), 1 => Just(0xf), 1 => Just(0x8000_0000)];
    let leaf = (0..2u8, width, mask, vec((word.clone(), word), 1..3)).prop_map(|(arg, width, mask, ranges)| {
        let cut: Vec<_> = ranges.iter().map(|&(low, high)| (low & width.max(), high & width.max())).collect();
        atom(arg, width, mask, &cut)
    });
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            vec(inner.clone(), 1..3).prop_map(Condition::All),
            vec(inner, 1..3).prop_map(Condition::Any),
        ]
    })
}

pub fn some_call(wide: bool) -> impl Strategy<Value = CallPolicy> {
    (vec((some_condition(wide), some_action()), 0..3), some_action()).prop_map(|(clauses, last)| call(&clauses, last))
}

/// Names that exist on all, some or one of the ABIs.
pub const NAMES: [&str; 9] = ["clone", "fstat64", "futex", "getpid", "ioctl", "open", "personality", "socket", "write"];

/// A policy that says only what is not the same everywhere when a test fails.
#[derive(Clone)]
pub struct Drawn(pub Policy);

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (&abi, policy) in &self.0.abis {
            writeln!(f, "{abi}: rest {}", policy.rest.action)?;
            for (&nr, call) in
                policy.calls.iter().filter(|(nr, _)| NAMES.map(|name| tables::number(abi, name)).contains(&Some(**nr)))
            {
                writeln!(f, "  {:?} {call:?}", tables::name(abi, nr))?;
            }
        }
        Ok(())
    }
}

/// Policies whose calls mostly agree between ABIs.
pub fn some_policy() -> impl Strategy<Value = Drawn> {
    let big = |abi: &Abi| abi.endian() == Endian::Big;
    let (big, little): (Vec<Abi>, Vec<Abi>) = Abi::ALL.iter().copied().partition(big);
    // Every ABI of some, those of one byte order, and those most files are for.
    let pool = prop_oneof![
        1 => Just(Abi::ALL.to_vec()),
        2 => Just(big),
        2 => Just(little),
        3 => Just(vec![Abi::X86_64, Abi::X86, Abi::X32, Abi::Aarch64]),
    ];
    let abis = pool.prop_flat_map(|pool| btree_set(prop::sample::select(pool), 1..=4));
    let alike = btree_map(prop::sample::select(&NAMES[..]), some_call(false), 0..5);
    let apart = btree_map((prop::sample::select(&NAMES[..]), prop::sample::select(Abi::ALL)), some_call(true), 0..2);
    let rests = vec(prop_oneof![4 => Just(None), 1 => some_action().prop_map(Some)], Abi::ALL.len());
    (abis, some_action(), alike, apart, rests).prop_map(|(abis, action, alike, apart, rests)| {
        let abis: Vec<Abi> = abis.into_iter().collect();
        let mut policy = uniform(&abis, action);
        for (name, call) in &alike {
            set(&mut policy, Abi::ALL, name, call);
        }
        for ((name, abi), call) in &apart {
            set(&mut policy, &[*abi], name, call);
        }
        for (abi, rest) in policy.abis.values_mut().zip(rests) {
            abi.rest = rest.map_or(abi.rest.clone(), decision);
        }
        Drawn(policy)
    })
}
