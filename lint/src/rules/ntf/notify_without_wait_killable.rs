//! # notify-without-wait-killable
//!
//! ## What
//! Notified calls without the flag `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, on a kernel that has it.
//!
//! ## Why
//! A signal ends the wait for the supervisor's answer, and the call is made and notified again. Go stops its threads with signals
//! many times a second, so a supervisor that takes its time may see the same call over and over, and undo what it has done. With
//! the flag, from Linux 5.19 on, a call that the supervisor has received waits for its answer, and only a fatal signal ends that.
//!
//! ## Example
//! ```gate at="mount"
//! deny: all
//! allow: read
//! notify: mount
//! listener: "/run/agent.sock"
//! ```
//!
//! ## Near miss
//! ```gate
//! flags: WAIT_KILLABLE_RECV
//! deny: all
//! allow: read
//! notify: mount
//! listener: "/run/agent.sock"
//! ```
//! ```gate kernel=5.15
//! deny: all
//! allow: read
//! notify: mount
//! listener: "/run/agent.sock"
//! ```
//!
//! ## Fix
//! Set the flag; runtimes need libseccomp 2.6.0 for it.
//!
//! ## Sources
//! - include/uapi/linux/seccomp.h, Linux 5.19; `seccomp_unotify(2)`
//! - libseccomp 2.6.0, CHANGELOG

use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::FilterFlag;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use super::handed::{handed, to_a_supervisor};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("NTF005", "notify-without-wait-killable", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    const SINCE: Version = Version { major: 5, minor: 19 };
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let has_flag = meaning.policy.flags.contains(&FilterFlag::WaitKillableRecv);
    // The flags of a compiled filter are its loader's.
    if has_flag || meaning.kernel < SINCE || document.filter().is_some() {
        return Ok(());
    }
    if let Some(first) = handed(meaning, to_a_supervisor)?.first() {
        findings.push(
            findings
                .new_at(first.place.unwrap_or_else(|| document.start()), "a signal makes notified calls again")
                .because(format!("handed over: {}", first.names()))
                .help("set the flag WAIT_KILLABLE_RECV"),
        );
    }
    Ok(())
}
