//! # recording-default-left-in
//!
//! ## What
//! The default action is one that recorders use: `log` runs every call and writes it down, `trace` asks a tracer.
//!
//! ## Why
//! `SECCOMP_RET_LOG` executes the call (seccomp(2)), so the profile refuses nothing that it doesn't name.
//! `SECCOMP_RET_TRACE` without a tracer answers ENOSYS to every such call, and a tracer decides as it likes. Both are
//! for finding out what a program needs, not for running it.
//!
//! ## Example
//! ```docker at="SCMP_ACT_LOG"
//! {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//! ```gate at="all"
//! trace(1): all
//! allow: read
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! log: mknodat
//! ```
//!
//! ## Fix
//! Make a profile of what was recorded: `callgate derive RECORDING` lists the calls that were seen and denies the rest.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_LOG` and `SECCOMP_RET_TRACE`
//! - kernel/seccomp.c, `__seccomp_filter`, Linux 6.12

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::Cause;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RUL002", "recording-default-left-in", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let recorders = |action: Action| matches!(action, Action::Log | Action::Trace(_));
    let left: Vec<_> = meaning.policy.abis.iter().filter(|(_, listed)| recorders(listed.rest.action)).collect();
    let Some((_, first)) = left.first() else { return Ok(()) };
    let place = match (document.profile().and_then(|profile| profile.default.as_ref()), &first.rest.cause) {
        (Some(default), _) => default.name.span,
        (None, Cause::Statement(span) | Cause::Known(span)) => *span,
        (None, Cause::UnlistedAbi) => document.start(),
    };
    let names: Vec<_> = left.iter().map(|(abi, _)| abi.name()).collect();
    let (what, label) = match first.rest.action {
        Action::Log => ("every call that no rule names is run, and only written down", "`log` runs the call"),
        _ => ("every call that no rule names is left to a tracer", "without a tracer it answers ENOSYS"),
    };
    findings.push(
        findings
            .new_at(place, what)
            .here(label)
            .because(format!("on {}", names.join(", ")))
            .help("deny by default; `callgate derive RECORDING` makes the list of what was seen"),
    );
    Ok(())
}
