//! # userfaultfd
//!
//! ## What
//! `userfaultfd` is within reach.
//!
//! ## Why
//! A process that handles its own page faults can hold the kernel in the middle of a copy for as long as it likes, which
//! makes a race that could hardly be won one that can't be lost (CVE-2020-27786, for one). Since Linux 5.11 faults of the
//! kernel ask for `CAP_SYS_PTRACE` by default (fs/userfaultfd.c); `vm.unprivileged_userfaultfd` changes that.
//!
//! ## Example
//! ```gate at="userfaultfd"
//! deny: all
//! allow: read, userfaultfd
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read
//! errno(ENOSYS): userfaultfd
//! ```
//!
//! ## Fix
//! Leave it out. Programs that move memory between machines (QEMU, CRIU) need it; few others do.
//!
//! ## Sources
//! - userfaultfd(2); Documentation/admin-guide/sysctl/vm.rst, `unprivileged_userfaultfd` (Linux 6.12)
//! - Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP005", "userfaultfd", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["userfaultfd"], "it holds the kernel in the middle of a race")
}
