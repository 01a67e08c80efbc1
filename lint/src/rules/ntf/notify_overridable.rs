//! # notify-overridable
//!
//! ## What
//! Calls are handed to a tracer or a supervisor, and the process can load a filter of its own that answers first.
//!
//! ## Why
//! Of several filters the strictest answer counts, and a notification is stricter than a trace. A process that may call
//! seccomp(2) with `SECCOMP_FILTER_FLAG_NEW_LISTENER` can notify itself of a traced call and answer CONTINUE: the call is run and
//! the tracer never asked. With a supervisor already there the kernel refuses a second listener (EBUSY), so what is left to the
//! process is to answer such calls with an errno of its own, and that is a note.
//!
//! ## Example
//! ```gate at="mount"
//! deny: all
//! allow: read, write, seccomp
//! trace(1): mount
//! ```
//! ```gate
//! deny: all
//! allow: read, prctl(option == PR_SET_SECCOMP)
//! notify: mount
//! listener: "/run/agent.sock"
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read, write, seccomp(op == SECCOMP_GET_ACTION_AVAIL)
//! trace(1): mount
//! ```
//!
//! ## Fix
//! Refuse `seccomp` with `SECCOMP_SET_MODE_FILTER`, and `prctl` with `PR_SET_SECCOMP`.
//!
//! ## Sources
//! - include/uapi/linux/seccomp.h, Linux 5.5 and later, at `SECCOMP_USER_NOTIF_FLAG_CONTINUE`: "`SECCOMP_RET_TRACE` can equally be
//!   overriden"
//! - kernel/seccomp.c, Linux 6.12, `has_duplicate_listener`; `seccomp_unotify(2)`, NOTES

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::handed::{handed, to_a_supervisor};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("NTF004", "notify-overridable", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    const LISTENS: &str = "seccomp(op == SECCOMP_SET_MODE_FILTER, flags has SECCOMP_FILTER_FLAG_NEW_LISTENER)";
    const LOADS: [&str; 2] = ["seccomp(op == SECCOMP_SET_MODE_FILTER)", "prctl(option == PR_SET_SECCOMP)"];
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let notified = handed(meaning, to_a_supervisor)?;
    let traced = handed(meaning, |action| matches!(action, Action::Trace(_)))?;
    if let Some(first) = traced.first().filter(|_| notified.is_empty())
        && let Some(door) = meaning.reached_anywhere(LISTENS)?
    {
        let mut finding = findings
            .new_at(first.place.unwrap_or_else(|| document.start()), "the process can answer its traced calls itself")
            .here(format!("handed to a tracer: {}", first.names()));
        if let Some(place) = door.place() {
            finding = finding.and_at(place, "a filter with a listener of its own, whose CONTINUE counts");
        }
        findings.push(finding.shown_by(door.witness).help("refuse `seccomp` with SECCOMP_SET_MODE_FILTER"));
    }
    let Some(first) = notified.first() else { return Ok(()) };
    for call in LOADS {
        let Some(door) = meaning.reached_anywhere(call)? else { continue };
        let mut finding = findings
            .new_at(first.place.unwrap_or_else(|| document.start()), "the process can refuse its notified calls itself")
            .here(format!("handed to a supervisor: {}", first.names()))
            .at_most(Severity::Note);
        if let Some(place) = door.place() {
            finding = finding.and_at(place, "a filter of its own, whose errno counts before the supervisor is asked");
        }
        findings.push(finding.shown_by(door.witness).help("refuse `seccomp` and `prctl(PR_SET_SECCOMP)`"));
        break;
    }
    Ok(())
}
