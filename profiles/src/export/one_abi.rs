//! What formats whose files are for one ABI have in common.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::{AbiPolicy, CallPolicy, Policy};
use callgate_compiler::tables;

use super::{ExportError, Format, notes, spelled};

/// The only ABI of a policy.
pub(super) fn only(policy: &Policy, format: Format) -> Result<(Abi, &AbiPolicy), ExportError> {
    match policy.abis.iter().next() {
        Some((&abi, calls)) if policy.abis.len() == 1 => Ok((abi, calls)),
        _ => Err(ExportError::OneAbi { format, abis: policy.abis.keys().copied().collect() }),
    }
}

/// Calls by what they are called.
type By<'a, N> = Vec<(N, &'a CallPolicy)>;

/// The named calls of an ABI, by name, and the numbers that have a policy and no name.
pub(super) fn calls(abi: Abi, policy: &AbiPolicy) -> (By<'_, &'static str>, By<'_, u32>) {
    let mut named = Vec::new();
    let mut numbered = Vec::new();
    for (&nr, call) in &policy.calls {
        match tables::name(abi, nr) {
            Some(name) => named.push((name, call)),
            None => numbered.push((nr, call)),
        }
    }
    named.sort_unstable_by_key(|&(name, _)| name);
    (named, numbered)
}

/// Every action that a call can end with.
pub(super) fn actions(call: &CallPolicy) -> impl Iterator<Item = Action> {
    call.clauses.iter().map(|clause| clause.decision.action).chain([call.otherwise.action])
}

/// Notes on what such a filter does with other ABIs' calls: all of them meet one action, and on x86-64 those of x32 are
/// numbers like others, which meet the default.
pub(super) fn other_abis(policy: &Policy, abi: Abi, default: Action, others: Action) -> Vec<String> {
    let mut notes = notes::of_filter(policy);
    let x32 = policy.foreign.get(&Abi::X32).unwrap_or(&policy.other).action;
    if abi == Abi::X86_64 && x32 != default {
        notes.push(format!(
            "the policy says {} for x32, whose calls are x86_64 numbers like others in the file: they get its default, {}",
            spelled(x32),
            spelled(default)
        ));
    }
    let rest = policy.foreign.iter().filter(|(abi, _)| **abi != Abi::X32).map(|(_, decision)| decision.action);
    let mut different: Vec<Action> = rest.chain([policy.other.action]).filter(|&action| action != others).collect();
    different.sort_unstable();
    different.dedup();
    if !different.is_empty() {
        let spelled_out: Vec<String> = different.into_iter().map(spelled).collect();
        notes.push(format!(
            "the policy says {} for ABIs that it doesn't list; a program compiled from the file says {}",
            spelled_out.join(" and "),
            spelled(others)
        ));
    }
    notes
}
