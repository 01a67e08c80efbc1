//! What can happen to a set of calls: the decisions that some call of the set reaches, each with such a call.

use crate::condition::Condition;
use crate::policy::{CallPolicy, Decision};
use crate::prove::{self, Budget};

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
    if call.clauses.is_empty() && *arguments == Condition::Always {
        return Ok(vec![Outcome { decision: &call.otherwise, example: [0; 6] }]);
    }
    let reached = prove::reached(call, arguments, Budget::default()).ok_or(Undecided)?;
    let outcome = |(clause, example): (Option<usize>, _)| {
        let decision = clause.map_or(&call.otherwise, |index| &call.clauses[index].decision);
        Outcome { decision, example }
    };
    Ok(reached.into_iter().map(outcome).collect())
}
