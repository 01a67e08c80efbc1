//! A policy through the seccompiler crate.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program};
use callgate_compiler::condition::Width;
use callgate_compiler::policy::Policy;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::disjunction::{Alternative, Comparison, Test, when};

/// The program of a policy for x86-64 alone.
///
/// # Errors
/// Why it doesn't fit: it has two actions, and rules that are an "or" of "and"s.
pub(crate) fn filter(policy: &Policy) -> Result<SeccompFilter, String> {
    let [(Abi::X86_64, listed)] = policy.abis.iter().collect::<Vec<_>>()[..] else {
        return Err("one ABI a filter".to_owned());
    };
    let mismatch = listed.rest.action;
    let mut others: Vec<_> = policy.actions().into_iter().filter(|&action| action != mismatch).collect();
    // The action of other ABIs isn't of its filter's making.
    others.retain(|&action| {
        listed.calls.values().any(|call| {
            call.otherwise.action == action || call.clauses.iter().any(|clause| clause.decision.action == action)
        })
    });
    let [matched] = others[..] else { return Err("two actions a filter".to_owned()) };
    let mut rules = BTreeMap::new();
    for (&nr, call) in &listed.calls {
        let alternatives = when(call, matched)?;
        if alternatives.is_empty() {
            continue;
        }
        // A call with no rules is one that always matches.
        let always = alternatives.iter().any(Vec::is_empty);
        let of_call = if always { Vec::new() } else { alternatives.iter().map(rule).collect::<Result<_, _>>()? };
        rules.insert(i64::from(nr), of_call);
    }
    SeccompFilter::new(rules, action(mismatch)?, action(matched)?, TargetArch::x86_64)
        .map_err(|error| error.to_string())
}

/// The filter's instructions.
pub(crate) fn program(filter: SeccompFilter) -> Result<Program, String> {
    let bpf: BpfProgram = filter.try_into().map_err(|error: BackendError| error.to_string())?;
    let instruction = |one: &seccompiler::sock_filter| Instruction { code: one.code, jt: one.jt, jf: one.jf, k: one.k };
    Ok(Program::new(bpf.iter().map(instruction).collect()))
}

fn action(action: Action) -> Result<SeccompAction, String> {
    Ok(match action {
        Action::KillProcess => SeccompAction::KillProcess,
        Action::KillThread => SeccompAction::KillThread,
        Action::Trap(_) => SeccompAction::Trap,
        Action::Errno(errno) => SeccompAction::Errno(errno.into()),
        Action::Trace(data) => SeccompAction::Trace(data.into()),
        Action::Log => SeccompAction::Log,
        Action::Allow => SeccompAction::Allow,
        Action::Notify => return Err("no notify".to_owned()),
    })
}

fn rule(alternative: &Alternative) -> Result<SeccompRule, String> {
    let mut conditions = Vec::new();
    for Comparison { arg, width, test } in alternative {
        let length = match width {
            Width::W32 => SeccompCmpArgLen::Dword,
            Width::W64 => SeccompCmpArgLen::Qword,
        };
        let tests = match *test {
            Test::Masked { mask, value } => vec![(SeccompCmpOp::MaskedEq(mask), value)],
            Test::Within { low, high } if low == high => vec![(SeccompCmpOp::Eq, low)],
            Test::Within { low: 0, high } => vec![(SeccompCmpOp::Le, high)],
            Test::Within { low, high } if high == Width::max(*width) => vec![(SeccompCmpOp::Ge, low)],
            Test::Within { low, high } => vec![(SeccompCmpOp::Ge, low), (SeccompCmpOp::Le, high)],
        };
        for (operation, value) in tests {
            let condition = SeccompCondition::new(*arg, length.clone(), operation, value);
            conditions.push(condition.map_err(|error| error.to_string())?);
        }
    }
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}
