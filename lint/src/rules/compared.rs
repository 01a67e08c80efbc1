//! Every comparison of the document, with the parameter it is about.

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::{Atom, Condition};
use callgate_compiler::policy::{CallPolicy, Clause};
use callgate_compiler::tables::{self, Parameter};

use crate::document::Document;

/// One comparison of a clause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared<'a> {
    pub(super) abi: Abi,
    pub(super) nr: u32,
    pub(super) name: &'static str,
    pub(super) call: &'a CallPolicy,
    pub(super) clause: &'a Clause,
    pub(super) atom: &'a Atom,
    /// `None`: the call has no such parameter.
    pub(super) parameter: Option<&'static Parameter>,
}

/// Every comparison of every clause, of calls whose prototypes are known.
pub(super) fn compared(document: &Document) -> Vec<Compared<'_>> {
    let mut all = Vec::new();
    let Some(meaning) = &document.meaning else { return all };
    for (&abi, listed) in &meaning.policy.abis {
        for (&nr, call) in listed.calls.iter().filter(|(_, call)| !call.clauses.is_empty()) {
            let Some(name) = tables::name(abi, nr) else { continue };
            let Some(parameters) = tables::prototype(abi, name) else { continue };
            for clause in &call.clauses {
                clause.condition.atoms(&mut |atom| {
                    let parameter = parameters.get(usize::from(atom.arg));
                    all.push(Compared { abi, nr, name, call, clause, atom, parameter });
                });
            }
        }
    }
    all
}

/// The condition that one word, masked, is this.
pub(super) fn masked(arg: u8, mask: u64, value: u64) -> Condition {
    let values = callgate_compiler::condition::ValueSet::one(value & mask);
    Condition::Atom(Atom { arg, width: callgate_compiler::condition::Width::W64, mask, values })
}
