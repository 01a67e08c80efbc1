//! # dead-instruction
//!
//! ## What
//! Instructions that no call comes to.
//!
//! ## Why
//! They do nothing, so they are mostly a sign that the source says something else than it was meant to: a rule behind one that
//! takes all of its calls, a comparison that was decided before. The prover decides it, for every call there is, so a comparison
//! that can't come out true counts too. A return at the very end doesn't: the kernel asks for one there, and libseccomp writes
//! it whether or not a call comes to it.
//!
//! ## Example
//! ```asm at="ret #0x50001"
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #100, kill
//! jeq #200, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #100, kill
//! jeq #20, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Fix
//! Look at the rules the instructions were made of; `callgate explain FILE` shows what the filter does.
//!
//! ## Sources
//! - gVisor, `pkg/seccomp` and `test/secfuzz`: an optimised filter must be covered whole

use callgate_compiler::bpf::{Instruction, Program};
use callgate_compiler::call::SyscallData;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::bpf::RawFilter;
use std::collections::BTreeSet;

use super::program::{admitted, equal, listed, path};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF005", "dead-instruction", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(filter) = admitted(document) else { return Ok(()) };
    let mut dead = unreached(filter)?;
    let last = filter.program.instructions.len().saturating_sub(1);
    if dead.ends_with(&[last]) && !dead.ends_with(&[last.saturating_sub(1), last]) {
        dead.pop();
    }
    for run in dead.chunk_by(|one, next| one + 1 == *next) {
        let [first, ..] = run else { continue };
        let last = run.last().unwrap_or(first);
        let count = run.len();
        let what = if count == 1 {
            "no call comes to this instruction".to_owned()
        } else {
            format!("no call comes to these {count} instructions")
        };
        findings.push(
            findings
                .new_at(document.instruction(*first).to(document.instruction(*last)), what)
                .help("`callgate explain` shows what the filter does; look at the rules these were made of"),
        );
    }
    Ok(())
}

/// The instructions that no call comes to, ascending.
fn unreached(filter: &RawFilter) -> Result<Vec<usize>, Undecided> {
    let program = &filter.program;
    let mut dead: BTreeSet<usize> = (0..program.instructions.len()).collect();
    for call in samples(filter) {
        for at in path(filter, &call) {
            dead.remove(&at);
        }
    }
    // With another end at each of the others the program does the same, or some call comes to one of them.
    while !dead.is_empty() {
        let marked = |(at, instruction): (usize, &Instruction)| {
            if dead.contains(&at) { Instruction::ret(mark(program)) } else { *instruction }
        };
        let changed = Program::new(program.instructions.iter().enumerate().map(marked).collect());
        let Some(call) = equal(program, &changed, filter.endian)? else { break };
        let before = dead.len();
        for at in path(filter, &call) {
            dead.remove(&at);
        }
        if dead.len() == before {
            return Err(Undecided);
        }
    }
    Ok(dead.into_iter().collect())
}

/// A return value that the program doesn't have.
fn mark(program: &Program) -> u32 {
    const TRACE: u32 = 0x7ff0_0000;
    let taken = |value: &u32| program.instructions.iter().any(|instruction| instruction.k == *value);
    (TRACE..TRACE + 0x1_0000).find(|value| !taken(value)).unwrap_or(TRACE)
}

/// Calls that come to most of the instructions: the tokens and numbers that are compared, and their neighbours.
fn samples(filter: &RawFilter) -> impl Iterator<Item = SyscallData> {
    let constants: BTreeSet<u32> = filter
        .program
        .instructions
        .iter()
        .filter(|instruction| instruction.condition().is_some())
        .flat_map(|instruction| [instruction.k.wrapping_sub(1), instruction.k, instruction.k.wrapping_add(1)])
        .collect();
    let tokens: BTreeSet<u32> = listed(filter).iter().map(|abi| abi.token()).chain([0]).collect();
    let of_token = move |token: u32| {
        let numbers: Vec<u32> = constants.iter().copied().collect();
        let both = numbers.into_iter().flat_map(|nr| [[0; 6], [u64::MAX; 6]].map(|args| (nr, args)));
        both.map(move |(nr, args)| SyscallData::new(token, nr, args))
    };
    tokens.into_iter().flat_map(of_token)
}
