//! No filter at all, as a meaning like another.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::{AbiPolicy, Cause, Decision, Policy};

use crate::meaning::Meaning;

/// What a process may without a filter: every call, on each machine that the profile speaks for, under its kernel and with its
/// capabilities.
#[must_use]
pub fn unfiltered(beside: &Meaning) -> Meaning {
    let open = Decision { action: Action::Allow, cause: Cause::UnlistedAbi };
    let machine = |abi: &Abi| beside.policy.abis.keys().any(|listed| listed.native() == abi.native());
    let abis = Abi::ALL.iter().filter(|abi| machine(abi));
    let policy = Policy {
        abis: abis.map(|&abi| (abi, AbiPolicy { calls: BTreeMap::new(), rest: open.clone() })).collect(),
        foreign: BTreeMap::new(),
        other: open,
        flags: Vec::new(),
        listener: None,
        listener_metadata: None,
    };
    Meaning { policy, capabilities: beside.capabilities.clone(), kernel: beside.kernel }
}
