//! Filters as the kernel takes them, into the policy language.
//!
//! A program has no names and no order of rules; what it does is read off it ([`decompile_for`]) and written as a person would
//! ([`gate`]). The text is proven to mean what the program does, but for numbers and tokens no kernel has, which are listed.

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, admit, assemble, from_bytes, op};
use callgate_compiler::decompile::{Beyond, Decompiled, decompile_for};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{self, Budget, Difference, Filter, Relation, WordOrder};
use callgate_grammar::{Diagnostic, SourceId, Span};

use super::{Document, Imported};
use crate::export::gate::gate;

/// Ranges on which a policy and its program may differ, and no more are looked at.
const MOST_DIFFERENCES: usize = 10_000;

/// A program and the byte order of the machine it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFilter {
    /// The instructions.
    pub program: Program,
    /// How they stood in the bytes, and the words of `seccomp_data` at their offsets.
    pub endian: Endian,
}

/// The filter in a `struct sock_filter` array, when the bytes are one: whole instructions that the kernel would admit, in this
/// byte order, else in the other. No text is one: its characters are no opcodes.
#[must_use]
pub fn from_raw(bytes: &[u8], native: Endian) -> Option<RawFilter> {
    let other = if native == Endian::Little { Endian::Big } else { Endian::Little };
    [native, other].into_iter().find_map(|endian| {
        let program = from_bytes(bytes, endian).ok().filter(|program| admit(program).is_ok())?;
        Some(RawFilter { program, endian })
    })
}

/// A program as a policy in the language. One that never looks at the token is read for `abis`, or with none given for all of
/// its byte order. `source` is what findings point to the start of.
#[must_use]
pub fn from_program(program: &Program, endian: Endian, abis: &[Abi], source: SourceId) -> Imported {
    let start = Span { source, start: 0, end: 0 };
    let failed = |error: &dyn std::error::Error| {
        let text = error.to_string();
        let (message, next) = text.split_once("\n  next: ").unwrap_or((&text, ""));
        let diagnostic = Diagnostic::error("no-policy", message).at(start, "").help(next);
        Imported::failed(diagnostic)
    };
    let Decompiled { policy, beyond } = match decompile_for(program, endian, abis) {
        Ok(decompiled) => decompiled,
        Err(error) => return failed(&error),
    };
    let text = match gate(&policy) {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    let diagnostics = match confirmed(&policy, program, &beyond) {
        Err(why) => vec![
            Diagnostic::error(
                "no-policy",
                format!("the filter could not be proven to be the policy read from it: {why}"),
            )
            .at(start, "")
            .help("compare the filter itself, with `callgate diff`"),
        ],
        Ok(()) => beyond.iter().map(|beyond| left_out(beyond).at(start, "")).collect(),
    };
    let text = diagnostics.iter().all(|finding| !finding.is_error()).then_some(text);
    Imported { file: None, text, diagnostics }
}

/// A text of `bpf_asm`'s language as a policy.
pub(super) fn from_text(document: &Document<'_>) -> Imported {
    match assemble(document.text) {
        Ok(program) => from_program(&program, order(&program), &[], document.source),
        Err(error) => {
            let before = document.text.split_inclusive('\n').take(error.line.saturating_sub(1)).map(str::len).sum();
            let line = document.text[before..].lines().next().unwrap_or_default();
            let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            let span = Span { source: document.source, start: at(before), end: at(before + line.trim_end().len()) };
            let diagnostic = Diagnostic::error("not-assembled", error.problem).at(span, "").help(error.next);
            Imported::failed(diagnostic)
        }
    }
}

/// The byte order of the machines a program is for, by the tokens it compares: big when all of them are big-endian ABIs'.
#[must_use]
pub fn order(program: &Program) -> Endian {
    const EQUAL: u16 = op::JMP | op::JEQ | op::K;
    let compared = program.instructions.iter().filter(|instruction| instruction.code == EQUAL);
    let tokens: Vec<Endian> = compared
        .filter_map(|instruction| Abi::ALL.iter().find(|abi| abi.token() == instruction.k))
        .map(|abi| abi.endian())
        .collect();
    // Small numbers are the tokens of small machines and system calls as well, so one little-endian token decides.
    if !tokens.is_empty() && tokens.iter().all(|&endian| endian == Endian::Big) { Endian::Big } else { Endian::Little }
}

/// What a filter does that the policy doesn't say.
fn left_out(beyond: &Beyond) -> Diagnostic {
    match beyond {
        Beyond::Numbers { .. } => {
            Diagnostic::warning("left-out", format!("the policy doesn't say what the filter does with {beyond}"))
                .because("a policy says one thing about all numbers that have no name and that it doesn't list")
        }
        Beyond::Tokens { .. } => {
            Diagnostic::warning("left-out", format!("the policy kills calls with {beyond}, which the filter decides"))
                .because(
                    "the filter doesn't tell them from those of the ABIs listed; a policy speaks for ABIs it knows",
                )
        }
    }
}

/// Whether the policy is the program but for what is beyond it.
fn confirmed(policy: &Policy, program: &Program, beyond: &[Beyond]) -> Result<(), String> {
    let (policy, program) = (Filter::Policy(policy), Filter::Program(program, WordOrder::of(policy)));
    let found = prove::differences(Relation::Equal, policy, program, MOST_DIFFERENCES, Budget::default());
    let found = found.map_err(|undecided| undecided.to_string())?;
    match found.ranges.iter().find(|difference| !beyond.iter().any(|beyond| covers(beyond, difference))) {
        Some(difference) => Err(format!("they differ on {:x?}", difference.witness)),
        None if !found.complete => Err("they differ on too many ranges of numbers".to_owned()),
        None => Ok(()),
    }
}

fn covers(beyond: &Beyond, difference: &Difference) -> bool {
    let inside = |(low, high): (u32, u32), (first, last): (u32, u32)| low <= first && last <= high;
    match beyond {
        Beyond::Numbers { abi, numbers } => {
            inside((abi.token(), abi.token()), difference.tokens) && inside(*numbers, difference.numbers)
        }
        Beyond::Tokens { tokens } => inside(*tokens, difference.tokens),
    }
}
