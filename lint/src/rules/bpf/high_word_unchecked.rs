//! # high-word-unchecked
//!
//! ## What
//! A filter that lets a call through because of the low half of a 64-bit argument alone, or that stops one because of the high
//! half of an argument of which the kernel reads 32 bits.
//!
//! ## Why
//! An argument of `seccomp_data` is two words. Where a 64-bit value is compared by its low word alone, `0x1_0000_0001` passes
//! for one. The other way round, a filter that refuses a 32-bit command by comparing all 64 bits is passed by setting a bit that
//! the kernel never looks at: `ioctl(fd, 0x1_0000_5412)` is TIOCSTI.
//!
//! Flags of which single bits are tested aren't found: there the other bits are left open on purpose.
//!
//! ## Example
//! ```asm at="ld [40]"
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, kill
//! jne #9, kill
//! ; mmap's flags
//! ld [40]
//! jne #0x22, kill
//! ret #0x7fff0000
//! kill: ret #0x80000000
//! ```
//! ```asm at="ld [28]"
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, kill
//! jne #16, allow
//! ; ioctl's command
//! ld [28]
//! jne #0, allow
//! ld [24]
//! jeq #0x5412, kill
//! allow: ret #0x7fff0000
//! kill: ret #0x80000000
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, kill
//! jne #16, kill
//! ; ioctl's command, an unsigned int
//! ld [24]
//! jne #0x5401, kill
//! ret #0x7fff0000
//! kill: ret #0x80000000
//! ```
//!
//! ## Fix
//! Compare both words of a 64-bit argument, and the low word alone of a 32-bit one. `callgate compile` does it by the call's
//! prototype.
//!
//! ## Sources
//! - seccomp(2): arguments are 64-bit, on every ABI
//! - shadow/shadow#3034 and seccomp/libseccomp#383: a filter that compared one half, and one that compared too much

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, offset};
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::{Condition, Width};
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::{CallPolicy, Clause};
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_profiles::import::bpf::RawFilter;
use std::collections::BTreeSet;

use super::program::{admitted, path};
use crate::document::Document;
use crate::finding::Findings;
use crate::finding::Witness;
use crate::meaning::Meaning;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF004", "high-word-unchecked", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let (Some(filter), Some(meaning)) = (admitted(document), &document.meaning) else { return Ok(()) };
    // The instructions that were told of already: a comparison is shared by calls and ABIs.
    let mut told = BTreeSet::new();
    let wide = meaning.policy.abis.iter().filter(|(abi, _)| abi.high_half() == HighHalf::Argument);
    for (&abi, listed) in wide {
        for (&nr, call) in &listed.calls {
            let Some(name) = tables::name(abi, nr) else { continue };
            let parameters = tables::prototype(abi, name).unwrap_or_default();
            for (argument, parameter) in (0_u8..6).zip(parameters) {
                let found = match parameter.width {
                    Width::W64 => low_half_is_enough(meaning, abi, nr, call, argument)?,
                    Width::W32 => high_half_saves(meaning, abi, nr, call, argument)?,
                };
                let Some(args) = found else { continue };
                let data = SyscallData::new(abi.token(), nr, args);
                let Some(at) = last_look(filter, &data, argument).filter(|at| told.insert(*at)) else { continue };
                let parameter_name = parameter.name;
                let (message, label) = match parameter.width {
                    Width::W64 => (
                        format!("the high half of `{parameter_name}` of `{name}` may be anything"),
                        "the low half decides, and the kernel reads both",
                    ),
                    Width::W32 => (
                        format!("a bit that the kernel doesn't read lets `{name}` through"),
                        "all 64 bits decide, and the kernel reads the low 32",
                    ),
                };
                let action = call.decide(&args).action;
                findings.push(
                    findings
                        .new_at(document.instruction(at), message)
                        .here(label)
                        .shown_by(Witness { abi, nr, args, action })
                        .help("compare as wide as the call's prototype"),
                );
            }
        }
    }
    Ok(())
}

/// Words with a high half that is not zero, and that the filter runs for what their low half is.
fn low_half_is_enough(
    meaning: &Meaning,
    abi: Abi,
    nr: u32,
    call: &CallPolicy,
    argument: u8,
) -> Result<Option<[u64; 6]>, Undecided> {
    let looked_at = call.clauses.iter().fold(0, |mask, clause| mask | mask_of(&clause.condition, argument));
    let runs = |action: Action| matches!(action, Action::Allow | Action::Log);
    let decides = call
        .clauses
        .iter()
        .any(|clause| runs(clause.decision.action) && mask_of(&clause.condition, argument) == u64::from(u32::MAX));
    if looked_at != u64::from(u32::MAX) || !decides || runs(call.otherwise.action) {
        return Ok(None);
    }
    let answers = meaning.answers_when(abi, nr, &Condition::Always)?;
    Ok(answers.into_iter().find(|answer| runs(answer.decision.action)).map(|answer| {
        let mut args = answer.witness.args;
        args[usize::from(argument)] |= 1 << 32;
        args
    }))
}

/// Words that the filter runs, though it stops those whose low halves are the same.
fn high_half_saves(
    meaning: &Meaning,
    abi: Abi,
    nr: u32,
    call: &CallPolicy,
    argument: u8,
) -> Result<Option<[u64; 6]>, Undecided> {
    let runs = |action: Action| matches!(action, Action::Allow | Action::Log);
    let looks = |clause: &&Clause| mask_of(&clause.condition, argument) >> 32 != 0 && !runs(clause.decision.action);
    for clause in call.clauses.iter().filter(looks) {
        for answer in meaning.answers_when(abi, nr, &clause.condition)? {
            let mut args = answer.witness.args;
            args[usize::from(argument)] ^= 1 << 32;
            if !runs(answer.decision.action) && runs(call.decide(&args).action) {
                return Ok(Some(args));
            }
        }
    }
    Ok(None)
}

/// The bits of an argument that a condition looks at.
fn mask_of(condition: &Condition, argument: u8) -> u64 {
    match condition {
        Condition::Always => 0,
        Condition::Atom(atom) if atom.arg == argument => atom.mask & atom.width.max(),
        Condition::Atom(_) => 0,
        Condition::Not(inner) => mask_of(inner, argument),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().fold(0, |mask, part| mask | mask_of(part, argument))
        }
    }
}

/// The last load of one of an argument's halves on a call's way.
fn last_look(filter: &RawFilter, data: &SyscallData, argument: u8) -> Option<usize> {
    let first = offset::ARGUMENTS + 8 * u32::from(argument);
    let loads = |at: &usize| {
        let instruction = filter.program.instructions.get(*at).copied();
        instruction.is_some_and(|one| [Instruction::load(first), Instruction::load(first + 4)].contains(&one))
    };
    path(filter, data).into_iter().rev().find(loads)
}
