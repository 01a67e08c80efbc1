//! The meaning of a policy: for each ABI, number and six argument words, an action and what decided it.
//!
//! No text and no format in it. [`Policy::decide`] is the definition; the simulated program, the live kernel, every
//! backend and every export is held to it.

use std::collections::BTreeMap;

use callgate_grammar::Span;
use serde::{Deserialize, Serialize};

use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::condition::Condition;

/// What made a decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A target of a statement: the place of `read` in `allow: read, write`, or of the whole statement for a number of targets.
    Statement(Span),
    /// `known:` makes numbers that the kernel version doesn't have answer ENOSYS.
    Known(Span),
    /// No statement spoke for the ABI: callgate kills the calls of ABIs that a policy doesn't list.
    UnlistedAbi,
}

/// An action and what decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What happens.
    pub action: Action,
    /// Because of this.
    pub cause: Cause,
}

/// One way a call can be decided: when the condition holds and no earlier clause's did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// When.
    pub condition: Condition,
    /// What.
    pub decision: Decision,
}

/// What one number of one ABI does: the first clause that holds, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPolicy {
    /// In order of precedence. Clauses of one rank agree where both hold, so their order among themselves carries no
    /// meaning; it is canonical, so that the order of statements can't show in the program.
    pub clauses: Vec<Clause>,
    /// When no clause holds.
    pub otherwise: Decision,
}

impl CallPolicy {
    /// The decision for these argument words.
    #[must_use]
    pub fn decide(&self, args: &[u64; 6]) -> &Decision {
        self.clauses
            .iter()
            .find(|clause| clause.condition.holds(args))
            .map_or(&self.otherwise, |clause| &clause.decision)
    }
}

/// What one listed ABI does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbiPolicy {
    /// Every number that has a name on this ABI or that a statement names. Numbers are `seccomp_data.nr`: x32's carry bit 30.
    pub calls: BTreeMap<u32, CallPolicy>,
    /// Every other number: gaps, numbers out of the table, -1.
    pub rest: Decision,
}

/// Filter flags of seccomp(2) that a policy can ask for (include/uapi/linux/seccomp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterFlag {
    /// `SECCOMP_FILTER_FLAG_TSYNC`
    Tsync,
    /// `SECCOMP_FILTER_FLAG_LOG`
    Log,
    /// `SECCOMP_FILTER_FLAG_SPEC_ALLOW`
    SpecAllow,
    /// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`
    WaitKillableRecv,
}

impl FilterFlag {
    /// Every flag, with the name the language and OCI files use (there with `SECCOMP_FILTER_FLAG_` before it) and its bit.
    pub const ALL: &'static [(Self, &'static str, u32)] = &[
        (Self::Tsync, "TSYNC", 1),
        (Self::Log, "LOG", 2),
        (Self::SpecAllow, "SPEC_ALLOW", 4),
        (Self::WaitKillableRecv, "WAIT_KILLABLE_RECV", 32),
    ];
}

/// The meaning of a policy, complete: every call has a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The ABIs it speaks for. Never empty.
    pub abis: BTreeMap<Abi, AbiPolicy>,
    /// ABIs that the tables know, that are not in `abis`, and that a statement (`kill: arch x86`) names.
    pub foreign: BTreeMap<Abi, Decision>,
    /// Every other ABI, known to the tables or not (`arch other`, or killed).
    pub other: Decision,
    /// `flags:`, ascending.
    pub flags: Vec<FilterFlag>,
    /// `listener:`, a path.
    pub listener: Option<String>,
    /// `listener-metadata:`, what the listener is told beside the descriptor (runtime-spec 1.2, config-linux.md,
    /// `listenerMetadata`). Only with a listener.
    pub listener_metadata: Option<String>,
}

impl Policy {
    /// What happens to a call, and why.
    #[must_use]
    pub fn decide(&self, data: &SyscallData) -> &Decision {
        let Some(abi) = Abi::of_call(data.arch, data.nr) else { return &self.other };
        match self.abis.get(&abi) {
            Some(policy) => match policy.calls.get(&data.nr) {
                Some(call) => call.decide(&data.args),
                None => &policy.rest,
            },
            None => self.foreign.get(&abi).unwrap_or(&self.other),
        }
    }

    /// Every action the policy can take, in the kernel's order.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        let calls = self.abis.values().flat_map(|abi| {
            let inside = abi.calls.values().flat_map(|call| {
                call.clauses.iter().map(|clause| clause.decision.action).chain([call.otherwise.action])
            });
            inside.chain([abi.rest.action])
        });
        let mut actions: Vec<_> =
            calls.chain(self.foreign.values().map(|decision| decision.action)).chain([self.other.action]).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}
