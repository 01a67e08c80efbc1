//! A policy as a drop-in for systemd's units (systemd.exec(5) of version 252).
//!
//! The lists only use names, never sets: what a set holds changes with the version. `@default` is in every allow-list whether
//! it is written or not, so what a policy refuses of it is taken out again.

use std::collections::BTreeSet;
use std::fmt::Write;

use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;

use super::names::plan;
use super::{Export, ExportError, ExportOptions, Format, notes, text_proof};
use crate::import::{self, systemd_architecture};
use crate::sets::systemd as sets;

/// What systemd can do with a call.
fn says(action: Action) -> bool {
    matches!(action, Action::Allow | Action::Log | Action::KillProcess | Action::Errno(_))
}

pub(super) fn export(policy: &Policy, options: &ExportOptions) -> Result<Export, ExportError> {
    let mut plan = plan(policy, Format::Systemd, options.allow_lossy, says)?;
    // A unit's error has a number from 1 up.
    let default = match plan.default {
        Action::Errno(0) => Action::KillProcess,
        other => other,
    };
    if default != plan.default {
        plan.notes.push("systemd has no default of errno(0): numbers without a name are killed".to_owned());
    }
    let mut text = "[Service]\n".to_owned();
    let names: Vec<&str> = match policy.abis.keys().collect::<Vec<_>>().as_slice() {
        [one] if one.native() == **one => vec!["native"],
        abis => abis.iter().map(|abi| systemd_architecture(**abi)).collect(),
    };
    let _ = writeln!(text, "SystemCallArchitectures={}", names.join(" "));
    let allows = !default.permits();
    if allows {
        let implied = sets().calls("@default").unwrap_or_default();
        let allowed = plan.calls.iter().filter(|(_, action)| action.permits()).map(|(name, _)| *name);
        let mut listed: Vec<String> = vec!["@default".to_owned()];
        listed.extend(allowed.filter(|name| !implied.contains(name)).map(str::to_owned));
        list(&mut text, "SystemCallFilter=", &listed);
        let refused = plan.calls.iter().filter(|(_, action)| !action.permits());
        let refused = refused.filter_map(|(name, action)| match *action == default {
            true => implied.contains(name).then(|| (*name).to_owned()),
            false => Some(with_verdict(policy, name, *action)),
        });
        list(&mut text, "SystemCallFilter=~", &refused.collect::<Vec<_>>());
        if let Action::Errno(errno) = default {
            let _ = writeln!(text, "SystemCallErrorNumber={}", error(policy, errno));
        }
    } else {
        let refused = plan.calls.iter().filter(|(_, action)| !action.permits());
        let refused: Vec<String> = refused.map(|(name, action)| with_verdict(policy, name, *action)).collect();
        list(&mut text, "SystemCallFilter=~", &refused);
    }
    let with = |wanted: Action| {
        let found = plan.calls.iter().filter(move |(_, action)| **action == wanted);
        found.map(|(name, _)| (*name).to_owned()).collect::<Vec<String>>()
    };
    if default == Action::Log {
        // Everything but these: a call that is refused isn't logged by the filter either way.
        let allowed = with(Action::Allow);
        if allowed.is_empty() {
            text.push_str("SystemCallLog=~\n");
        }
        list(&mut text, "SystemCallLog=~", &allowed);
    } else {
        list(&mut text, "SystemCallLog=", &with(Action::Log));
    }
    let mut notes = plan.notes;
    notes.extend(notes::of_filter(policy));
    let others: BTreeSet<Action> = policy
        .foreign
        .values()
        .map(|decision| decision.action)
        .chain([policy.other.action])
        .filter(|action| !matches!(action, Action::KillProcess | Action::KillThread))
        .collect();
    if !others.is_empty() {
        let spelled: Vec<String> = others.into_iter().map(super::spelled).collect();
        notes.push(format!("the policy says {} for ABIs that it doesn't list; systemd kills", spelled.join(" and ")));
    }
    text_proof::prove(policy, Format::Systemd, import::Format::Systemd, &text, &plan.lossy)?;
    Ok(Export { bytes: text.into_bytes(), notes })
}

/// `name:EPERM`, `name:kill`
fn with_verdict(policy: &Policy, name: &str, action: Action) -> String {
    match action {
        Action::Errno(errno) => format!("{name}:{}", error(policy, errno)),
        _ => format!("{name}:kill"),
    }
}

/// The error's name where all these ABIs have one for it, else its number: MIPS numbers some errors its own way.
fn error(policy: &Policy, errno: u16) -> String {
    let names: BTreeSet<_> = policy.abis.keys().map(|&abi| tables::errno_name(abi, errno)).collect();
    match names.first() {
        Some(Some(name)) if names.len() == 1 => (*name).to_owned(),
        _ => errno.to_string(),
    }
}

/// The names behind the key, over as many lines as it takes: systemd joins them.
fn list(text: &mut String, key: &str, names: &[String]) {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() && key.len() + line.len() + name.len() > 110 {
            let _ = writeln!(text, "{key}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{key}{line}");
    }
}
