//! # kernel-rejects-program
//!
//! ## What
//! A filter that the kernel would refuse to load.
//!
//! ## Why
//! seccomp(2) answers EINVAL to a program with an opcode that seccomp doesn't have, a load outside `seccomp_data` or not aligned
//! to four bytes, a jump past the end, a scratch word that isn't written on every path, or no return at the end. What loads it
//! then runs without a filter, or not at all.
//!
//! ## Example
//! ```asm at="ld [2]"
//! ld [2]
//! ret #0x7fff0000
//! ```
//! ```asm at="ld [0]"
//! ret #0
//! ld [0]
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, bad
//! ret #0x7fff0000
//! bad: ret #0x80000000
//! ```
//!
//! ## Fix
//! `callgate compile --to bpf` writes filters that the kernel takes.
//!
//! ## Sources
//! - kernel/seccomp.c, `seccomp_check_filter`, and net/core/filter.c, `bpf_check_classic`, Linux 6.18

use callgate_compiler::bpf::{Refusal, admit};
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF001", "kernel-rejects-program", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Err(refusal)) = document.filter().map(|filter| admit(&filter.program)) else { return Ok(()) };
    let last = document.filter().map_or(0, |filter| filter.program.instructions.len().saturating_sub(1));
    let place = match refusal {
        Refusal::Length(_) => document.start(),
        Refusal::End => document.instruction(last),
        Refusal::Opcode { position, .. }
        | Refusal::Load { position, .. }
        | Refusal::Jump(position)
        | Refusal::Division(position)
        | Refusal::Shift(position)
        | Refusal::Scratch(position)
        | Refusal::Unwritten(position) => document.instruction(position),
    };
    findings.push(
        findings
            .new_at(place, format!("the kernel refuses the filter: {refusal}"))
            .because("instructions are counted from 0")
            .help("compile the policy again, with `callgate compile --to bpf`"),
    );
    Ok(())
}
