//! # no-architectures
//!
//! ## What
//! The profile lists no architectures.
//!
//! ## Why
//! The filter then speaks for the machine's own ABI and kills every call made through another one: a 32-bit program on
//! a 64-bit machine dies at its first call, whatever the rules say (libseccomp's action for unlisted ABIs is to kill
//! the thread). Where that is meant, listing the one ABI says so.
//!
//! ## Example
//! ```docker at="{"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! List `SCMP_ARCH_X86_64`, and `SCMP_ARCH_X86` where 32-bit programs run; or `archMap`, for several machines.
//!
//! ## Sources
//! - `seccomp_attr_set(3)`, `SCMP_FLTATR_ACT_BADARCH`
//! - measured with runc 1.1.5 and crun 1.8.1: SIGSYS from `int 0x80`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ABI001", "no-architectures", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    if profile.is_empty() || profile.all_architectures().next().is_some() {
        return Ok(());
    }
    let first = Span { end: profile.span.start + 1, ..profile.span };
    findings.push(
        findings
            .new_at(first, "the profile lists no architectures, so only the machine's own ABI is let in")
            .here("calls of 32-bit programs are killed")
            .help("add `\"architectures\": [\"SCMP_ARCH_X86_64\", …]`, or `archMap`"),
    );
    Ok(())
}
