//! # process-access-gap
//!
//! ## What
//! `ptrace` is refused, and a call that reads or changes other processes isn't.
//!
//! ## Why
//! `process_vm_writev` writes into another process's memory and `pidfd_getfd` takes its descriptors, under the same
//! check as `ptrace` (`PTRACE_MODE_ATTACH`): a process of the same user passes it without any capability, where Yama
//! doesn't forbid it.
//!
//! ## Example
//! ```gate arch=x86_64 at="ptrace"
//! allow: all
//! deny: ptrace
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! allow: all
//! deny: ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, process_madvise, kcmp
//! ```
//!
//! ## Fix
//! Refuse them together, as Docker's default does without `CAP_SYS_PTRACE` on kernels before 4.8.
//!
//! ## Sources
//! - `process_vm_readv(2)`, `pidfd_getfd(2)`, ptrace(2), "Ptrace access mode checking"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::report;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB007", "process-access-gap", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let Some(refused) = meaning.refusal(abi, "ptrace")? else { continue };
        for call in ["process_vm_writev", "process_vm_readv", "pidfd_getfd"] {
            let Some(open) = meaning.reached(abi, call)? else { continue };
            let by_default = meaning.is_default(abi, refused.decision);
            let place = if by_default { open.place() } else { refused.place() };
            gathered
                .add(document, place, call, abi)
                .beside(open.place().filter(|at| Some(*at) != place), call)
                .shown_by(open.witness);
        }
    }
    report(document, findings, gathered, "the refusal of `ptrace`", "refuse them together");
    Ok(())
}
