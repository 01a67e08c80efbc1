//! # contradictory-unconditional-rules
//!
//! ## What
//! Two rules without comparisons want different things for one call.
//!
//! ## Why
//! libseccomp takes the one that is added first, and the second without a word. Which one is first depends on the order
//! of the file, and in files with `includes` and `excludes` on the container's capabilities.
//!
//! ## Example
//! ```docker at="setns"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["read", "setns"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["setns"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
//!   {"names": ["setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_ADMIN"]}}]}
//! ```
//!
//! ## Fix
//! Leave the one that is meant, or give the two conditions that exclude each other.
//!
//! ## Sources
//! - libseccomp 2.5.4, src/db.c, `db_rule_add`
//! - measured with the filters that runc 1.1.5 and crun 1.8.1 load

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::conflict::{Kind, overridden};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RUL005", "contradictory-unconditional-rules", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    overridden(
        document,
        findings,
        Kind::Plain,
        "of two rules without comparisons libseccomp takes the first",
        "leave the rule that is meant, or give the two conditions that exclude each other",
    )
}
