//! # notify-on-write-or-default
//!
//! ## What
//! `SCMP_ACT_NOTIFY` as the default action, or about `write`.
//!
//! ## Why
//! runc writes to its parent, under the filter, before anyone listens for notifications: it would wait for an answer of its own
//! making. So runc and youki refuse such a profile. crun takes it, so with crun and Podman there is no finding.
//!
//! ## Example
//! ```docker engine=runc at="write"
//! {"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/agent.sock", "syscalls": [
//!   {"names": ["execve"], "action": "SCMP_ACT_ALLOW"}, {"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//! ```docker
//! {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/agent.sock", "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker engine=crun
//! {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/agent.sock", "syscalls": []}
//! ```
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/agent.sock", "syscalls": [
//!   {"names": ["execve", "write"], "action": "SCMP_ACT_ALLOW"}, {"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//!
//! ## Fix
//! Name the calls that the supervisor answers, and give the others another default.
//!
//! ## Sources
//! - runc, `libcontainer/seccomp/seccomp_linux.go`, `InitSeccomp`; youki, `check_seccomp`
//! - crun 1.8.1 loads it (measured)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;

use super::handed::{by_default, to_a_supervisor};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("NTF001", "notify-on-write-or-default", Severity::Error, check);

/// As the document stands, it isn't known who reads it: a file of engines is for runc too.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["refused-notification"]);
    let (Some(meaning), Some(_)) = (&document.meaning, document.profile()) else { return Ok(()) };
    if document.reading.engine != Engine::Document {
        return Ok(());
    }
    if let Some((abi, place)) = by_default(meaning) {
        findings.push(
            findings
                .new_at(place.unwrap_or_else(|| document.start()), "runc refuses to notify by default")
                .here("the container doesn't start")
                .because(format!("on {abi}"))
                .help("name the calls that the supervisor answers"),
        );
        return Ok(());
    }
    for &abi in meaning.policy.abis.keys() {
        let answers = meaning.answers(abi, "write")?;
        let Some(answer) = answers.into_iter().find(|answer| to_a_supervisor(answer.decision.action)) else { continue };
        findings.push(
            findings
                .new_at(answer.place().unwrap_or_else(|| document.start()), "runc refuses to notify about `write`")
                .here("the container doesn't start")
                .shown_by(answer.witness)
                .help("leave `write` to the filter"),
        );
        break;
    }
    Ok(())
}
