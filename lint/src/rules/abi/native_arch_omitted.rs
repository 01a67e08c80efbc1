//! # native-arch-omitted
//!
//! ## What
//! The profile lists an architecture and not that of the machine it runs on.
//!
//! ## Why
//! libseccomp's filter always speaks for the machine's own ABI; listing others adds to it. Leaving the own one out
//! doesn't exclude it: the rules hold there as well. runc also sets no ENOSYS stub for an ABI that isn't listed, so
//! numbers newer than the profile meet the default.
//!
//! ## Example
//! ```docker at="SCMP_ARCH_X86"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"], "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! List the machine's own ABI.
//!
//! ## Sources
//! - libseccomp, src/api.c, `seccomp_init`; runc, `libcontainer/seccomp/patchbpf/enosys_linux.go`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ABI009", "native-arch-omitted", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    let has = |wanted| profile.architectures.iter().any(|architecture| architecture.value == Ok(wanted));
    let alone = profile.architectures.iter().find_map(|architecture| {
        let abi = architecture.value.ok()?;
        (!has(abi.native())).then_some((abi, architecture.span))
    });
    let Some((abi, place)) = alone else { return Ok(()) };
    findings.push(
        findings
            .new_at(place, format!("{abi} is listed without {}, which isn't excluded by that", abi.native()))
            .here(format!("on such a machine the rules hold for {} too", abi.native()))
            .help(format!("list {} as well", abi.native().oci_name())),
    );
    Ok(())
}
