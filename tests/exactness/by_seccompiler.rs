//! The rules as seccompiler's.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::rules::{Case, Operator, Test};

/// What seccompiler makes of the rules; an error when they have several actions.
pub(super) fn program(case: &Case) -> Result<Program, String> {
    let first = case.rules[0].action;
    if case.rules.iter().any(|rule| rule.action != first) {
        return Err("more than one action".to_owned());
    }
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for rule in &case.rules {
        calls.entry(rule.nr.into()).or_default();
    }
    for rule in &case.rules {
        // A call without rules always matches.
        let always = case.rules.iter().any(|other| other.nr == rule.nr && other.tests.is_empty());
        if !always {
            let conditions = rule.tests.iter().map(condition).collect();
            let of_call = calls.entry(rule.nr.into()).or_default();
            of_call.push(SeccompRule::new(conditions).map_err(|error| error.to_string())?);
        }
    }
    let arch = if case.machine == Abi::X86_64 { TargetArch::x86_64 } else { TargetArch::aarch64 };
    let filter =
        SeccompFilter::new(calls, action(case.default), action(first), arch).map_err(|error| error.to_string())?;
    let bpf: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    let instruction = |one: &seccompiler::sock_filter| Instruction { code: one.code, jt: one.jt, jf: one.jf, k: one.k };
    Ok(Program::new(bpf.iter().map(instruction).collect()))
}

fn condition(test: &Test) -> SeccompCondition {
    let length = if test.low_half { SeccompCmpArgLen::Dword } else { SeccompCmpArgLen::Qword };
    let operator = match test.operator {
        Operator::Equal => SeccompCmpOp::Eq,
        Operator::NotEqual => SeccompCmpOp::Ne,
        Operator::Less => SeccompCmpOp::Lt,
        Operator::LessOrEqual => SeccompCmpOp::Le,
        Operator::Greater => SeccompCmpOp::Gt,
        Operator::GreaterOrEqual => SeccompCmpOp::Ge,
        Operator::MaskedEqual(mask) => SeccompCmpOp::MaskedEq(mask),
    };
    SeccompCondition::new(test.arg, length, operator, test.value).expect("there are six arguments")
}

fn action(action: Action) -> SeccompAction {
    match action {
        Action::KillProcess => SeccompAction::KillProcess,
        Action::KillThread => SeccompAction::KillThread,
        Action::Trap(_) => SeccompAction::Trap,
        Action::Errno(errno) => SeccompAction::Errno(errno.into()),
        Action::Trace(data) => SeccompAction::Trace(data.into()),
        Action::Log => SeccompAction::Log,
        Action::Notify | Action::Allow => SeccompAction::Allow,
    }
}
