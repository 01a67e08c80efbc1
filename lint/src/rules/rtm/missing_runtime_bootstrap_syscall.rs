//! # missing-runtime-bootstrap-syscall
//!
//! ## What
//! A profile under which the runtime itself can't start the container, or can't always.
//!
//! ## Why
//! The filter is loaded before the command runs, so what the runtime calls in between is under it: at least execve, mostly the
//! calls that close descriptors and drop rights, with runc those of Go's runtime as well. A container that starts on one version
//! fails on the next, or once in a hundred times.
//!
//! An error names calls without which no measured version started a container. The others are needed by some versions, without
//! `no_new_privileges`, or now and then, and the finding is a warning. Without `--engine`, execve alone is asked about.
//!
//! ## Example
//! ```docker engine=docker cap=none
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker engine=podman
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["capset", "close", "close_range", "execve", "fchown", "fstat",
//!   "ioctl", "openat", "prctl", "pselect6", "read", "rt_sigaction", "rt_sigprocmask", "setgroups", "setresgid", "setresuid",
//!   "statx", "umask", "write"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```gate
//! deny: all
//! allow: read, write, exit_group
//! ```
//!
//! ## Fix
//! `callgate derive REC --runtime runc` adds what the runtime needs; `use: @runc` or `use: @crun` does it in a policy.
//!
//! ## Sources
//! - callgate's baselines `policies/runc.gate` and `policies/crun.gate`: measured on runc 1.1.5 to 1.3.6, crun 1.8.1 to 1.28
//! - opencontainers/runc#2097: the list was never defined

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;
use callgate_profiles::{Need, Needed, Runtime, needs};

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::Answer;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM007", "missing-runtime-bootstrap-syscall", Severity::Error, check);

/// Without these no measured version started a container with `no_new_privileges` set, where fewest are needed.
fn always_needed(runtime: Runtime) -> &'static [&'static str] {
    match runtime {
        Runtime::Runc => &["close", "execve", "fstatfs", "getdents64", "openat", "write"],
        Runtime::Crun => &["execve"],
    }
}

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let (Some(meaning), Some(_)) = (&document.meaning, document.profile()) else { return Ok(()) };
    let runtime = match document.reading.engine {
        Engine::Document => None,
        Engine::Runc | Engine::Docker => Some(Runtime::Runc),
        Engine::Crun | Engine::Podman => Some(Runtime::Crun),
    };
    let machine = document.reading.host.machine;
    let needs = match runtime {
        Some(runtime) => needs(runtime),
        None => {
            let execve = Needed { name: "execve".to_owned(), text: "execve" };
            vec![Need { reason: Vec::new(), allowed: true, targets: vec![execve] }]
        }
    };
    let mut missing: Vec<(&str, Answer<'_>)> = Vec::new();
    for need in &needs {
        for Needed { text: call, .. } in &need.targets {
            let stops = |answer: &Answer<'_>| match answer.decision.action {
                Action::Allow | Action::Log | Action::Notify | Action::Trace(_) => false,
                Action::Errno(_) => need.allowed,
                Action::KillProcess | Action::KillThread | Action::Trap(_) => true,
            };
            let answers = meaning.answers(machine, call)?;
            missing.extend(answers.into_iter().find(stops).map(|answer| (*call, answer)));
        }
    }
    let Some(first) = missing.first().map(|(_, answer)| answer.clone()) else { return Ok(()) };
    let core = runtime.map_or(&["execve"][..], always_needed);
    let (always, sometimes): (Vec<&str>, Vec<&str>) =
        missing.iter().map(|(call, _)| *call).partition(|call| core.contains(call));
    let who = runtime.map_or("a runtime", Runtime::name);
    let place = first.place().unwrap_or_else(|| document.start());
    let message = match always.as_slice() {
        [] => format!("{who} starts some containers with calls that are refused here"),
        _ => format!("{who} can't start a container under this profile"),
    };
    let mut finding = findings.new_at(place, message).here("this refuses the calls").shown_by(first.witness);
    if always.is_empty() {
        finding = finding.at_most(Severity::Warning);
    } else {
        finding = finding.because(format!("every start needs {}", always.join(", ")));
    }
    if !sometimes.is_empty() {
        finding = finding.because(format!("some versions and settings need {}", sometimes.join(", ")));
    }
    findings
        .push(finding.help(format!("allow them; `use: @{}` does in a policy", runtime.map_or("runc", Runtime::name))));
    Ok(())
}
