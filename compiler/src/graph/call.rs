//! The graph of one call: its clauses in order, then what is left.

use super::combine::{Combiner, OverBudget};
use super::{Graph, NodeId, known, plain};
use crate::abi::Endian;
use crate::policy::CallPolicy;

/// How many arms the ordered graph of one call may cost to build. Past it the plain graph is used, which is linear.
const COMBINE_BUDGET: usize = 20_000;

/// How many nodes with facts the law of known words looks at.
const KNOWN_BUDGET: usize = 2_000;

/// Paths longer than this are left as they are: the law's pass recurses along them.
const DEEPEST_IMPROVED: usize = 200;

/// The graph of a call: the smaller of the ordered and the plain one, after the law of known words. `budget` is how many arms
/// all ordered graphs to come may still cost; this call's share is taken off it.
pub(super) fn of_call(graph: &mut Graph, endian: Endian, call: &CallPolicy, budget: &mut usize) -> NodeId {
    let otherwise = graph.leaf(call.otherwise.action);
    let plain = call.clauses.iter().rev().fold(otherwise, |rest, clause| {
        let action = graph.leaf(clause.decision.action);
        plain::condition(graph, endian, &clause.condition, action, rest)
    });
    let plain = improved(graph, plain);
    let Ok(ordered) = ordered(graph, endian, call, otherwise, budget) else { return plain };
    let ordered = improved(graph, ordered);
    if graph.size(plain) < graph.size(ordered) { plain } else { ordered }
}

fn ordered(
    graph: &mut Graph,
    endian: Endian,
    call: &CallPolicy,
    otherwise: NodeId,
    budget: &mut usize,
) -> Result<NodeId, OverBudget> {
    let actions: Vec<_> = call.clauses.iter().map(|clause| graph.leaf(clause.decision.action)).collect();
    let share = COMBINE_BUDGET.min(*budget);
    let mut combiner = Combiner::new(graph, share);
    let built = call.clauses.iter().zip(actions).rev().try_fold(otherwise, |rest, (clause, action)| {
        let test = combiner.condition(endian, &clause.condition)?;
        combiner.choose(test, action, rest)
    });
    *budget -= share - combiner.left();
    built
}

fn improved(graph: &mut Graph, root: NodeId) -> NodeId {
    if graph.depth(root) > DEEPEST_IMPROVED { root } else { known::drop_decided_arms(graph, root, KNOWN_BUDGET) }
}
