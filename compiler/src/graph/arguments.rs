//! The graphs of one call by the order in which it looks at words.
//!
//! A call's conditions are taken apart into tests of words ([`classes`](super::classes)). An ordered graph over classes looks at
//! each word once on any path; then each of its nodes, a function of one word, becomes compares ([`synthesis`](super::synthesis)).
//! Halves of arguments that no decision depends on, and values that none tells apart, vanish on the way.

use std::collections::BTreeMap;

use super::classes::{Classes, TestId};
use super::combine::Combiner;
use super::synthesis::{Subject, Synthesis};
use super::{Graph, Node, NodeId, OverBudget, Variable, Word, classes};
use crate::abi::Endian;
use crate::policy::CallPolicy;

/// Calls whose conditions have more ranges than this in all aren't taken apart: their functions would be larger than their lists.
const MOST_RANGES: usize = 256;

/// How many nodes the functions of one call may have.
const FUNCTION_NODES: usize = 20_000;

/// How many functions of one call may be looked at for the best search.
const FUNCTIONS_SEARCHED: usize = 400;

/// How many arms the ordered graph of one order may cost to build.
const ORDER_BUDGET: usize = 5_000;

/// How many orders of arguments are tried.
const MOST_ORDERS: usize = 24;

/// The different graphs of a call, one for each order of its arguments that was tried; empty when the call is too much for this.
pub(super) fn of_call(graph: &mut Graph, synthesis: &mut Synthesis, endian: Endian, call: &CallPolicy) -> Vec<NodeId> {
    let ranges: usize = call.clauses.iter().map(|clause| classes::ranges(&clause.condition)).sum();
    if ranges > MOST_RANGES {
        return Vec::new();
    }
    synthesis.allow(FUNCTION_NODES, FUNCTIONS_SEARCHED);
    let Ok(classes) = Classes::of(&mut synthesis.functions, endian, call) else { return Vec::new() };
    let mut roots = Vec::new();
    for order in orders(&classes) {
        match in_order(graph, call, &classes, synthesis, &order) {
            Ok(root) if !roots.contains(&root) => roots.push(root),
            Ok(_) => {}
            Err(OverBudget) => break,
        }
    }
    roots
}

/// The orders of words tried: every order of the arguments while they are few, each argument's high half before its low one.
fn orders(classes: &Classes<'_>) -> Vec<Vec<Word>> {
    let mut halves: BTreeMap<Option<u8>, Vec<Word>> = BTreeMap::new();
    for &word in classes.words.keys() {
        halves.entry(word.argument()).or_default().push(word);
    }
    let arguments: Vec<Vec<Word>> = halves.into_values().collect();
    let mut orders = permutations(&arguments);
    orders.truncate(MOST_ORDERS);
    orders.into_iter().map(|order| order.concat()).collect()
}

/// Every order of a few, the given one first; of many, only those that put one to the front.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for (first, item) in items.iter().enumerate() {
        let rest: Vec<T> =
            items.iter().enumerate().filter(|&(index, _)| index != first).map(|(_, item)| item.clone()).collect();
        let rests = if items.len() > 4 { vec![rest] } else { permutations(&rest) };
        all.extend(rests.into_iter().map(|rest| [vec![item.clone()], rest].concat()));
    }
    all
}

/// The call's graph when it looks at words in this order.
fn in_order(
    graph: &mut Graph,
    call: &CallPolicy,
    classes: &Classes<'_>,
    synthesis: &mut Synthesis,
    order: &[Word],
) -> Result<NodeId, OverBudget> {
    let mut of_classes = Graph::default();
    let root = ordered(&mut of_classes, call, classes, order)?;
    let mut nodes = BTreeMap::new();
    for id in of_classes.reachable(root) {
        let node = match of_classes.node(id) {
            Node::Leaf(action) => graph.leaf(*action),
            // Conditions end in actions once they are combined.
            Node::Truth(_) => return Err(OverBudget),
            Node::Switch { variable, arms } => {
                let word = *order.get(variable.word.place()).ok_or(OverBudget)?;
                let of_word = classes.words.get(&word).ok_or(OverBudget)?;
                let mut ends: Vec<u32> = Vec::with_capacity(of_word.len());
                for arm in arms {
                    let target: NodeId = *nodes.get(&arm.target).ok_or(OverBudget)?;
                    let last = of_word.len().min((arm.last as usize).saturating_add(1));
                    ends.resize(last, target.0);
                }
                let function = synthesis.functions.with_ends(of_word.function, &ends)?;
                synthesis.node(graph, Subject { word, masks: &of_word.masks }, function)?
            }
        };
        nodes.insert(id, node);
    }
    nodes.get(&root).copied().ok_or(OverBudget)
}

/// The ordered graph over classes: its variables are the words' places in the order, their values classes.
fn ordered(graph: &mut Graph, call: &CallPolicy, classes: &Classes<'_>, order: &[Word]) -> Result<NodeId, OverBudget> {
    let otherwise = graph.leaf(call.otherwise.action);
    let actions: Vec<_> = call.clauses.iter().map(|clause| graph.leaf(clause.decision.action)).collect();
    let (yes, no) = (graph.truth(true), graph.truth(false));
    let mut combiner = Combiner::new(graph, ORDER_BUDGET);
    let test = |combiner: &mut Combiner<'_>, test: Option<TestId>| {
        let Some(test) = test else { return Ok(yes) };
        let place = order.iter().position(|&word| word == test.word).and_then(|place| u8::try_from(place).ok());
        let variable = Variable::whole(Word::ranked(place.ok_or(OverBudget)?));
        combiner.truths(variable, classes.words.get(&test.word).ok_or(OverBudget)?.holds(test))
    };
    call.clauses.iter().zip(actions).rev().try_fold(otherwise, |rest, (clause, action)| {
        let condition = combiner.condition_of(&clause.condition, &mut |combiner, atom| {
            classes.atom(atom).iter().try_fold(no, |any, &(high, low)| {
                let (high, low) = (test(combiner, high)?, test(combiner, low)?);
                let both = combiner.choose(high, low, no)?;
                combiner.choose(both, yes, any)
            })
        })?;
        combiner.choose(condition, action, rest)
    })
}
