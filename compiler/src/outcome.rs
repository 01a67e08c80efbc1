//! What can happen to a set of calls: the decisions that some call of the set reaches, each with such a call.

use crate::condition::Condition;
use crate::policy::{CallPolicy, Decision};
use crate::prove::{self, Budget, Overlap};

/// A decision and arguments that reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// What happens.
    pub decision: &'a Decision,
    /// To this call, for instance.
    pub example: [u64; 6],
}

/// The question was too entangled for the prover's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecided: the conditions are too entangled for the prover's budget")]
pub struct Undecided;

/// Every decision that a call with these arguments can meet, in order of precedence.
///
/// # Errors
/// [`Undecided`] past the prover's default budget.
pub fn outcomes<'a>(call: &'a CallPolicy, arguments: &Condition) -> Result<Vec<Outcome<'a>>, Undecided> {
    let mut found = Vec::new();
    let mut left = vec![arguments.clone()];
    for clause in &call.clauses {
        if let Some(example) = example(&Condition::All(left.clone()), &clause.condition)? {
            found.push(Outcome { decision: &clause.decision, example });
        }
        left.push(Condition::Not(Box::new(clause.condition.clone())));
    }
    if let Some(example) = example(&Condition::All(left), &Condition::Always)? {
        found.push(Outcome { decision: &call.otherwise, example });
    }
    Ok(found)
}

fn example(left: &Condition, right: &Condition) -> Result<Option<[u64; 6]>, Undecided> {
    match prove::overlap(left, right, Budget::default()) {
        Overlap::Never => Ok(None),
        Overlap::At(args) => Ok(Some(args)),
        Overlap::Undecided => Err(Undecided),
    }
}
