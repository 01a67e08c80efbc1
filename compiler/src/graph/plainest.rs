//! The graph of a policy with nothing done to it but sharing: every condition by short circuit, every number on its own.

use std::collections::BTreeMap;

use super::{Arm, Graph, NodeId, Variable, Word, plain};
use crate::abi::{Abi, Endian};
use crate::policy::{CallPolicy, Policy};

/// The plainest decision graph of a policy, and its root: linear in the policy, and as near to how it is written as code gets.
#[must_use]
pub fn plainest(policy: &Policy) -> (Graph, NodeId) {
    let mut graph = Graph::default();
    let other = graph.leaf(policy.other.action);
    let mut numbers: BTreeMap<u32, BTreeMap<u32, NodeId>> = BTreeMap::new();
    for &abi in Abi::ALL {
        let of_token = numbers.entry(abi.token()).or_default();
        for &(first, last) in abi.numbers() {
            let Some(listed) = policy.abis.get(&abi) else {
                let decision = policy.foreign.get(&abi).unwrap_or(&policy.other);
                of_token.insert(first, graph.leaf(decision.action));
                continue;
            };
            let rest = graph.leaf(listed.rest.action);
            of_token.insert(first, rest);
            for (&nr, call) in listed.calls.range(first..=last) {
                of_token.insert(nr, of_call(&mut graph, abi.endian(), call));
                if nr < last {
                    of_token.insert(nr + 1, rest);
                }
            }
        }
    }
    let mut tokens = BTreeMap::from([(0, other)]);
    for (token, starts) in numbers {
        let node = switch(&mut graph, Word::NUMBER, &starts);
        tokens.insert(token, node);
        tokens.entry(token + 1).or_insert(other);
    }
    let root = switch(&mut graph, Word::TOKEN, &tokens);
    (graph, root)
}

fn of_call(graph: &mut Graph, endian: Endian, call: &CallPolicy) -> NodeId {
    let otherwise = graph.leaf(call.otherwise.action);
    call.clauses.iter().rev().fold(otherwise, |rest, clause| {
        let action = graph.leaf(clause.decision.action);
        plain::condition(graph, endian, &clause.condition, action, rest)
    })
}

/// The node whose intervals start at these values, the first at 0.
fn switch(graph: &mut Graph, word: Word, starts: &BTreeMap<u32, NodeId>) -> NodeId {
    let ends = starts.keys().skip(1).map(|&start| start - 1).chain([u32::MAX]);
    let arms = starts.values().zip(ends).map(|(&target, last)| Arm { last, target }).collect();
    graph.switch(Variable::whole(word), arms)
}
