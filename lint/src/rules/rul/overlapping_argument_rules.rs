//! # overlapping-argument-rules
//!
//! ## What
//! Two rules with comparisons match some call together and want different things.
//!
//! ## Why
//! libseccomp keeps no order among rules with comparisons: it sorts them into a tree by argument and operator. `ALLOW`
//! for `arg0 <= 40` beside `ERRNO` for `arg0 == 38` lets 38 through with libseccomp 2.5.4, whatever the order in the
//! file. The document alone doesn't say which counts; callgate reads the first.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_LE"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
//!     "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
//!     "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Write comparisons of which no call meets two.
//!
//! ## Sources
//! - libseccomp 2.5.4, src/db.c, `_db_tree_add`; measured with the filters that runc 1.1.5 and crun 1.8.1 load

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::conflict::{Kind, overridden};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RUL006", "overlapping-argument-rules", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    overridden(
        document,
        findings,
        Kind::Conditional,
        "libseccomp keeps no order among rules with comparisons; here the first one is taken",
        "write comparisons of which no call meets two",
    )
}
