//! The graph of a whole policy: token, number, arguments.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::Calls;
use super::{Arm, Graph, NodeId, Prefer, Variable, Word, laws, twins};
use crate::abi::Abi;
use crate::policy::Policy;

/// The decision graph of a policy, and its root, with code of arguments that is good at what `prefer` says. Which statement caused a decision is no part of it.
#[must_use]
pub fn of_policy(policy: &Policy, prefer: Prefer) -> (Graph, NodeId) {
    let mut graph = Graph::default();
    let other = graph.leaf(policy.other.action);
    let calls = Calls::of(&mut graph, policy, prefer);
    let tokens: BTreeSet<u32> = Abi::ALL.iter().map(|abi| abi.token()).collect();
    let mut points = BTreeMap::new();
    for token in tokens {
        let sharing = Abi::ALL.iter().copied().filter(|abi| abi.token() == token);
        let mut pieces: Vec<(u32, Arm)> = sharing.flat_map(|abi| numbers(&mut graph, &calls, policy, abi)).collect();
        pieces.sort_unstable_by_key(|&(first, _)| first);
        let arms = laws::merge_neighbours(pieces.into_iter().map(|(_, arm)| arm).collect());
        let arms = twins::share(&mut graph, &arms).unwrap_or(arms);
        points.insert(token, graph.switch(Variable::whole(Word::NUMBER), arms));
    }
    let root = graph.switch(Variable::whole(Word::TOKEN), with_points(points.into_iter(), 0, u32::MAX, other));
    (graph, root)
}

/// The intervals of one ABI's numbers, by their first number.
fn numbers<'a>(graph: &mut Graph, calls: &Calls<'a>, policy: &'a Policy, abi: Abi) -> Vec<(u32, Arm)> {
    let mut pieces = Vec::new();
    for &(first, last) in abi.numbers() {
        let arms = match policy.abis.get(&abi) {
            Some(listed) => {
                let rest = graph.leaf(listed.rest.action);
                let inside = listed.calls.range(first..=last);
                let points = inside.map(|(&number, call)| (number, calls.node(graph, abi.endian(), call)));
                with_points(points, first, last, rest)
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

/// The arms of `first..=last` that lead to `rest` but for single points, ascending.
fn with_points(points: impl Iterator<Item = (u32, NodeId)>, first: u32, last: u32, rest: NodeId) -> Vec<Arm> {
    let mut arms = Vec::new();
    let mut next = Some(first);
    for (point, target) in points {
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
