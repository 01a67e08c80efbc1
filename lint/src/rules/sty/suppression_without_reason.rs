//! # suppression-without-reason
//!
//! ## What
//! A finding that is suppressed without saying why.
//!
//! ## Why
//! A suppression is a decision. Without its reason nobody can tell later whether it still holds, and the next profile that is
//! copied from this one takes it over.
//!
//! ## Example
//! ```gate at="EXP001"
//! deny: all
//! #[allow(EXP001)]
//! allow: init_module
//! ```
//! ```docker at="EXP001"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW",
//!   "comment": "callgate: allow(EXP001)"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! #[allow(EXP001, "the driver loads its own firmware module")]
//! allow: init_module
//! ```
//!
//! ## Fix
//! Write the reason: `#[allow(RULE, "reason")]` in a policy, `callgate: allow(RULE) reason` in a comment, `reason = "…"` in
//! callgate.toml.
//!
//! ## Sources
//! - kube-linter, `ignore-check.kube-linter.io/…` annotations, whose value is the reason

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::suppress::without_reason;

pub(super) const RULE: Rule = Rule::new("STY003", "suppression-without-reason", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    without_reason(document, findings);
    Ok(())
}
