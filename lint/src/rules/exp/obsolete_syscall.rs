//! # obsolete-syscall
//!
//! ## What
//! A call is allowed that no program of today makes: `uselib`, `sysfs`, `ustat`, `nfsservctl`, `_sysctl` and their like.
//!
//! ## Why
//! Those that the kernel still has are code that nobody looks at; those that it dropped answer `ENOSYS` anyway, and only
//! lengthen the filter. Either way the name says that the list was copied, not made.
//!
//! ## Example
//! ```gate at="uselib"
//! deny: all
//! allow: read, uselib
//! ```
//! ```docker at="ustat"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "ustat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read, statfs
//! ```
//!
//! ## Fix
//! Leave them out.
//!
//! ## Sources
//! - unimplemented(2); uselib(2), sysfs(2), ustat(2)
//! - Docker documentation, "Seccomp security profiles for Docker"; moby d2719f1

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP020", "obsolete-syscall", Severity::Note, check);

const CALLS: &[&str] = &[
    "uselib",
    "sysfs",
    "ustat",
    "nfsservctl",
    "_sysctl",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "bdflush",
    "afs_syscall",
    "break",
    "ftime",
    "getpmsg",
    "gtty",
    "lock",
    "mpx",
    "prof",
    "profil",
    "putpmsg",
    "security",
    "stty",
    "tuxcall",
    "ulimit",
    "vserver",
    "idle",
    "epoll_ctl_old",
    "epoll_wait_old",
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS.iter().copied(), "no program of today calls it")
}
