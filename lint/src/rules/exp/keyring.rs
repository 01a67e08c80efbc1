//! # keyring
//!
//! ## What
//! `add_key`, `keyctl` or `request_key` is within reach.
//!
//! ## Why
//! Keyrings of a user are one for every container that runs with the same user id: they are kept by user namespace and
//! user, not by container (`security/keys/process_keys.c`, Linux 6.12). And joining a session has been a way into the
//! kernel (CVE-2016-0728).
//!
//! ## Example
//! ```gate at="keyctl"
//! deny: all
//! allow: keyctl
//! ```
//! ```docker at="add_key"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["add_key"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read
//! kill: keyctl
//! ```
//!
//! ## Fix
//! Leave the calls out. A runtime gives each container a session of its own before the profile counts.
//!
//! ## Sources
//! - keyrings(7)
//! - Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP007", "keyring", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(
        document,
        findings,
        ["add_key", "keyctl", "request_key"],
        "keyrings are shared between containers of one user",
    )
}
