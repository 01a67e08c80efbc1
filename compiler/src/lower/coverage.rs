//! Which targets of a policy its `expect:` lines reach. Exact: a set of calls reaches a target when the prover finds a
//! call in it that this target decides.

use std::collections::BTreeSet;

use callgate_grammar::Span;
use callgate_grammar::tree::{Statement, StatementKind};

use super::Unit;
use super::expect::Expectation;
use crate::condition::Condition;
use crate::outcome::{Undecided, outcomes};
use crate::policy::{Cause, Policy};

/// Whether some expectation speaks of what a target decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// A call of some expectation is decided by it.
    Reached,
    /// It decides calls, and no expectation is about one of them.
    Unreached,
    /// It decides nothing on this target: its `when` doesn't hold, no ABI has its call, or others come first.
    Silent,
}

/// One target (`read` in `allow: read, write`), or one `known:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// As written.
    pub span: Span,
    /// What was found.
    pub reach: Reach,
}

/// Every target of these texts, in the order written.
///
/// # Errors
/// [`Undecided`] when a condition is past the prover's default budget.
pub fn coverage(units: &[Unit], policy: &Policy, tried: &[Expectation]) -> Result<Vec<Covered>, Undecided> {
    let deciding = deciding(policy)?;
    let reached: BTreeSet<_> = tried.iter().flat_map(|one| &one.causes).filter_map(place).collect();
    let reach = |span| match (reached.contains(&span), deciding.contains(&span)) {
        (true, _) => Reach::Reached,
        (false, true) => Reach::Unreached,
        (false, false) => Reach::Silent,
    };
    let targets = units.iter().flat_map(|unit| targets(&unit.file.statements));
    Ok(targets.map(|span| Covered { span, reach: reach(span) }).collect())
}

/// Everything in these statements that can decide a call.
fn targets(statements: &[Statement]) -> Vec<Span> {
    let mut found = Vec::new();
    for statement in statements {
        match &statement.node {
            StatementKind::Rule { targets, .. } => found.extend(targets.iter().map(|target| target.span)),
            StatementKind::Known(version) => found.push(version.span),
            StatementKind::When { body, .. } => found.extend(targets(body)),
            _ => {}
        }
    }
    found
}

/// The places that decide at least one call.
fn deciding(policy: &Policy) -> Result<BTreeSet<Span>, Undecided> {
    let mut found = BTreeSet::new();
    for abi in policy.abis.values() {
        found.extend(place(&abi.rest.cause));
        for call in abi.calls.values() {
            if call.clauses.is_empty() {
                found.extend(place(&call.otherwise.cause));
            } else {
                found.extend(outcomes(call, &Condition::Always)?.iter().filter_map(|one| place(&one.decision.cause)));
            }
        }
    }
    found.extend(policy.foreign.values().chain([&policy.other]).filter_map(|decision| place(&decision.cause)));
    Ok(found)
}

fn place(cause: &Cause) -> Option<Span> {
    match cause {
        Cause::Statement(span) | Cause::Known(span) => Some(*span),
        Cause::UnlistedAbi => None,
    }
}
