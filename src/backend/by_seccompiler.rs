//! The seccompiler crate: one filter a machine, two actions, rules that are an "or" of "and"s.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, admit};
use callgate_compiler::condition::Width;
use callgate_compiler::policy::Policy;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::disjunction::{Alternative, Comparison, Test, when};

/// The machines it has in common with us.
pub(crate) const MACHINES: [(Abi, TargetArch); 3] =
    [(Abi::X86_64, TargetArch::x86_64), (Abi::Aarch64, TargetArch::aarch64), (Abi::Riscv64, TargetArch::riscv64)];

/// Its filter for the one machine that a policy lists.
///
/// # Errors
/// What it has no words for.
pub(crate) fn of_policy(policy: &Policy) -> Result<Program, String> {
    match policy.abis.keys().collect::<Vec<_>>()[..] {
        [&machine] => program(policy, machine),
        _ => Err("it makes a filter for one ABI alone".to_owned()),
    }
}

/// Its filter for what a policy says about a machine's own ABI. It kills what comes through others.
///
/// # Errors
/// What it has no words for.
pub(crate) fn program(policy: &Policy, machine: Abi) -> Result<Program, String> {
    let found = MACHINES.iter().find(|(known, _)| *known == machine);
    let (Some((_, arch)), Some(listed)) = (found, policy.abis.get(&machine)) else {
        return Err(format!("it makes no filter for {machine} here"));
    };
    let mismatch = listed.rest.action;
    let inside = listed
        .calls
        .values()
        .flat_map(|call| call.clauses.iter().map(|clause| clause.decision.action).chain([call.otherwise.action]));
    let mut others: Vec<Action> = inside.filter(|&action| action != mismatch).collect();
    others.sort_unstable();
    others.dedup();
    let matched = match others[..] {
        // It wants two different ones, even when no rule uses the second.
        [] if mismatch == Action::Allow => Action::KillProcess,
        [] => Action::Allow,
        [only] => only,
        _ => return Err("three actions or more".to_owned()),
    };
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
    let filter =
        SeccompFilter::new(rules, action(mismatch)?, action(matched)?, *arch).map_err(|error| error.to_string())?;
    let bpf: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    let instruction = |one: &seccompiler::sock_filter| Instruction { code: one.code, jt: one.jt, jf: one.jf, k: one.k };
    let program = Program::new(bpf.iter().map(instruction).collect());
    admit(&program).map_err(|refusal| refusal.to_string())?;
    Ok(program)
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
            conditions.push(
                SeccompCondition::new(*arg, length.clone(), operation, value).map_err(|error| error.to_string())?,
            );
        }
    }
    SeccompRule::new(conditions).map_err(|error| error.to_string())
}
