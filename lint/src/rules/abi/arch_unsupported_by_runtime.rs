//! # arch-unsupported-by-runtime
//!
//! ## What
//! The profile lists an architecture that runtime-spec has and runc doesn't know.
//!
//! ## Why
//! runtime-spec lists PA-RISC, 68000 and `SuperH` since libseccomp 2.6 knows them; runc has no names for them and
//! refuses the whole profile. In `archMap` only the machine's own entry is looked at, so there it hurts nobody else.
//!
//! ## Example
//! ```oci at="SCMP_ARCH_M68K"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_M68K"], "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```oci
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"], "syscalls": []}
//! ```
//!
//! ## Fix
//! Take it out.
//!
//! ## Sources
//! - runc, libcontainer/seccomp/config.go, `archs`; runtime-spec, config-linux.md

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ABI008", "arch-unsupported-by-runtime", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    // The tables hold exactly the architectures that runc knows.
    for architecture in &profile.architectures {
        let Err(name) = architecture.value else { continue };
        findings.push(
            findings
                .new_at(
                    architecture.span,
                    format!("runc knows no architecture SCMP_ARCH_{name}, and refuses the profile"),
                )
                .here("no container starts")
                .help("take it out"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use callgate_compiler::abi::Abi;

    #[test]
    fn the_tables_hold_the_eighteen_that_runc_knows() {
        assert_eq!(Abi::ALL.len(), 18);
    }
}
