//! Which calls a profile hands to a supervisor or a tracer, and which statement does.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::{CallPolicy, Cause};
use callgate_compiler::tables;
use callgate_grammar::Span;

use crate::finding::Witness;
use crate::meaning::Meaning;

/// The calls that one statement hands over.
pub(super) struct Handed {
    /// The statement. `None`: the profile's silence.
    pub(super) place: Option<Span>,
    /// Each with the call's name; those without a name aren't here.
    pub(super) calls: Vec<(&'static str, Witness)>,
}

impl Handed {
    /// The names, each once, a few of them.
    pub(super) fn names(&self) -> String {
        const SHOWN: usize = 6;
        let mut names: Vec<_> = self.calls.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        let names = names.join(", ");
        if more > 0 { format!("{names} and {more} more") } else { names }
    }
}

/// Every named call that can meet such an action, by the statement that says so.
pub(super) fn handed(meaning: &Meaning, to: fn(Action) -> bool) -> Result<Vec<Handed>, Undecided> {
    let mut found: BTreeMap<Option<Span>, Vec<(&'static str, Witness)>> = BTreeMap::new();
    for (&abi, listed) in &meaning.policy.abis {
        for (&nr, _) in listed.calls.iter().filter(|(_, call)| may_be(call, to)) {
            let Some(name) = tables::name(abi, nr) else { continue };
            let answers = meaning.answers_when(abi, nr, &Condition::Always)?;
            for answer in answers.into_iter().filter(|answer| to(answer.decision.action)) {
                found.entry(answer.place()).or_default().push((name, answer.witness));
            }
        }
    }
    Ok(found.into_iter().map(|(place, calls)| Handed { place, calls }).collect())
}

fn may_be(call: &CallPolicy, to: fn(Action) -> bool) -> bool {
    call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]).any(|decision| to(decision.action))
}

pub(super) fn to_a_supervisor(action: Action) -> bool {
    action == Action::Notify
}

/// The ABIs on which numbers without a name are handed to a supervisor, and by which statement.
pub(super) fn by_default(meaning: &Meaning) -> Option<(Abi, Option<Span>)> {
    meaning.policy.abis.iter().find(|(_, listed)| listed.rest.action == Action::Notify).map(|(&abi, listed)| {
        let place = match listed.rest.cause {
            Cause::Statement(span) | Cause::Known(span) => Some(span),
            Cause::UnlistedAbi => None,
        };
        (abi, place)
    })
}
