//! # eperm-default-hides-new-syscalls
//!
//! ## What
//! A container's profile answers unknown numbers with an errno that isn't ENOSYS.
//!
//! ## Why
//! A library that is newer than the profile can't tell "the kernel has no such call" from "you may not". runc puts a
//! stub before the filter that answers ENOSYS above the highest number of the profile; crun and youki don't, and the
//! gaps below stay. Podman's default answers ENOSYS by itself.
//!
//! ## Example
//! ```docker at="SCMP_ACT_ERRNO"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! `"defaultErrnoRet": 38` and EPERM for the calls that are known and refused; in the language `known:`.
//!
//! ## Sources
//! - runc, `libcontainer/seccomp/patchbpf/enosys_linux.go`; containers/common 526b9a3

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ERR003", "eperm-default-hides-new-syscalls", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let (Some(meaning), Some(_)) = (&document.meaning, document.profile()) else { return Ok(()) };
    let hides = meaning.policy.abis.iter().find(|(abi, listed)| {
        let Action::Errno(errno) = listed.rest.action else { return false };
        tables::errno(**abi, "ENOSYS") != Some(errno)
    });
    let Some((_, listed)) = hides else { return Ok(()) };
    findings.push(
        findings
            .new_at(
                place(&listed.rest).unwrap_or_else(|| document.start()),
                "calls newer than the profile fail as if they were refused",
            )
            .here("unknown numbers meet this too")
            .help("`\"defaultErrnoRet\": 38`, and EPERM for the calls that are known and refused"),
    );
    Ok(())
}
