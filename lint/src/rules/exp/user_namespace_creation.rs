//! # user-namespace-creation
//!
//! ## What
//! A process can make a user namespace: by `unshare`, `clone` or `clone3`.
//!
//! ## Why
//! In a user namespace of its own a process holds every capability, and with them it reaches what the kernel keeps from
//! users elsewhere: `nf_tables`, traffic control, xfrm, mounts. Most of the vulnerabilities of `callgate lint --exposure`
//! start so. The flags of `clone3` lie behind a pointer, where no filter sees them: the call is refused whole or not at
//! all. A process that holds `CAP_SYS_ADMIN` already has the worst of it; then the finding is a warning.
//!
//! ## Example
//! ```gate at="unshare"
//! deny: all
//! allow: unshare
//! ```
//! ```docker at="clone"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```gate at="clone3"
//! deny: all
//! allow: clone(flags lacks CLONE_NEWUSER), clone3
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: clone(flags lacks CLONE_NEWUSER), unshare(flags lacks CLONE_NEWUSER)
//! errno(ENOSYS): clone3
//! ```
//!
//! ## Fix
//! `allow: clone(flags lacks CLONE_NEWUSER)`, nothing of `unshare`, and `errno(ENOSYS): clone3`, at which libc falls back
//! to `clone`.
//!
//! ## Sources
//! - `user_namespaces(7)`, clone(2)
//! - cri-o#5788; google/security-research, pocs/linux/kernelctf: "requirements" of the entries

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach_at_most;
use crate::capability::USER_NAMESPACE;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP010", "user-namespace-creation", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let most = if meaning.capabilities.contains("SYS_ADMIN") { Severity::Warning } else { Severity::Error };
    let gives = "in a user namespace of its own a process holds every capability";
    reach_at_most(document, findings, most, USER_NAMESPACE, gives)
}
