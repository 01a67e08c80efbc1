//! What each clause of a call is there for.

use super::Budget;
use super::condition::{condition, smallest_difference};
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::condition::Condition;
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

/// What decides some call of a set: a clause, by index, or `otherwise` (`None`), and the smallest arguments of such a call.
pub type Decides = (Option<usize>, [u64; 6]);

/// What decides the calls with some arguments, in order; `None` past the budget.
///
/// Law: a clause decides what meets its condition and the arguments' and none of the conditions before it.
#[must_use]
pub fn reached(call: &CallPolicy, arguments: &Condition, budget: Budget) -> Option<Vec<Decides>> {
    reach(&mut Diagrams::new(budget.nodes), call, arguments).ok()
}

fn reach(diagrams: &mut Diagrams, call: &CallPolicy, arguments: &Condition) -> Result<Vec<Decides>, OutOfNodes> {
    let mut found = Vec::new();
    let mut left = condition(diagrams, Layout::PLAIN, arguments)?;
    for (index, clause) in call.clauses.iter().enumerate() {
        if left == Function::FALSE {
            return Ok(found);
        }
        let holds = condition(diagrams, Layout::PLAIN, &clause.condition)?;
        let decides = diagrams.and(left, holds)?;
        if decides != Function::FALSE {
            found.push((Some(index), smallest_difference(diagrams, decides, Function::FALSE)));
            let not = diagrams.not(holds)?;
            left = diagrams.and(left, not)?;
        }
    }
    if left != Function::FALSE {
        found.push((None, smallest_difference(diagrams, left, Function::FALSE)));
    }
    Ok(found)
}
