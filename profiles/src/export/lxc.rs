//! A policy as an LXC seccomp policy, version 2 (lxc.container.conf(5)): one list for every ABI of a machine, carried out by
//! libseccomp.

use std::collections::BTreeSet;
use std::fmt::Write;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;

use super::rules::{Rule, plan};
use super::{Difference, Export, ExportError, ExportOptions, Format, Problem, notes, spelled, text_proof};
use crate::import;

/// What a line can do with a call. LXC's kill is `SCMP_ACT_KILL`, which ends the thread.
fn verb(action: Action) -> Option<String> {
    match action {
        Action::KillThread => Some("kill".to_owned()),
        Action::Trap(_) => Some("trap".to_owned()),
        Action::Errno(errno) => Some(format!("errno {errno}")),
        Action::Notify => Some("notify".to_owned()),
        Action::Allow => Some("allow".to_owned()),
        Action::KillProcess | Action::Trace(_) | Action::Log => None,
    }
}

pub(super) fn export(policy: &Policy, options: &ExportOptions) -> Result<Export, ExportError> {
    let machines: BTreeSet<Abi> = policy.abis.keys().map(|abi| abi.native()).collect();
    if machines.len() != 1 {
        return Err(ExportError::OneMachine { format: Format::Lxc, abis: policy.abis.keys().copied().collect() });
    }
    let plan = plan(policy, Format::Lxc, options.allow_lossy)?;
    let mut notes = notes::of_lxc(policy, &plan);
    let mut differences = Vec::new();
    // Of what LXC can't say, all is stricter than allowing, and nothing is stricter than ending the thread but ending them all.
    let mut said = |call: &str, action: Action| {
        verb(action).unwrap_or_else(|| {
            let problem = Problem::Unsayable(format!("is {}", spelled(action)));
            differences.push(Difference { call: call.to_owned(), problem });
            "kill".to_owned()
        })
    };
    let default = said("all", plan.default);
    let list = if plan.default == Action::Allow { "denylist" } else { "allowlist" };
    let mut text = format!("2\n{list} {default}\n[all]\n");
    for ((_, name), rules) in &plan.rules {
        for Rule { tests, action } in rules {
            let _ = write!(text, "{name} {}", said(name, *action));
            for test in tests {
                let _ = match test.mask {
                    u64::MAX => write!(text, " [{},{:#x},==]", test.index, test.value),
                    mask => write!(text, " [{},{:#x},&=,{mask:#x}]", test.index, test.value),
                };
            }
            text.push('\n');
        }
    }
    differences.dedup();
    if !differences.is_empty() && !options.allow_lossy {
        return Err(ExportError::Differs { format: Format::Lxc, differences });
    }
    notes.extend(differences.iter().map(|difference| format!("{difference}: the file says kill-thread")));
    let lossy = differences.iter().chain(plan.lossy.iter().map(|(difference, _)| difference));
    let lossy: BTreeSet<String> = lossy.map(|difference| difference.call.clone()).collect();
    // A default that LXC can't say is about every call.
    if !lossy.contains("all") {
        text_proof::prove(policy, Format::Lxc, import::Format::Lxc, &text, &lossy)?;
    }
    Ok(Export { bytes: text.into_bytes(), notes })
}
