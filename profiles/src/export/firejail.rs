//! A policy as the seccomp lines of a firejail profile (firejail-profile(5)), for the machine's own ABI.

use std::fmt::Write;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;

use super::names::plan;
use super::one_abi::{actions, calls, only, other_abis};
use super::{Difference, Export, ExportError, ExportOptions, Format, Problem, spelled, text_proof};
use crate::import;
use crate::sets::firejail as groups;

/// What firejail can do with a call: its kill is `SECCOMP_RET_KILL`, which ends the thread, and it knows errors by name.
fn says(abi: Abi, action: Action) -> bool {
    match action {
        Action::Allow | Action::Log | Action::KillThread => true,
        Action::Errno(errno) => tables::errno_name(abi, errno).is_some(),
        _ => false,
    }
}

pub(super) fn export(policy: &Policy, options: &ExportOptions) -> Result<Export, ExportError> {
    let (abi, abi_policy) = only(policy, Format::Firejail)?;
    let mut plan = plan(policy, Format::Firejail, options.allow_lossy, |action| says(abi, action))?;
    // What is logged is said by the error action alone, so there is one.
    let logs = plan.calls.values().any(|action| *action == Action::Log) || plan.default == Action::Log;
    let allows = plan.default == Action::Allow;
    let error = match plan.default {
        Action::Allow if logs => Action::Log,
        Action::Allow => Action::Errno(1),
        other => other,
    };
    let mut differences = Vec::new();
    let kept = if allows { Default::default() } else { groups().calls("@default-keep").unwrap_or_default() };
    let mut entries = Vec::new();
    for (&name, &action) in &plan.calls {
        let entry = match action {
            _ if action == plan.default && !kept.contains(name) => continue,
            Action::Allow if kept.contains(name) => continue,
            Action::Allow => name.to_owned(),
            _ if action == error && kept.contains(name) => format!("!{name}"),
            _ if action == error => name.to_owned(),
            Action::Log => {
                unsayable(&mut differences, name, action);
                continue;
            }
            _ if kept.contains(name) => {
                unsayable(&mut differences, name, action);
                format!("!{name}")
            }
            Action::Errno(errno) => format!("{name}:{}", tables::errno_name(abi, errno).unwrap_or("EPERM")),
            _ => format!("{name}:kill"),
        };
        entries.push(entry);
    }
    let (_, numbered) = calls(abi, abi_policy);
    for (nr, call) in numbered {
        let mut found: Vec<Action> = actions(call).collect();
        found.dedup();
        match found.as_slice() {
            [action] if *action == plan.default => {}
            [Action::Allow] => entries.push(format!("${nr}")),
            [action] if *action == error => entries.push(format!("${nr}")),
            [Action::Errno(errno)] if says(abi, Action::Errno(*errno)) => {
                entries.push(format!("${nr}:{}", tables::errno_name(abi, *errno).unwrap_or("EPERM")));
            }
            [Action::KillThread] => entries.push(format!("${nr}:kill")),
            _ => plan.notes.push(format!("what the policy says of the number {nr} is not in the file")),
        }
    }
    if !differences.is_empty() && !options.allow_lossy {
        return Err(ExportError::Differs { format: Format::Firejail, differences });
    }
    let refused = spelled(error);
    plan.notes.extend(differences.iter().map(|difference| format!("{difference}: the file says {refused}")));
    let mut text = "seccomp.block-secondary\n".to_owned();
    let action = match error {
        Action::Errno(errno) => tables::errno_name(abi, errno).unwrap_or("EPERM"),
        Action::Log => "log",
        _ => "kill",
    };
    let _ = writeln!(text, "seccomp-error-action {action}");
    match (entries.is_empty(), allows) {
        (true, true) => plan.notes.push("the policy refuses no call, so the file has no list".to_owned()),
        (false, true) => {
            let _ = writeln!(text, "seccomp.drop {}", entries.join(","));
        }
        // A list can't be empty; what firejail needs itself is in it anyway.
        (true, false) => text.push_str("seccomp.keep @default-keep\n"),
        (false, false) => {
            let _ = writeln!(text, "seccomp.keep {}", entries.join(","));
        }
    }
    let mut notes = plan.notes;
    notes.extend(other_abis(policy, abi, error, error));
    plan.lossy.extend(differences.into_iter().map(|difference| difference.call));
    // A file without a list says nothing of any call, and is nothing to read.
    if !(entries.is_empty() && allows) {
        text_proof::prove(policy, Format::Firejail, import::Format::Firejail, &text, &plan.lossy)?;
    }
    Ok(Export { bytes: text.into_bytes(), notes })
}

fn unsayable(differences: &mut Vec<Difference>, name: &str, action: Action) {
    let problem = Problem::Unsayable(format!("is {}", spelled(action)));
    differences.push(Difference { call: name.to_owned(), problem });
}
