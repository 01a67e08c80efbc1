//! # errno-out-of-range
//!
//! ## What
//! The errno of a refusal is larger than 4095.
//!
//! ## Why
//! The kernel returns no errno above `MAX_ERRNO` and caps what is larger, runc keeps 16 bits with a sign of it, and
//! libseccomp refuses it, so that no container starts. No C library knows such a number.
//!
//! ## Example
//! ```docker at="5000"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000, "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": []}
//! ```
//!
//! ## Fix
//! Use a number of errno(3).
//!
//! ## Sources
//! - kernel/seccomp.c, `__seccomp_filter`, and include/linux/err.h, `MAX_ERRNO`, Linux 6.12
//! - runc, `libcontainer/seccomp/seccomp_linux.go`, `getAction`; libseccomp 2.5.4, src/db.c, `db_col_action_valid`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("RUL016", "errno-out-of-range", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["errno-out-of-range"]);
    Ok(())
}
