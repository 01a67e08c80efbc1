//! The graphs of one call by the order in which it looks at words.
//!
//! A call's conditions are taken apart into tests of words ([`classes`](super::classes)). An ordered graph over classes looks at
//! each word once on any path; then each of its nodes, a function of one word, becomes compares ([`synthesis`](super::synthesis)).
//! Halves of arguments that no decision depends on, and values that none tells apart, vanish on the way.

use std::collections::BTreeMap;

use super::classes::{Classes, TestId};
use super::combine::Combiner;
use super::synthesis::{Subject, Synthesis, Work};
use super::{Graph, Node, NodeId, OverBudget, Variable, Word, classes};
use crate::abi::Endian;
use crate::policy::CallPolicy;

/// Calls whose conditions have more ranges than this in all aren't taken apart: their functions would be larger than their lists.
const MOST_RANGES: usize = 256;

/// How much may be done for one call.
const FOR_A_CALL: Work = Work { steps: 60_000, looks: 400 };

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
    synthesis.allow(FOR_A_CALL);
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
                synthesis.node(graph, Subject { word, tests: &of_word.tests }, function)?
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

#[cfg(test)]
mod tests {
    use super::super::cost::Present;
    use super::*;
    use crate::condition::{Condition, Width};
    use crate::samples::{atom, when, word32, word64};

    /// The fewest instructions of all orders.
    fn instructions(condition: Condition) -> usize {
        let mut graph = Graph::default();
        let roots = of_call(&mut graph, &mut Synthesis::default(), Endian::Little, &when(condition));
        roots.into_iter().map(|root| Present::default().add(&graph, root)).min().unwrap()
    }

    #[test]
    fn orders_of_a_few_and_of_many() {
        assert_eq!(permutations(&[1, 2, 3]).len(), 6);
        assert_eq!(permutations(&[1, 2, 3])[0], [1, 2, 3]);
        assert_eq!(permutations(&[1, 2, 3, 4, 5, 6]).len(), 6);
        assert_eq!(permutations::<u8>(&[]), vec![Vec::<u8>::new()]);
    }

    /// The high half is asked once for all values it is the same for, and not at all where it can't matter.
    #[test]
    fn high_halves() {
        // ld, jeq 0; ld, three jeq.
        let values = Condition::Any([3, 17, 90].map(|value| word64(1, &[(value, value)])).into());
        assert_eq!(instructions(values), 6);
        // Below 2^32: the low half says nothing.
        assert_eq!(instructions(word64(1, &[(0, 0xffff_ffff)])), 2);
        assert_eq!(instructions(word64(1, &[(0x7_0000_0000, u64::MAX)])), 2);
        // Only bits of the high half are looked at, or only of the low one.
        assert_eq!(instructions(atom(1, Width::W64, 0x7_0000_0000, &[(0, 0)])), 2);
        assert_eq!(instructions(atom(1, Width::W64, 0x7, &[(0, 0)])), 2);
        // The same low halves for two high ones: one test of them.
        assert_eq!(instructions(word64(1, &[(9, 9), (0x1_0000_0009, 0x1_0000_0009)])), 4);
    }

    /// `(a == 1 && c == 7) || (b == 2 && c == 7)`: the common test is made once; `(a == 1 && b == 2) || (a == 1 && b == 3)` too.
    #[test]
    fn common_tests_are_made_once() {
        let [a, b, c] = [word32(0, &[(1, 1)]), word32(1, &[(2, 2)]), word32(2, &[(7, 7)])];
        let both = |one: &Condition, other: &Condition| Condition::All(vec![one.clone(), other.clone()]);
        assert_eq!(instructions(Condition::Any(vec![both(&a, &c), both(&b, &c)])), 6);
        let d = word32(1, &[(3, 3)]);
        assert_eq!(instructions(Condition::Any(vec![both(&a, &b), both(&a, &d)])), 4 + 1);
    }

    /// What another clause already says, another way round, costs nothing.
    #[test]
    fn equal_meanings_are_equal_graphs() {
        let ways = [
            Condition::Not(Box::new(word32(0, &[(5, 0xffff_ffff)]))),
            word32(0, &[(0, 4)]),
            Condition::Any(vec![
                word32(0, &[(0, 2)]),
                word32(0, &[(1, 4)]),
                Condition::All(vec![word32(0, &[(3, 3)]), word32(1, &[(1, 1)])]),
            ]),
        ];
        let mut graph = Graph::default();
        let mut synthesis = Synthesis::default();
        let roots = ways.map(|way| of_call(&mut graph, &mut synthesis, Endian::Little, &when(way)));
        assert!(roots.iter().all(|other| *other == roots[0] && other.len() == 1), "{roots:?}");
    }
}
