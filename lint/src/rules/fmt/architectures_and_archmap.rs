//! # architectures-and-archmap
//!
//! ## What
//! `architectures` and `archMap` in one profile.
//!
//! ## Why
//! Docker and Podman refuse such a file. Runtimes that read it themselves pass over `archMap`.
//!
//! ## Example
//! ```docker at="SCMP_ARCH_X86"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
//!   "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}], "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": [],
//!   "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}], "syscalls": []}
//! ```
//!
//! ## Fix
//! Keep `archMap` in a file for Docker or Podman, `architectures` in one for runtimes.
//!
//! ## Sources
//! - moby/profiles, `seccomp/seccomp_linux.go`: "both 'architectures' and 'archMap' are specified in the seccomp profile"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT008", "architectures-and-archmap", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["two-lists"]);
    Ok(())
}
