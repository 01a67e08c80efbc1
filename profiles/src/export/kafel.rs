//! A policy as kafel text (google/kafel, README.md), for the one ABI that the file is compiled for.
//!
//! A call with conditions names its arguments, which makes them whole 64-bit words, so that every width is said by a mask. The
//! first rule that matches counts in kafel too, so clauses are written as they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition};
use callgate_compiler::policy::{CallPolicy, Policy};
use callgate_compiler::tables;

use super::one_abi::{calls, only, other_abis};
use super::{Export, ExportError, Format, text_proof};
use crate::import;
use crate::kafel_names::{abis, to_kafel};

/// How deep kafel lets expressions be (`MAX_EXPRESSION_DEPTH`, src/expression.h), less some for what stands around.
const DEPTH: usize = 150;

pub(super) fn export(policy: &Policy) -> Result<Export, ExportError> {
    let (abi, abi_policy) = only(policy, Format::Kafel)?;
    if !abis().any(|known| known == abi) {
        return Err(ExportError::UnknownAbi { format: Format::Kafel, abi });
    }
    let default = abi_policy.rest.action;
    let mut plain: BTreeMap<Action, Vec<String>> = BTreeMap::new();
    let mut conditional = String::new();
    let (named, numbered) = calls(abi, abi_policy);
    let name = |name: &'static str, nr: u32| match to_kafel(abi, name) {
        Some(name) => name.to_owned(),
        None => format!("SYSCALL[{nr}] /* {name} */"),
    };
    let named = named.into_iter().map(|(call, policy)| {
        let nr = tables::number(abi, call).unwrap_or(u32::MAX);
        (name(call, nr), policy)
    });
    // kafel reads a number as a C int.
    let numbered = numbered.into_iter().map(|(nr, policy)| (format!("SYSCALL[{}]", nr.cast_signed()), policy));
    for (call, policy) in named.chain(numbered) {
        if policy.clauses.is_empty() {
            if policy.otherwise.action != default {
                plain.entry(policy.otherwise.action).or_default().push(call);
            }
        } else {
            conditional.push_str(&with_conditions(&call, policy, default));
        }
    }
    let mut text = format!("// For {abi}.\nPOLICY callgate {{\n");
    let mut blocks: Vec<String> = Vec::new();
    for (action, mut calls) in plain {
        calls.sort_unstable();
        blocks.push(format!("\t{} {{\n\t\t{}\n\t}}", spelled(action), calls.join(",\n\t\t")));
    }
    let mut body = blocks.join(",\n");
    if !conditional.is_empty() {
        if !body.is_empty() {
            body.push_str(",\n");
        }
        body.push_str(conditional.trim_end_matches(",\n"));
    }
    if !body.is_empty() {
        body.push('\n');
    }
    text.push_str(&body);
    let _ = writeln!(text, "}}\n\nUSE callgate DEFAULT {}", spelled(default));
    text_proof::prove(policy, Format::Kafel, import::Format::Kafel, &text, &BTreeSet::new())?;
    Ok(Export { bytes: text.into_bytes(), notes: other_abis(policy, abi, default, Action::KillThread) })
}

/// A call's clauses, each a block; the last is what happens when none of them holds.
fn with_conditions(call: &str, policy: &CallPolicy, default: Action) -> String {
    const ARGUMENTS: &str = "(a0, a1, a2, a3, a4, a5)";
    let mut text = String::new();
    for clause in &policy.clauses {
        let alternatives = match &clause.condition {
            Condition::Any(parts) => parts.iter().collect(),
            other => vec![other],
        };
        let rules: Vec<String> = alternatives
            .into_iter()
            .filter_map(|condition| match expression(condition, false) {
                Expression::Known(false) => None,
                Expression::Known(true) => Some(call.to_owned()),
                Expression::Text(text, _) => Some(format!("{call}{ARGUMENTS} {{ {text} }}")),
            })
            .collect();
        if !rules.is_empty() {
            let action = spelled(clause.decision.action);
            let _ = writeln!(text, "\t{action} {{\n\t\t{}\n\t}},", rules.join(",\n\t\t"));
        }
    }
    if policy.otherwise.action != default {
        let _ = writeln!(text, "\t{} {{ {call} }},", spelled(policy.otherwise.action));
    }
    text
}

/// A kafel expression.
enum Expression {
    /// kafel has no words for always and never.
    Known(bool),
    /// The text, and whether it is more than one comparison.
    Text(String, bool),
}

/// The condition, or (`not`) its opposite.
fn expression(condition: &Condition, not: bool) -> Expression {
    match condition {
        Condition::Always => Expression::Known(!not),
        Condition::Atom(atom) => comparison(atom, not),
        Condition::Not(inner) => expression(inner, !not),
        Condition::All(parts) => join(parts.iter().map(|part| expression(part, not)), !not),
        Condition::Any(parts) => join(parts.iter().map(|part| expression(part, not)), not),
    }
}

/// All of them, or (`all` false) any of them.
fn join(parts: impl Iterator<Item = Expression>, all: bool) -> Expression {
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Expression::Known(known) if known == all => {}
            Expression::Known(known) => return Expression::Known(known),
            Expression::Text(text, joined) => texts.push((text, joined)),
        }
    }
    if texts.len() == 1 {
        let (text, joined) = texts.remove(0);
        return Expression::Text(text, joined);
    }
    let bracketed = |(text, joined): (String, bool)| if joined { format!("({text})") } else { text };
    let texts: Vec<String> = texts.into_iter().map(bracketed).collect();
    match texts.len() {
        0 => Expression::Known(all),
        _ => Expression::Text(balanced(&texts, if all { " && " } else { " || " }), true),
    }
}

/// The parts joined; in brackets by halves where a chain of them would be deeper than kafel reads.
fn balanced(texts: &[String], sign: &str) -> String {
    if texts.len() <= DEPTH / 4 {
        return texts.join(sign);
    }
    let (left, right) = texts.split_at(texts.len() / 2);
    format!("({}){sign}({})", balanced(left, sign), balanced(right, sign))
}

/// The masked argument is in the set, or (`not`) outside of it.
fn comparison(atom: &Atom, not: bool) -> Expression {
    let mask = atom.mask & atom.width.max();
    let all = atom.values.complement(mask);
    // Whichever side takes fewer ranges.
    let (set, outside) =
        if all.ranges().len() < atom.values.ranges().len() { (&all, !not) } else { (&atom.values, not) };
    let word = if mask == u64::MAX { format!("a{}", atom.arg) } else { format!("(a{} & {mask:#x})", atom.arg) };
    let ranges = set.ranges().iter().filter(|&&(low, _)| low <= mask).map(|&(low, high)| {
        let high = high.min(mask);
        let text = match (low, high, outside) {
            (0, high, _) if high == mask => return Expression::Known(!outside),
            (low, high, false) if low == high => format!("{word} == {low:#x}"),
            (low, high, true) if low == high => format!("{word} != {low:#x}"),
            (0, high, false) => format!("{word} <= {high:#x}"),
            (0, high, true) => format!("{word} > {high:#x}"),
            (low, high, false) if high == mask => format!("{word} >= {low:#x}"),
            (low, high, true) if high == mask => format!("{word} < {low:#x}"),
            (low, high, false) => return Expression::Text(format!("{word} >= {low:#x} && {word} <= {high:#x}"), true),
            (low, high, true) => return Expression::Text(format!("{word} < {low:#x} || {word} > {high:#x}"), true),
        };
        Expression::Text(text, false)
    });
    join(ranges, outside)
}

/// An action in kafel's words.
fn spelled(action: Action) -> String {
    match action {
        Action::KillProcess => "KILL_PROCESS".to_owned(),
        Action::KillThread => "KILL".to_owned(),
        Action::Trap(data) => format!("TRAP({data})"),
        Action::Errno(errno) => format!("ERRNO({errno})"),
        Action::Notify => "USER_NOTIF".to_owned(),
        Action::Trace(data) => format!("TRACE({data})"),
        Action::Log => "LOG".to_owned(),
        Action::Allow => "ALLOW".to_owned(),
    }
}
