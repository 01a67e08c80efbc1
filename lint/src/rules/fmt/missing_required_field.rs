//! # missing-required-field
//!
//! ## What
//! A profile without `defaultAction`, a rule without `action` or `names`, or a condition without `index`, `value` or `op`.
//!
//! ## Why
//! Go's decoder puts a zero where a number is missing, so a condition without `value` compares with 0 and says nothing. What is
//! missing for a word is found out when the container starts.
//!
//! ## Example
//! ```docker at="index"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```docker at="names"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Write what is meant, zero too.
//!
//! ## Sources
//! - runtime-spec, `schema/defs-linux.json`: `required` of `Seccomp`, `Syscall` and `SyscallArg`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::profile::Profile;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT005", "missing-required-field", Severity::Error, check);

/// What has neither default nor rules is `empty-profile-disables-seccomp`'s.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    if !document.profile().is_some_and(Profile::is_empty) {
        said(document, findings, &["missing-key"]);
    }
    Ok(())
}
