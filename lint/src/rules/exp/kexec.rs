//! # kexec
//!
//! ## What
//! `kexec_load` or `kexec_file_load` is within reach.
//!
//! ## Why
//! The calls put a kernel in the place of the running one at the next reboot. They ask for `CAP_SYS_BOOT` (kernel/kexec.c
//! and `kernel/kexec_file.c`, Linux 6.12); without it the finding is a note.
//!
//! ## Example
//! ```gate cap=SYS_BOOT at="kexec_load"
//! deny: all
//! allow: kexec_load
//! ```
//! ```docker at="kexec_file_load"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["kexec_file_load"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate cap=SYS_BOOT
//! deny: all
//! allow: reboot
//! ```
//!
//! ## Fix
//! Leave the calls out. A container that reboots itself needs `reboot` alone.
//!
//! ## Sources
//! - `kexec_load(2)`
//! - Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP002", "kexec", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["kexec_load", "kexec_file_load"], "it puts another kernel in the place of this one")
}
