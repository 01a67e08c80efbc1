//! The JSON of seccompiler (rust-vmm/seccompiler, `docs/json_format.md`).
//!
//! One filter for each kind of thread. A filter has one ABI and two actions; several rules of a call are alternatives. x32
//! calls are numbers like others to seccompiler, which meet the default action; here they are another ABI's.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::tree::BinaryOp;
use callgate_grammar::{Diagnostic, Spanned, did_you_mean};
use serde_json::value::RawValue;

use super::Document;
use super::constants::errno_verb;
use super::guard::Guard;
use super::json::Reader;
use super::rules::{Order, Rule, Statements, Test, When};

/// seccompiler renamed its two actions; Firecracker has the older names.
const FILTER_KEYS: &[&str] = &["mismatch_action", "match_action", "default_action", "filter_action", "filter"];

pub(super) fn import(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let mut reader = Reader::new(document.text, document.source, diagnostics);
    let root = reader.root()?;
    let threads = reader.map(root)?;
    let names: Vec<&str> = threads.members().map(|(name, _)| name).collect();
    let value = match document.selector {
        Some(wanted) => threads.get(wanted),
        None if names.len() == 1 => threads.get(names[0]),
        None => None,
    };
    let Some(value) = value else {
        let message = match document.selector {
            Some(wanted) => format!("the file has no filter called `{wanted}`"),
            None => format!("the file holds {} filters", names.len()),
        };
        let choices: Vec<_> = names.iter().map(|name| format!("#{name}")).collect();
        reader.push(
            Diagnostic::error("which-filter", message)
                .at(callgate_grammar::Span { end: threads.span.start, ..threads.span }, "")
                .help(format!("name one after the file: {}", choices.join(", "))),
        );
        return None;
    };
    filter(&mut reader, value)
}

/// The kinds of threads that the file has filters for.
pub(super) fn names(document: &Document<'_>) -> Vec<String> {
    let mut unheard = Vec::new();
    let mut reader = Reader::new(document.text, document.source, &mut unheard);
    let threads = reader.root().and_then(|root| reader.map(root));
    threads.map(|threads| threads.members().map(|(name, _)| name.to_owned()).collect()).unwrap_or_default()
}

fn filter<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue) -> Option<Statements> {
    let filter = reader.object(value, FILTER_KEYS)?;
    let mut either = |new: &str, old: &str| match filter.get(new).or_else(|| filter.get(old)) {
        Some(value) => action(reader, value).map(|verb| Spanned::new(verb, reader.span(value))),
        None => {
            reader.push(
                Diagnostic::error("missing-key", format!("a filter needs a `{new}`"))
                    .at(filter.span, "")
                    .help("say what happens, `\"allow\"` or `\"trap\"` for instance"),
            );
            None
        }
    };
    let default = either("mismatch_action", "default_action");
    let verb = either("match_action", "filter_action");
    let (default, verb) = (default?, verb?.node);
    let guard = Guard::on(&Statements::abis(None));
    let mut rules = Vec::new();
    for value in reader.array(filter.get("filter")) {
        let Some(rule) = reader.object(value, &["syscall", "args", "comment"]) else { continue };
        let Some(name) = rule.get("syscall") else {
            reader.push(
                Diagnostic::error("missing-key", "a rule needs a `syscall`").at(rule.span, "").help("name the call"),
            );
            continue;
        };
        let Some(call) = reader.string(name) else { continue };
        let span = reader.span(name);
        if !Abi::ALL.iter().any(|&abi| tables::number(abi, &call).is_some()) {
            let error = Diagnostic::error("unknown-syscall", format!("no system call is called `{call}`")).at(span, "");
            reader.push(match did_you_mean(&call, tables::names().iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("take it out"),
            });
            continue;
        }
        let mut tests = Vec::new();
        for argument in reader.array(rule.get("args")) {
            tests.extend(test(reader, argument));
        }
        let when = if tests.is_empty() { When::Always } else { When::All(tests) };
        rules.push(Rule { call, guard: guard.clone(), when, verb: verb.clone(), span });
    }
    Some(Statements { listed: None, header: Vec::new(), default, rules, order: Order::Libseccomp })
}

fn action(reader: &mut Reader<'_, '_>, value: &RawValue) -> Option<String> {
    if let Ok(name) = serde_json::from_str::<&str>(value.get()) {
        let verb = match name {
            "allow" => "allow",
            "log" => "log",
            "trap" => "trap",
            "kill_thread" => "kill-thread",
            "kill_process" => "kill",
            _ => "",
        };
        if !verb.is_empty() {
            return Some(verb.to_owned());
        }
    } else if let Ok(data) = serde_json::from_str::<BTreeMap<&str, u32>>(value.get()) {
        let mut data = data.into_iter();
        match (data.next(), data.next()) {
            (Some(("errno", number)), None) => return Some(errno_verb(u64::from(number))),
            (Some(("trace", number)), None) => return Some(format!("trace({number})")),
            _ => {}
        }
    }
    let span = reader.span(value);
    reader.push(
        Diagnostic::error("unknown-action", "this is no action of seccompiler's")
            .at(span, "")
            .help("the actions are allow, log, trap, kill_thread, kill_process, {\"errno\": n} and {\"trace\": n}"),
    );
    None
}

/// One comparison: of the low 32 bits (`dword`) or the whole word (`qword`).
fn test<'a>(reader: &mut Reader<'a, '_>, value: &'a RawValue) -> Option<Test> {
    let argument = reader.object(value, &["index", "type", "op", "val", "comment"])?;
    let (Some(index), Some(width), Some(op), Some(number)) =
        (argument.get("index"), argument.get("type"), argument.get("op"), argument.get("val"))
    else {
        reader.push(
            Diagnostic::error("missing-key", "a condition needs `index`, `type`, `op` and `val`")
                .at(argument.span, "")
                .help("see seccompiler's docs/json_format.md"),
        );
        return None;
    };
    let index = u8::try_from(reader.number(index, 5)?).ok()?;
    let text = reader.string(width)?;
    let bits = match text.as_str() {
        "dword" => u64::from(u32::MAX),
        "qword" => u64::MAX,
        _ => {
            let span = reader.span(width);
            reader.push(
                Diagnostic::error("unknown-width", format!("no width is called `{text}`"))
                    .at(span, "")
                    .help("write \"dword\" for the low 32 bits, \"qword\" for all 64"),
            );
            return None;
        }
    };
    // seccompiler compares a dword with the low half of the value too (backend/condition.rs).
    let number = reader.number(number, u64::MAX)? & bits;
    let masked = serde_json::from_str::<BTreeMap<&str, u64>>(op.get()).ok();
    let (mask, operator) = match masked.as_ref().and_then(|map| map.get("masked_eq")) {
        Some(&mask) => (mask & bits, BinaryOp::Eq),
        None => {
            let operator = match serde_json::from_str::<&str>(op.get()).unwrap_or_default() {
                "eq" => BinaryOp::Eq,
                "ne" => BinaryOp::Ne,
                "lt" => BinaryOp::Lt,
                "le" => BinaryOp::Le,
                "gt" => BinaryOp::Gt,
                "ge" => BinaryOp::Ge,
                _ => {
                    let span = reader.span(op);
                    reader.push(
                        Diagnostic::error("unknown-operator", "this is no comparison of seccompiler's")
                            .at(span, "")
                            .help("the comparisons are eq, ne, lt, le, gt, ge and {\"masked_eq\": mask}"),
                    );
                    return None;
                }
            };
            (bits, operator)
        }
    };
    // masked_eq masks the value as well (`(arg & mask) == (val & mask)`).
    let number = if operator == BinaryOp::Eq { number & mask } else { number };
    Some(Test::number(index, mask, operator, number))
}
