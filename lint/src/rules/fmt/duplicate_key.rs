//! # duplicate-key
//!
//! ## What
//! One key twice in one object.
//!
//! ## Why
//! JSON leaves open which of the two counts (RFC 8259, section 4). Go's decoder keeps the last one, others the first or none;
//! `defaultAction` twice can turn a list of exceptions into a list of everything.
//!
//! ## Example
//! ```docker at="defaultAction"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [], "defaultAction": "SCMP_ACT_ALLOW"}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["write"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Take one of the two away.
//!
//! ## Sources
//! - RFC 8259, section 4: "the behavior of software that receives such an object is unpredictable"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT004", "duplicate-key", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["duplicate-key"]);
    Ok(())
}
