//! # arch-unchecked
//!
//! ## What
//! A filter that decides by the system call's number and never by the architecture.
//!
//! ## Why
//! A number is another call on each ABI: 59 is execve on x86-64 and oldolduname on x86. On a machine that runs both, a process
//! calls through the other one (`int 0x80`) and passes the filter with the numbers of harmless calls.
//!
//! The prover decides it: the filter does the same when the architecture is known beforehand.
//!
//! ## Example
//! ```asm at="ld [0]"
//! ld [0]
//! jeq #59, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! ```
//! ```asm
//! ld [4]
//! ld [0]
//! jeq #59, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, kill
//! jeq #59, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Fix
//! Compare the word at offset 4 with `AUDIT_ARCH_…` first, and kill what is no listed one.
//!
//! ## Sources
//! - seccomp(2): numbers vary between architectures, so it is generally necessary to verify the value of the `arch` field
//! - seccomp-tools, `audit`, arch-unchecked

use callgate_compiler::bpf::{Instruction, offset};
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::program::{admitted, equal, knowing, path};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF002", "arch-unchecked", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(filter) = admitted(document) else { return Ok(()) };
    let (program, endian) = (&filter.program, filter.endian);
    if equal(program, &knowing(program, offset::ARCH, 0), endian)?.is_some() {
        return Ok(());
    }
    let Some(call) = equal(program, &knowing(program, offset::NUMBER, 0), endian)? else { return Ok(()) };
    let by_number = path(filter, &call).into_iter().find(|&at| {
        program.instructions.get(at).is_some_and(|&instruction| instruction == Instruction::load(offset::NUMBER))
    });
    findings.push(
        findings
            .new_at(
                by_number.map_or_else(|| document.start(), |at| document.instruction(at)),
                "the architecture is never checked",
            )
            .here("the number is looked at, which means another call on each ABI")
            .help("compare the word at offset 4 with AUDIT_ARCH_… first, and kill everything else"),
    );
    Ok(())
}
