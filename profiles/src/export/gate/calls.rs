//! What is said of one call: conditions that exclude each other where they disagree, and what happens else.

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::condition::Condition;
use callgate_compiler::policy::{CallPolicy, Clause, Decision, Policy};
use callgate_compiler::prove::{self, Budget, Overlap};

use super::simplify::{Shape, any, simplify};

/// Overlaps are worth this many nodes each; undecided counts as one.
const BUDGET: Budget = Budget { nodes: 200_000 };

/// What a policy decides about a number of a listed ABI, whether it lists the number or not.
pub(super) fn decided(policy: &Policy, abi: Abi, nr: u32) -> CallPolicy {
    let Some(listed) = policy.abis.get(&abi) else {
        return CallPolicy { clauses: Vec::new(), otherwise: policy.other.clone() };
    };
    let plain = || CallPolicy { clauses: Vec::new(), otherwise: listed.rest.clone() };
    listed.calls.get(&nr).cloned().unwrap_or_else(plain)
}

/// A call's decisions, as statements of one rank can say them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Each action with when it is taken: alternatives, none of which holds where another action's does.
    pub(super) conditions: Vec<(Action, Vec<Shape>)>,
    /// When none holds.
    pub(super) otherwise: Action,
}

/// First match to exclusive conditions: what an earlier clause takes is taken away from later ones that disagree with it.
pub(super) fn said(call: &CallPolicy) -> Said {
    let mut otherwise = carried_out(&call.otherwise);
    let mut clauses: Vec<(&Clause, Shape)> = Vec::new();
    for clause in &call.clauses {
        match simplify(&clause.condition) {
            Shape::Never => {}
            Shape::Always => {
                otherwise = carried_out(&clause.decision);
                break;
            }
            shape => clauses.push((clause, shape)),
        }
    }
    let mut said = Said { conditions: Vec::new(), otherwise };
    for (at, (clause, shape)) in clauses.iter().enumerate() {
        let action = carried_out(&clause.decision);
        if action == otherwise {
            continue;
        }
        let before: Vec<Condition> = clauses[..at]
            .iter()
            .filter(|(earlier, _)| carried_out(&earlier.decision) != action)
            .map(|(earlier, _)| &earlier.condition)
            .filter(|earlier| prove::overlap(earlier, &clause.condition, BUDGET) != Overlap::Never)
            .cloned()
            .collect();
        let shape = if before.is_empty() {
            shape.clone()
        } else {
            let outside = Condition::Not(Box::new(Condition::Any(before)));
            simplify(&Condition::All(vec![clause.condition.clone(), outside]))
        };
        match said.conditions.iter_mut().find(|(known, _)| *known == action) {
            Some((_, known)) => known.push(shape),
            None => said.conditions.push((action, vec![shape])),
        }
    }
    let mut exclusive = Vec::new();
    for (action, shapes) in said.conditions {
        match any(shapes) {
            Shape::Never => {}
            // The others exclude it, so they never hold.
            Shape::Always => return Said { conditions: Vec::new(), otherwise: action },
            Shape::Any(parts) => exclusive.push((action, parts)),
            single => exclusive.push((action, vec![single])),
        }
    }
    said.conditions = exclusive;
    said
}

/// The action as the kernel carries it out: an errno past the largest is the largest.
pub(super) fn carried_out(decision: &Decision) -> Action {
    Action::from_ret(decision.action.ret())
}
