//! Conditions and calls to try, over few words, and all the arguments that can tell them apart.

use proptest::prelude::*;

use crate::action::Action;
use crate::condition::{Atom, Condition, ValueSet, Width};
use crate::policy::{CallPolicy, Cause, Clause, Decision};

/// Words around which everything generated here changes.
pub(super) const WORDS: &[u64] = &[
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
    0x8000_0000_0000_0000,
    u64::MAX - 1,
    u64::MAX,
];

pub(super) fn decision(action: Action) -> Decision {
    Decision { action, cause: Cause::UnlistedAbi }
}

pub(super) fn call(clauses: &[(Condition, Action)], otherwise: Action) -> CallPolicy {
    let clauses = clauses
        .iter()
        .map(|(condition, action)| Clause { condition: condition.clone(), decision: decision(*action) })
        .collect();
    CallPolicy { clauses, otherwise: decision(otherwise) }
}

pub(super) fn atom(arg: u8, width: Width, mask: u64, ranges: &[(u64, u64)]) -> Condition {
    Condition::Atom(Atom { arg, width, mask: mask & width.max(), values: ValueSet::of(ranges.iter().copied()) })
}

/// `arg == value`, 32 bits wide.
pub(super) fn is(arg: u8, value: u64) -> Condition {
    atom(arg, Width::W32, u64::MAX, &[(value, value)])
}

pub(super) fn some_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Allow),
        Just(Action::Errno(1)),
        Just(Action::Errno(38)),
        Just(Action::Errno(5000)),
        Just(Action::KillProcess),
        Just(Action::Trap(2)),
    ]
}

fn some_atom() -> impl Strategy<Value = Condition> {
    let width = prop_oneof![Just(Width::W32), Just(Width::W64)];
    let mask = prop_oneof![Just(u64::MAX), Just(0xffff_ffff), Just(0xf), Just(5), Just(0x1_0000_0002), Just(0)];
    let range = (0..WORDS.len(), 0..WORDS.len()).prop_map(|(a, b)| (WORDS[a], WORDS[b]));
    let ranges = prop::collection::vec(prop_oneof![range, (0..WORDS.len()).prop_map(|a| (WORDS[a], WORDS[a]))], 0..4);
    (0..3u8, width, mask, ranges).prop_map(|(arg, width, mask, ranges)| atom(arg, width, mask, &ranges))
}

pub(super) fn some_condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![1 => Just(Condition::Always), 9 => some_atom()];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            prop::collection::vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

pub(super) fn some_call() -> impl Strategy<Value = CallPolicy> {
    let clause = (some_condition(), some_action());
    (prop::collection::vec(clause, 0..4), some_action()).prop_map(|(clauses, otherwise)| call(&clauses, otherwise))
}

/// Every value of the first three arguments that [`some_atom`] can tell from another, as far as three bits of mask and
/// the ends of ranges go.
pub(super) fn all_args() -> impl Iterator<Item = [u64; 6]> {
    let words = || {
        let around = WORDS.iter().flat_map(|word| [word.wrapping_sub(1), *word, word.wrapping_add(1)]);
        let mut words: Vec<u64> = around.collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    words()
        .into_iter()
        .flat_map(move |a| words().into_iter().flat_map(move |b| words().into_iter().map(move |c| [a, b, c, 0, 0, 0])))
}
