//! A policy as text of its own language: what a person would have written, as far as the meaning alone tells.
//!
//! Parameters, constants and errors have their names; calls that share a condition share a statement, and ABIs that decide
//! alike share it too. The text is lowered again and proven to mean what the policy means before it is handed out, so a
//! reader can trust it as he trusts the policy.

mod actions;
mod calls;
mod condition;
mod layout;
mod simplify;
mod vocabulary;
mod words;

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::{CallPolicy, Policy};
use callgate_compiler::prove::{self, Budget, Overlap, Verdict};
use callgate_compiler::tables::{self, Parameter};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId, format, parse};
use thiserror::Error;

use super::multiplexed::multiplexers;

/// A value of a call's parameter as a person would write it on an ABI: the name of a constant, of flags the names of its bits.
/// `None` where a value, or one of its bits, has no name, and for zero flags.
#[must_use]
pub fn spelled(abi: Abi, call: &str, parameter: &Parameter, value: u64) -> Option<String> {
    let vocabulary = vocabulary::of(call, parameter.name, parameter.role)?;
    if let Some(name) = vocabulary.name(abi, value) {
        return Some(name.to_owned());
    }
    if !vocabulary.flags || value == 0 {
        return None;
    }
    let bits = (0..64).map(|bit| 1_u64 << bit).filter(|bit| value & bit != 0);
    let names: Option<Vec<_>> = bits.map(|bit| vocabulary.name(abi, bit)).collect();
    names.map(|names| names.join("|"))
}

/// Why a policy has no text. Every message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GateError {
    /// What stands in `listener:` and `listener-metadata:` is on one line, without control characters.
    #[error("the listener's {0:?} can't be written in a policy\n  next: choose one without line breaks")]
    Listener(String),
    /// The text would be past a limit of the language or of the prover: conditions of thousands of comparisons.
    #[error("the policy is too entangled to be written as text: {0}\n  next: use `--to bpf`, or simpler conditions")]
    Entangled(String),
    /// The text means something else than the policy. A defect of callgate's; the text is not handed out.
    #[error("internal error: the text differs from the policy ({0}); it was not written, please report this policy")]
    Wrong(String),
}

/// The policy as canonical text: the same policy gives the same bytes, and [`lower`] of it is proven to decide every call as
/// the policy does. Spans and causes are lost: they point into texts that are no longer there.
///
/// # Errors
/// See [`GateError`]; never a text that means something else.
pub fn gate(policy: &Policy) -> Result<String, GateError> {
    let mut written = [&policy.listener, &policy.listener_metadata].into_iter().flatten();
    if let Some(text) = written.find(|text| text.chars().any(char::is_control)) {
        return Err(GateError::Listener(text.clone()));
    }
    // What a multiplexer does follows from what is said of the calls it carries, mostly as the policy has it.
    let first = write(policy, &BTreeSet::new())?;
    let mut explicit = BTreeSet::new();
    let mut text = first;
    let mut lowered = read(&text)?;
    for &abi in policy.abis.keys() {
        for multiplexer in multiplexers().into_keys() {
            let Some(nr) = tables::number(abi, multiplexer) else { continue };
            if !agree(&calls::decided(policy, abi, nr), &calls::decided(&lowered, abi, nr)) {
                explicit.insert((abi, multiplexer));
            }
        }
    }
    if !explicit.is_empty() {
        text = write(policy, &explicit)?;
        lowered = read(&text)?;
    }
    let settings = |policy: &Policy| (policy.flags.clone(), policy.listener.clone(), policy.listener_metadata.clone());
    if settings(&lowered) != settings(policy) {
        return Err(GateError::Wrong("its flags or its listener".to_owned()));
    }
    match prove::policies_equal(policy, &lowered, Budget::default()) {
        Verdict::Holds => Ok(text),
        Verdict::Fails(witness) => Err(GateError::Wrong(format!("{witness:x?}"))),
        Verdict::Undecided(why) => Err(GateError::Entangled(why.to_string())),
    }
}

fn agree(one: &CallPolicy, other: &CallPolicy) -> bool {
    prove::call_difference(one, other, Budget::default()) == Overlap::Never
}

/// The text, with statements of their own for these multiplexers.
fn write(policy: &Policy, explicit: &BTreeSet<(Abi, &'static str)>) -> Result<String, GateError> {
    format(&layout::text(policy, explicit)).map_err(|errors| entangled(&errors))
}

fn read(text: &str) -> Result<Policy, GateError> {
    let source = SourceId(0);
    let (file, diagnostics) = parse(source, text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(entangled(&diagnostics));
    }
    let unit = Unit { source, file, layer: 1, scope: 1 };
    let target = Target::new(Vec::new(), Version { major: 0, minor: 0 });
    let lowered = lower(&[unit], &Groups::new(), &target);
    lowered.policy.ok_or_else(|| entangled(&lowered.diagnostics))
}

fn entangled(diagnostics: &[Diagnostic]) -> GateError {
    let error = diagnostics.iter().find(|diagnostic| diagnostic.is_error());
    GateError::Entangled(error.map(|error| error.message.clone()).unwrap_or_default())
}
