//! # empty-names
//!
//! ## What
//! A rule whose list of names is empty.
//!
//! ## Why
//! It is about no call. runtime-spec asks for at least one name, and an empty list mostly means that whoever wrote the file,
//! often a program, meant to name some.
//!
//! ## Example
//! ```docker at="[]"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}
//! ```
//!
//! ## Fix
//! Name the calls, or take the rule out.
//!
//! ## Sources
//! - runtime-spec, `schema/defs-linux.json`, `Syscall`: `names` has `minItems` 1
//! - kguardian-dev/kguardian#1497, a generated profile with such a rule

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT010", "empty-names", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["empty-names"]);
    Ok(())
}
