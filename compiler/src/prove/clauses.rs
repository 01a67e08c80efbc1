//! What each clause of a call is there for.

use super::Budget;
use super::condition::condition;
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::policy::CallPolicy;

/// What a clause does for its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Nothing: earlier clauses hold wherever it does.
    Hidden,
    /// It decides, and the call is the same without it: what comes after it takes the same action. So it is when all idle and
    /// hidden clauses are left out together.
    Idle,
    /// It decides, and the call needs it.
    Needed,
}

/// What the clauses of a call are there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Of each clause, in order.
    pub clauses: Vec<Part>,
    /// Whether some argument words come to `otherwise`.
    pub reaches_otherwise: bool,
}

/// What each clause of a call is there for; `None` past the budget.
///
/// Laws: a clause that is `false` under the negation of those before it is hidden. One that isn't is idle when
/// `choose(condition && !earlier, action, later) == later`, where `later` is what the needed clauses after it come to.
#[must_use]
pub fn parts(call: &CallPolicy, budget: Budget) -> Option<Parts> {
    examine(&mut Diagrams::new(budget.nodes), call).ok()
}

fn examine(diagrams: &mut Diagrams, call: &CallPolicy) -> Result<Parts, OutOfNodes> {
    let mut left = Function::TRUE;
    let mut reached = Vec::with_capacity(call.clauses.len());
    for clause in &call.clauses {
        let holds = condition(diagrams, Layout::PLAIN, &clause.condition)?;
        let decides = diagrams.and(left, holds)?;
        reached.push((holds, decides));
        let not = diagrams.not(holds)?;
        left = diagrams.and(left, not)?;
    }
    let mut later = Function::constant(call.otherwise.action);
    let mut clauses = Vec::with_capacity(reached.len());
    for (clause, &(holds, decides)) in call.clauses.iter().zip(&reached).rev() {
        let action = Function::constant(clause.decision.action);
        clauses.push(if decides == Function::FALSE {
            Part::Hidden
        } else if diagrams.choose(decides, action, later)? == later {
            Part::Idle
        } else {
            later = diagrams.choose(holds, action, later)?;
            Part::Needed
        });
    }
    clauses.reverse();
    Ok(Parts { clauses, reaches_otherwise: left != Function::FALSE })
}
