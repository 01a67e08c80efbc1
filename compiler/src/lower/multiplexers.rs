//! `socketcall` and `ipc`: one number for many calls. Where a policy says nothing of the multiplexer itself, each call that
//! it carries follows what is said of that call by name.
//!
//! The first argument says which call it is, so a statement without conditions is followed exactly. The carried call's own
//! arguments are behind a pointer (`socketcall`) or moved and mixed (`ipc`), so a condition on them can't be decided: then
//! the call takes the strictest of what could happen to it, and a note says so. That may close more than was meant, and
//! never opens anything.

use callgate_grammar::{Diagnostic, Span};

use super::rules::{Entry, Rank};
use crate::abi::Abi;
use crate::action::Action;
use crate::condition::{Atom, Condition, ValueSet, Width};
use crate::policy::{Cause, Clause, Decision};
use crate::tables;

/// What becomes of one call that a multiplexer carries.
pub(super) struct Carried<'e> {
    pub(super) decision: Decision,
    /// The conditional entries that would have decided some calls otherwise.
    pub(super) hidden: Vec<&'e Entry>,
    /// The entries without condition, those of one layer and rank together: they must agree.
    pub(super) unconditional: Vec<Vec<&'e Entry>>,
}

/// The walk for one carried call: as for a number of its own, but conditions may or may not hold.
pub(super) fn carried<'e>(entries: &'e [Entry], otherwise: &Decision) -> Carried<'e> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|entry| (entry.layer, entry.rank, entry.action, entry.span));
    let mut conditional = Vec::new();
    let mut unconditional = Vec::new();
    for group in entries.chunk_by(|a, b| (a.layer, a.rank) == (b.layer, b.rank)) {
        if group[0].rank == Rank::Condition {
            conditional.extend_from_slice(group);
        } else {
            unconditional.push(group.to_vec());
            break;
        }
    }
    let of = |entry: &Entry| Decision { action: entry.action, cause: Cause::Statement(entry.span) };
    let last = unconditional.first().map_or_else(|| otherwise.clone(), |group| of(group[0]));
    let strictest = conditional.iter().min_by_key(|entry| entry.action).filter(|entry| entry.action < last.action);
    let decision = strictest.map_or(last.clone(), |entry| of(entry));
    // Each condition that holds for calls which now go another way, or that took the others with it.
    let agree = conditional.iter().all(|entry| entry.action == last.action);
    let hidden = if agree { Vec::new() } else { conditional };
    Carried { decision, hidden, unconditional }
}

/// The clause of the multiplexer's number: its first argument chooses this call.
pub(super) fn clause(abi: Abi, nr: u32, value: u64, decision: Decision) -> Option<Clause> {
    let part = part(abi, nr, value)?;
    let condition =
        Condition::Atom(Atom { arg: 0, width: Width::W32, mask: part.mask.into(), values: ValueSet::one(value) });
    Some(Clause { condition, decision })
}

/// What to say of a condition that the multiplexer hides.
pub(super) fn undecidable(span: Span, abi: Abi, nr: u32, value: u64, action: Action) -> Option<Diagnostic> {
    let part = part(abi, nr, value)?;
    let (multiplexer, selector) = (part.multiplexer, part.selector);
    let shown = match action {
        Action::Errno(number) => {
            tables::errno_name(abi, number).map_or_else(|| action.to_string(), |name| format!("errno({name})"))
        }
        _ => action.to_string(),
    };
    Some(
        Diagnostic::note("undecidable-alias", format!("{multiplexer} on {abi} hides the arguments of `{}`", part.call))
            .at(span, format!("through {multiplexer} it is {shown}, whatever its arguments"))
            .because("a filter can't look behind that call; what it can't decide takes the strictest outcome")
            .help(format!("to have it otherwise, say so: `allow: {multiplexer}(call == {selector})`")),
    )
}

fn part(abi: Abi, nr: u32, value: u64) -> Option<&'static tables::Part> {
    let multiplexer = tables::name(abi, nr)?;
    tables::parts()
        .iter()
        .find(|part| part.multiplexer == multiplexer && tables::constant(abi, part.selector) == Some(value))
}
