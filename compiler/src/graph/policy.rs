//! The graph of a whole policy: token, number, arguments.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::call::of_call;
use super::{Arm, Graph, NodeId, Variable, Word, laws, twins};
use crate::abi::{Abi, Endian};
use crate::action::Action;
use crate::condition::Condition;
use crate::policy::{CallPolicy, Policy};

/// How many arms the ordered graphs of all calls together may cost to build; see [`of_call`].
const COMBINE_BUDGET: usize = 400_000;

/// The decision graph of a policy, and its root. Which statement caused a decision is no part of it.
#[must_use]
pub fn of_policy(policy: &Policy) -> (Graph, NodeId) {
    let mut graph = Graph::default();
    let other = graph.leaf(policy.other.action);
    let mut calls = Calls { built: HashMap::new(), budget: COMBINE_BUDGET };
    let tokens: BTreeSet<u32> = Abi::ALL.iter().map(|abi| abi.token()).collect();
    let mut points = BTreeMap::new();
    for token in tokens {
        let sharing = Abi::ALL.iter().copied().filter(|abi| abi.token() == token);
        let pieces: BTreeMap<u32, Arm> = sharing.flat_map(|abi| numbers(&mut graph, &mut calls, policy, abi)).collect();
        let arms = laws::merge_neighbours(pieces.into_values().collect());
        let arms = twins::share(&mut graph, &arms).unwrap_or(arms);
        points.insert(token, graph.switch(Variable::whole(Word::NUMBER), arms));
    }
    let root = graph.switch(Variable::whole(Word::TOKEN), with_points(&points, 0, u32::MAX, other));
    (graph, root)
}

/// The graphs of calls already built: policies have far fewer different calls than calls.
struct Calls<'a> {
    // Looked up only.
    built: HashMap<Key<'a>, NodeId>,
    budget: usize,
}

/// What the graph of a call depends on.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    little_endian: bool,
    clauses: Vec<(&'a Condition, Action)>,
    otherwise: Action,
}

impl<'a> Calls<'a> {
    fn node(&mut self, graph: &mut Graph, endian: Endian, call: &'a CallPolicy) -> NodeId {
        let otherwise = call.otherwise.action;
        if call.clauses.is_empty() {
            return graph.leaf(otherwise);
        }
        let clauses = call.clauses.iter().map(|clause| (&clause.condition, clause.decision.action)).collect();
        let key = Key { little_endian: endian == Endian::Little, clauses, otherwise };
        let budget = &mut self.budget;
        *self.built.entry(key).or_insert_with(|| of_call(graph, endian, call, budget))
    }
}

/// The intervals of one ABI's numbers, by their first number.
fn numbers<'a>(graph: &mut Graph, calls: &mut Calls<'a>, policy: &'a Policy, abi: Abi) -> Vec<(u32, Arm)> {
    let mut pieces = Vec::new();
    for &(first, last) in abi.numbers() {
        let arms = match policy.abis.get(&abi) {
            Some(listed) => {
                let rest = graph.leaf(listed.rest.action);
                let mut points = BTreeMap::new();
                for (&number, call) in listed.calls.range(first..=last) {
                    points.insert(number, calls.node(graph, abi.endian(), call));
                }
                with_points(&points, first, last, rest)
            }
            None => {
                let decision = policy.foreign.get(&abi).unwrap_or(&policy.other);
                vec![Arm { last, target: graph.leaf(decision.action) }]
            }
        };
        let mut start = first;
        for arm in arms {
            pieces.push((start, arm));
            start = arm.last.wrapping_add(1);
        }
    }
    pieces
}

/// The arms of `first..=last` that lead to `rest` but for single points.
fn with_points(points: &BTreeMap<u32, NodeId>, first: u32, last: u32, rest: NodeId) -> Vec<Arm> {
    let mut arms = Vec::with_capacity(points.len() * 2 + 1);
    let mut next = Some(first);
    for (&point, &target) in points {
        if next.is_some_and(|next| next < point) {
            arms.push(Arm { last: point - 1, target: rest });
        }
        arms.push(Arm { last: point, target });
        next = point.checked_add(1);
    }
    if next.is_some_and(|next| next <= last) {
        arms.push(Arm { last, target: rest });
    }
    arms
}
