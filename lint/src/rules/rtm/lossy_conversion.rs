//! # lossy-conversion
//!
//! ## What
//! Something in a `SeccompProfile` that the operator can't hand on to a runtime: an `errnoRet` of 0, or the architecture
//! `SCMP_ARCH_LOONGARCH64`.
//!
//! ## Why
//! The operator keeps `errnoRet` as a plain number and leaves a zero out of the file it writes, so a call that should do nothing
//! and succeed answers EPERM. `LoongArch` isn't among the architectures of its API.
//!
//! What other formats can't hold is said, and refused, where it is written: `callgate compile --to`.
//!
//! ## Example
//! ```spo at="SCMP_ACT_ERRNO"
//! apiVersion: security-profiles-operator.x-k8s.io/v1
//! kind: SeccompProfile
//! metadata:
//!   name: web
//! spec:
//!   defaultAction: SCMP_ACT_LOG
//!   syscalls:
//!   - names: [sync]
//!     action: SCMP_ACT_ERRNO
//!     errnoRet: 0
//! ```
//!
//! ## Near miss
//! ```spo
//! apiVersion: security-profiles-operator.x-k8s.io/v1
//! kind: SeccompProfile
//! metadata:
//!   name: web
//! spec:
//!   defaultAction: SCMP_ACT_LOG
//!   syscalls:
//!   - names: [sync]
//!     action: SCMP_ACT_ERRNO
//!     errnoRet: 38
//! ```
//!
//! ## Fix
//! Use another errno, or an OCI profile as a `Localhost` file.
//!
//! ## Sources
//! - security-profiles-operator, `api/seccompprofile`, `Syscall.ErrnoRet` (`omitempty`) and `Arch`
//! - runtime-spec, config-linux.md: without `errnoRet` the answer is EPERM

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::Format;
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM006", "lossy-conversion", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Form::Profile(Format::Spo, profile)) = &document.form else { return Ok(()) };
    for action in profile.entries.iter().map(|entry| &entry.action) {
        let zero = action.errno.number.filter(|number| number.value == 0 && action.name.value == ActionName::Errno);
        let Some(zero) = zero else { continue };
        findings.push(
            findings
                .new_at(action.name.span, "the operator hands no `errnoRet` of 0 on: the call answers EPERM")
                .and_at(zero.span, "left out of the file that the runtime reads")
                .help("use another errno, or an OCI profile"),
        );
    }
    for architecture in profile.all_architectures().filter(|at| at.value == Ok(Abi::Loongarch64)) {
        findings.push(
            findings.new_at(architecture.span, "the operator's API has no LoongArch").help("use an OCI profile there"),
        );
    }
    Ok(())
}
