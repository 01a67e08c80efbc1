//! # kernel-module-loading
//!
//! ## What
//! `init_module`, `finit_module` or `delete_module` is within reach.
//!
//! ## Why
//! A module is code that the kernel runs: whoever loads one owns the machine. The calls ask for `CAP_SYS_MODULE`
//! (kernel/module/main.c, Linux 6.12). Where the process lacks it, the finding is a note: the kernel refuses the call, and
//! the profile is the second lock.
//!
//! ## Example
//! ```docker cap=SYS_MODULE at="init_module"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```gate at="finit_module"
//! deny: all
//! allow: read, finit_module
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW",
//!   "includes": {"caps": ["CAP_SYS_MODULE"]}}]}
//! ```
//!
//! ## Fix
//! Leave the calls out, or allow them for processes with the capability alone: `when cap SYS_MODULE { allow: init_module
//! }`.
//!
//! ## Sources
//! - `init_module(2)`
//! - Docker documentation, "Seccomp security profiles for Docker", significant syscalls blocked by the default profile

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP001", "kernel-module-loading", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["init_module", "finit_module", "delete_module"], "it loads code into the kernel")
}
