//! # notify-used-as-policy
//!
//! ## What
//! A call with pointers among its arguments is handed to a supervisor.
//!
//! ## Why
//! The supervisor reads what a pointer points to out of the process's memory. If it then answers
//! `SECCOMP_USER_NOTIF_FLAG_CONTINUE`, the kernel reads it again, and another thread may have changed it: a decision made on it
//! binds nobody. It is safe to make the call on the process's behalf and to return the result. What the supervisor answers can't be
//! seen in the profile, so this is a note.
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
//! deny: all
//! allow: read
//! notify: socket
//! listener: "/run/agent.sock"
//! ```
//!
//! ## Fix
//! Let the supervisor do the call itself (`SECCOMP_IOCTL_NOTIF_ADDFD` hands a descriptor over), never answer CONTINUE because of
//! what a pointer pointed to, and refuse in the filter what may never happen.
//!
//! ## Sources
//! - `seccomp_unotify(2)`, "Caveats regarding the use of `SECCOMP_USER_NOTIF_FLAG_CONTINUE`"
//! - include/uapi/linux/seccomp.h, Linux 5.5 and later, at that flag

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::{self, Role};
use callgate_grammar::Severity;

use super::handed::{handed, to_a_supervisor};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("NTF002", "notify-used-as-policy", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    for mut found in handed(meaning, to_a_supervisor)? {
        found.calls.retain(|(name, witness)| {
            let parameters = tables::prototype(witness.abi, name).unwrap_or_default();
            parameters.iter().any(|parameter| parameter.role == Role::Pointer)
        });
        let Some((_, witness)) = found.calls.first().cloned() else { continue };
        findings.push(
            findings
                .new_at(
                    found.place.unwrap_or_else(|| document.start()),
                    "a supervisor is asked about calls with pointers",
                )
                .because(format!("with pointers: {}", found.names()))
                .because("what they point to can change after the supervisor has read it and answered CONTINUE")
                .shown_by(witness)
                .help("have the supervisor make the call itself, and refuse in the filter what may never happen"),
        );
    }
    Ok(())
}
