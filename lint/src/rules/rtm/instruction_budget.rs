//! # instruction-budget
//!
//! ## What
//! A policy whose filter is longer than the kernel takes: 4,096 instructions, or after conversion more than callgate leaves room
//! for.
//!
//! ## Why
//! The kernel answers EINVAL to a longer program, and ENOMEM when all filters of a process together, each counted with four
//! instructions more, are longer than 32,768 (kernel/seccomp.c, Linux 6.12). The policy is compiled here and counted; libseccomp
//! makes filters several times as long of the same rules, so what fails here fails there.
//!
//! ## Example
//! ```gate numbers=4000
//! deny: all
//! allow: ioctl(cmd in {NUMBERS})
//! ```
//!
//! ## Near miss
//! ```gate numbers=40
//! deny: all
//! allow: ioctl(cmd in {NUMBERS})
//! ```
//!
//! ## Fix
//! Write ranges and masks for long lists of values, list fewer ABIs, or split the program into processes with a policy each.
//!
//! ## Sources
//! - seccomp(2), ERRORS; `include/uapi/linux/bpf_common.h`, `BPF_MAXINSNS`; kernel/seccomp.c, `MAX_INSNS_PER_PATH`

use callgate_compiler::bpf::MAX_INSTRUCTIONS;
use callgate_compiler::generate::{GenerateError, generate};
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM013", "instruction-budget", Severity::Error, check);

/// A filter has been compiled already, and the kernel's own rules are asked about it by `kernel-rejects-program`.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = document.meaning.as_ref().filter(|_| document.filter().is_none()) else { return Ok(()) };
    match generate(&meaning.policy) {
        Ok(_) => {}
        Err(GenerateError::TooLong { instructions }) => findings.push(
            findings
                .new_at(document.start(), format!("the filter takes at least {instructions} instructions"))
                .because(format!("the kernel takes {MAX_INSTRUCTIONS}"))
                .help("write ranges and masks for long lists of values, or list fewer ABIs"),
        ),
    }
    Ok(())
}
