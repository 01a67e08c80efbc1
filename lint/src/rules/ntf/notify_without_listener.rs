//! # notify-without-listener
//!
//! ## What
//! `SCMP_ACT_NOTIFY` without `listenerPath`, or `listenerMetadata` without it.
//!
//! ## Why
//! Runtimes refuse a profile that notifies nobody, and the kernel answers ENOSYS to a notified call that no one listens for.
//! runtime-spec forbids metadata without a path. A policy in the language may leave the listener to whoever loads it
//! (`callgate run --notify`), so there it is a note.
//!
//! ## Example
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//! ```oci at="web"
//! {"defaultAction": "SCMP_ACT_ERRNO", "listenerMetadata": "web", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/agent.sock", "listenerMetadata": "web",
//!   "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}, {"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//!
//! ## Fix
//! Write `"listenerPath": "/run/….sock"`, in a policy `listener: "/run/….sock"`.
//!
//! ## Sources
//! - runtime-spec, config-linux.md, "Seccomp": `listenerPath` and `listenerMetadata`
//! - seccomp(2), `SECCOMP_RET_USER_NOTIF`: without a listener the call fails with ENOSYS

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::handed::{handed, to_a_supervisor};
use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("NTF003", "notify-without-listener", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["metadata-without-listener"]);
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let most = match document.form {
        Some(Form::Profile(..)) => Severity::Error,
        Some(Form::Policy(_)) => Severity::Note,
        // Elsewhere the listener is never the file's to name.
        _ => return Ok(()),
    };
    if meaning.policy.listener.is_some() {
        return Ok(());
    }
    if let Some(first) = handed(meaning, to_a_supervisor)?.first() {
        findings.push(
            findings
                .new_at(
                    first.place.unwrap_or_else(|| document.start()),
                    "calls are handed to a supervisor, and none is named",
                )
                .at_most(most)
                .because(format!("handed over: {}", first.names()))
                .help("name the listener's socket"),
        );
    }
    Ok(())
}
