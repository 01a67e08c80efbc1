//! # name-and-names
//!
//! ## What
//! A rule with `name` and `names`, or with `name` in an OCI profile.
//!
//! ## Why
//! Docker and Podman refuse a rule with both. OCI has `names` alone: there `name` is an unknown key, and the rule is about no
//! call.
//!
//! ## Example
//! ```docker at="write"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "name": "write", "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```oci at="write"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "write", "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Put the name into `names`.
//!
//! ## Sources
//! - moby/profiles, `seccomp/seccomp_linux.go`, `setupSeccomp`
//! - containers/common, `pkg/seccomp/seccomp_linux.go`
//! - runtime-spec, `schema/defs-linux.json`, `Syscall`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::Format;

use crate::document::{Document, Form};
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT007", "name-and-names", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["name-and-names"]);
    let Some(Form::Profile(Format::Oci, profile)) = &document.form else { return Ok(()) };
    for entry in &profile.entries {
        // With both, that has been said.
        let Some(name) = entry.name_at.filter(|_| entry.names.len() == 1) else { continue };
        findings.push(
            findings
                .new_at(name, "an OCI profile has no `name`: the rule is about no call")
                .here("passed over by runtimes")
                .help("put it into `names`, a list"),
        );
    }
    Ok(())
}
