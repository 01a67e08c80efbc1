//! Calls as files name them: by name or by number.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Span, did_you_mean};

use super::guard::Guard;
use super::rules::{Rule, When};

/// Findings after which a text isn't read on; then there is an error as well.
pub(super) const MAX_ERRORS: usize = 1_000;

/// Looking for the name that was meant takes a walk over all of them, so a file full of unknown ones gets no more than these.
const SUGGESTIONS: usize = 50;

/// Whether an ABI has a call of this name.
pub(super) fn is_known(name: &str) -> bool {
    tables::names().binary_search(&name).is_ok()
}

/// The error on a name that no ABI has, for the `earlier`+1st finding of a text.
pub(super) fn unknown(name: &str, span: Span, earlier: usize) -> Diagnostic {
    let error = Diagnostic::error("unknown-syscall", format!("no system call is called `{name}`")).at(span, "");
    let near = if earlier < SUGGESTIONS { did_you_mean(name, tables::names().iter().copied()) } else { None };
    match near {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("take it out"),
    }
}

/// Rules for a number: for each of these ABIs under the call's name there, or else under the number.
pub(super) fn numbered(number: u32, abis: &BTreeSet<Abi>, verb: &str, span: Span) -> Vec<Rule> {
    let of = |&abi: &Abi| {
        // A number of another ABI of the same token can't be one of this ABI's calls.
        (Abi::of_call(abi.token(), number) == Some(abi)).then(|| Rule {
            call: tables::name(abi, number).map_or_else(|| number.to_string(), str::to_owned),
            guard: Guard::on(&BTreeSet::from([abi])),
            when: When::Always,
            verb: verb.to_owned(),
            span,
        })
    };
    abis.iter().filter_map(of).collect()
}

/// C's numbers (`strtoull` with base 0), without a sign.
pub(super) fn c_number(text: &str) -> Option<u64> {
    let digits = |digits: &str, base| {
        let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
        all.then(|| u64::from_str_radix(digits, base).ok()).flatten()
    };
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hexadecimal) => digits(hexadecimal, 16),
        None => match text.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => digits(octal, 8),
            _ => digits(text, 10),
        },
    }
}
