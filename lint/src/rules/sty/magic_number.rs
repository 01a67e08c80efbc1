//! # magic-number
//!
//! ## What
//! A number in a condition of a policy, where the value has a name.
//!
//! ## Why
//! `flags lacks 2114060288` can't be reviewed; `CLONE_NEWNS|CLONE_NEWUSER|…` can. Names are also right on ABIs where the value is
//! another one. JSON has decimal numbers alone, so there nothing is found: `callgate explain FILE` shows a profile with names.
//!
//! ## Example
//! ```gate at="16"
//! arch: x86_64
//! deny: all
//! allow: socket(family == 16)
//! ```
//! ```gate at="0x10020000"
//! arch: x86_64
//! deny: all
//! allow: unshare(flags lacks 0x10020000)
//! ```
//!
//! ## Near miss
//! ```gate
//! arch: x86_64
//! deny: all
//! allow: socket(family == AF_NETLINK), write(count <= 16), ioctl(cmd == 0x12345678)
//! ```
//!
//! ## Fix
//! Write the name. `--fix` does it where the name has this value on every ABI of the policy.
//!
//! ## Sources
//! - section 2 of the Linux man-pages, which say what each parameter is compared with
//! - forums.docker.com/t/33231: what is 2114060288?

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_grammar::Span;
use callgate_grammar::tree::{
    BinaryOp, Call, Expr, ExprKind, NameOrNumber, Statement, StatementKind, Target, TargetKind,
};
use callgate_profiles::export::gate::spelled;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::finding::{Edit, Safety};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("STY001", "magic-number", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let (Some(Form::Policy(units)), Some(meaning)) = (&document.form, &document.meaning) else { return Ok(()) };
    let abis: Vec<Abi> = meaning.policy.abis.keys().copied().collect();
    for unit in units.iter().filter(|unit| unit.source == document.source) {
        for call in calls(&unit.file.statements) {
            let NameOrNumber::Name(name) = &call.callee.node else { continue };
            let mut numbers = Vec::new();
            call.arguments.iter().flatten().for_each(|argument| compared(argument, &mut numbers));
            for (parameter, value, span) in numbers {
                let Some(spelled) = spelled_everywhere(&abis, name, parameter, value) else { continue };
                let edit = Edit { span, text: spelled.clone() };
                findings.push(
                    findings
                        .new_at(span, format!("this value of `{parameter}` has a name"))
                        .here(format!("`{spelled}`"))
                        .fix(format!("write `{spelled}`"), Safety::Safe, vec![edit]),
                );
            }
        }
    }
    Ok(())
}

/// The calls that rules are about, inside `when` too.
fn calls(statements: &[Statement]) -> Vec<&Call> {
    let mut found = Vec::new();
    for statement in statements {
        match &statement.node {
            StatementKind::Rule { targets, .. } => found.extend(targets.iter().filter_map(call)),
            StatementKind::When { body, .. } => found.extend(calls(body)),
            _ => {}
        }
    }
    found
}

fn call(target: &Target) -> Option<&Call> {
    if let TargetKind::Call(call) = &target.node { Some(call) } else { None }
}

/// Every number of an expression that a parameter is compared with, with its place.
fn compared<'t>(expression: &'t Expr, numbers: &mut Vec<(&'t str, u64, Span)>) {
    match &expression.node {
        ExprKind::Unary(_, inner) => compared(inner, numbers),
        ExprKind::Binary(operator, left, right) => match operator.node {
            BinaryOp::And | BinaryOp::Or => {
                compared(left, numbers);
                compared(right, numbers);
            }
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::In | BinaryOp::Has | BinaryOp::Lacks => {
                let parameter = match &left.node {
                    ExprKind::Name(name) => name,
                    ExprKind::Binary(inner, word, _) if inner.node == BinaryOp::BitAnd => {
                        let ExprKind::Name(name) = &word.node else { return };
                        name
                    }
                    _ => return,
                };
                values(right, parameter, numbers);
            }
            _ => {}
        },
        _ => {}
    }
}

fn values<'t>(expression: &'t Expr, parameter: &'t str, numbers: &mut Vec<(&'t str, u64, Span)>) {
    match &expression.node {
        ExprKind::Number(value) => numbers.push((parameter, *value, expression.span)),
        ExprKind::Set(entries) => entries.iter().for_each(|entry| values(entry, parameter, numbers)),
        ExprKind::Binary(operator, left, right) if operator.node == BinaryOp::BitOr => {
            values(left, parameter, numbers);
            values(right, parameter, numbers);
        }
        _ => {}
    }
}

/// What a value is called on every ABI that has the call, and nowhere anything else.
fn spelled_everywhere(abis: &[Abi], call: &str, parameter: &str, value: u64) -> Option<String> {
    let mut names = abis.iter().filter_map(|&abi| {
        let (_, parameter) = tables::parameter(abi, call, parameter)?;
        Some(spelled(abi, call, parameter, value))
    });
    let first = names.next()??;
    names.all(|name| name.as_ref() == Some(&first)).then_some(first)
}
