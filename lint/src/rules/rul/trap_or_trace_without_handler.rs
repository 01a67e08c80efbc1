//! # trap-or-trace-without-handler
//!
//! ## What
//! A container's profile answers a call with `SCMP_ACT_TRAP` or `SCMP_ACT_TRACE`.
//!
//! ## Why
//! Both want someone who answers. Without a ptrace tracer a traced call fails with ENOSYS; SIGSYS, where the program
//! has no handler for it, ends the program with a core dump. A container's engine is no tracer, and an image rarely has
//! a handler.
//!
//! ## Example
//! ```docker at="SCMP_ACT_TRACE"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_TRACE"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! trap: mount
//! ```
//!
//! ## Fix
//! Refuse with an errno, kill the process, or hand the call to a supervisor with `SCMP_ACT_NOTIFY`.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_TRAP` and `SECCOMP_RET_TRACE`
//! - signal(7): the default action of SIGSYS

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RUL014", "trap-or-trace-without-handler", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    for action in profile.entries.iter().map(|entry| &entry.action).chain(&profile.default) {
        let (message, label) = match action.name.value {
            ActionName::Trap => ("SIGSYS ends a program that has no handler for it", "sends SIGSYS"),
            ActionName::Trace => ("without a tracer this call fails with ENOSYS", "asks a ptrace tracer"),
            _ => continue,
        };
        findings.push(
            findings
                .new_at(action.name.span, message)
                .here(label)
                .help("refuse with an errno, kill the process, or notify a supervisor"),
        );
    }
    Ok(())
}
