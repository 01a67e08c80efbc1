//! # unknown-enum-value
//!
//! ## What
//! An action, operator, architecture, flag, capability or errno whose name doesn't exist.
//!
//! ## Why
//! Runtimes refuse words they don't know, so the container doesn't start. A capability that doesn't exist is never held: a rule
//! that includes it never counts, and one that excludes it always does.
//!
//! ## Example
//! ```docker at="SCMP_ACT_ERNO"
//! {"defaultAction": "SCMP_ACT_ERNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker at="CAP_SYSADMIN"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_ALLOW",
//!   "includes": {"caps": ["CAP_SYSADMIN"]}}]}
//! ```
//! ```gate at="x86_46"
//! arch: x86_46
//! deny: all
//! allow: read
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_KILL_PROCESS", "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG"}]}
//! ```
//!
//! ## Fix
//! Write the name that was meant; the finding says which is near.
//!
//! ## Sources
//! - runtime-spec, config-linux.md, "Seccomp": the names of actions, operators, architectures and flags
//! - capabilities(7), errno(3)
//! - runc, `libcontainer/seccomp/config.go`; crun, `src/libcrun/seccomp.c`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT006", "unknown-enum-value", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(
        document,
        findings,
        &["unknown-action", "unknown-operator", "unknown-abi", "unknown-flag", "unknown-capability", "unknown-errno"],
    );
    Ok(())
}
