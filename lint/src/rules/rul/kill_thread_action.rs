//! # kill-thread-action
//!
//! ## What
//! A refused call kills the calling thread, and the process goes on without it.
//!
//! ## Why
//! The thread is gone with the locks it held and the work it had begun: seccomp(2) says that terminating one thread "is
//! likely to leave the process in a permanently inconsistent and possibly corrupt state". `SCMP_ACT_KILL` is the old
//! name of this action, not of killing the process.
//!
//! ## Example
//! ```docker at="SCMP_ACT_KILL"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_KILL"}]}
//! ```
//! ```gate at="all"
//! kill-thread: all
//! allow: read, write, exit_group
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"}]}
//! ```
//!
//! ## Fix
//! Kill the process (`SCMP_ACT_KILL_PROCESS`, Linux 4.14), or answer with an errno.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_KILL_THREAD` and its note; `SECCOMP_RET_KILL_PROCESS` since Linux 4.14

use std::collections::BTreeSet;

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::finding::{Edit, Findings, Safety};
use crate::rule::Rule;
use crate::rules::gathered::causes;

pub(super) const RULE: Rule = Rule::new("RUL013", "kill-thread-action", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let old = document.reading.host.kernel < callgate_grammar::tree::Version { major: 4, minor: 14 };
    if old {
        return Ok(());
    }
    for place in places(document) {
        let mut finding = findings
            .new_at(place, "one thread is killed, and the process goes on")
            .here("kills the calling thread alone")
            .help("kill the process: `SCMP_ACT_KILL_PROCESS`, in the language `kill`");
        if document.sources.snippet(place).contains("SCMP_ACT_KILL") {
            let edit = Edit { span: place, text: "\"SCMP_ACT_KILL_PROCESS\"".to_owned() };
            finding = finding.fix("kill the process", Safety::Unsafe, vec![edit]);
        }
        findings.push(finding);
    }
    Ok(())
}

/// The action in a profile; elsewhere the statements that decide so. A runtime's own for unlisted ABIs is nobody's doing.
fn places(document: &Document) -> BTreeSet<Span> {
    match document.profile() {
        Some(profile) => {
            let actions = profile.entries.iter().map(|entry| &entry.action).chain(&profile.default);
            actions.filter(|action| action.name.value == ActionName::KillThread).map(|one| one.name.span).collect()
        }
        None => causes(document, |action| action == Action::KillThread),
    }
}
