//! # cross-process-memory
//!
//! ## What
//! A call that reads, writes or takes from another process is within reach: `process_vm_readv`, `process_vm_writev`,
//! `pidfd_getfd`, `process_madvise` or `kcmp`.
//!
//! ## Why
//! With `CAP_SYS_PTRACE` they reach every process in sight; without it those of the same user, as `ptrace` does
//! (kernel/ptrace.c, `__ptrace_may_access`, Linux 6.12), and then the finding is a note. In a container that shares its
//! host's processes, or that runs several services as one user, that is a way from one to the other.
//!
//! ## Example
//! ```gate cap=SYS_PTRACE at="process_vm_writev"
//! deny: all
//! allow: process_vm_writev
//! ```
//! ```docker at="pidfd_getfd"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["pidfd_getfd"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! when cap SYS_PTRACE { allow: process_vm_readv, process_vm_writev, kcmp }
//! ```
//!
//! ## Fix
//! `when cap SYS_PTRACE { allow: … }`. Debuggers and profilers need them; services don't.
//!
//! ## Sources
//! - `process_vm_readv(2)`, `pidfd_getfd(2)`, kcmp(2), `process_madvise(2)`
//! - moby, profiles/seccomp/default.json, the rule for `CAP_SYS_PTRACE`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP012", "cross-process-memory", Severity::Warning, check);

const CALLS: [&str; 5] = ["process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise", "kcmp"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "it reaches into other processes")
}
