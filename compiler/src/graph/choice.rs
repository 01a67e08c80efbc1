//! Which graph each call of a policy takes: the ones that together are smallest, or those that are left soonest.
//!
//! Graphs share nodes, so what a graph costs depends on the others: of two orders of words the better one is that whose tail
//! some other call has too. Choosing them one after the other, and each again when all others are known, finds most of it.

use rustc_hash::FxHashMap;

use super::call::of_call;
use super::cost::Present;
use super::synthesis::Synthesis;
use super::{Graph, NodeId, Prefer, executed};
use crate::abi::Endian;
use crate::action::Action;
use crate::condition::Condition;
use crate::policy::{CallPolicy, Policy};

/// How many arms the graphs ordered by values of all calls together may cost to build; see [`of_call`].
const COMBINE_BUDGET: usize = 400_000;

/// How often each choice is made again.
const ROUNDS: usize = 2;

/// The graphs of a policy's calls: policies have far fewer different calls than calls.
pub(super) struct Calls<'a> {
    // Looked up only.
    indices: FxHashMap<Key<'a>, usize>,
    chosen: Vec<NodeId>,
}

/// What the graph of a call depends on.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    little_endian: bool,
    clauses: Vec<(&'a Condition, Action)>,
    otherwise: Action,
}

impl<'a> Key<'a> {
    fn of(endian: Endian, call: &'a CallPolicy) -> Self {
        let clauses = call.clauses.iter().map(|clause| (&clause.condition, clause.decision.action)).collect();
        Self { little_endian: endian == Endian::Little, clauses, otherwise: call.otherwise.action }
    }
}

impl<'a> Calls<'a> {
    /// Builds and chooses.
    pub(super) fn of(graph: &mut Graph, policy: &'a Policy, prefer: Prefer) -> Self {
        let mut indices = FxHashMap::default();
        let mut candidates: Vec<Vec<NodeId>> = Vec::new();
        let mut budget = COMBINE_BUDGET;
        let mut synthesis = Synthesis::new(prefer);
        for (abi, listed) in &policy.abis {
            for call in listed.calls.values().filter(|call| !call.clauses.is_empty()) {
                indices.entry(Key::of(abi.endian(), call)).or_insert_with(|| {
                    candidates.push(of_call(graph, &mut synthesis, abi.endian(), call, &mut budget));
                    candidates.len() - 1
                });
            }
        }
        if prefer == Prefer::Quick {
            candidates.iter_mut().for_each(|roots| keep_quickest(graph, roots));
        }
        let chosen = smallest_together(graph, &candidates);
        Self { indices, chosen }
    }

    /// The graph of one of the policy's calls.
    pub(super) fn node(&self, graph: &mut Graph, endian: Endian, call: &'a CallPolicy) -> NodeId {
        let built = if call.clauses.is_empty() { None } else { self.indices.get(&Key::of(endian, call)) };
        built.map_or_else(|| graph.leaf(call.otherwise.action), |&index| self.chosen[index])
    }
}

/// Leaves those of a call's graphs that are left soonest on average.
fn keep_quickest(graph: &Graph, roots: &mut Vec<NodeId>) {
    let means: Vec<u64> = roots.iter().map(|&root| executed::mean(graph, root)).collect();
    let least = means.iter().min().copied().unwrap_or_default();
    let mut means = means.into_iter();
    roots.retain(|_| means.next() == Some(least));
}

/// One of each list of candidates.
fn smallest_together(graph: &Graph, candidates: &[Vec<NodeId>]) -> Vec<NodeId> {
    let best = |present: &mut Present, roots: &[NodeId]| {
        roots.iter().copied().min_by_key(|&root| (present.price(graph, root), graph.depth(root)))
    };
    // Calls without a choice first: the others can meet them.
    let mut present = Present::default();
    for roots in candidates.iter().filter(|roots| roots.len() == 1) {
        present.add(graph, roots[0]);
    }
    let mut chosen: Vec<NodeId> = Vec::with_capacity(candidates.len());
    for roots in candidates {
        // A call has at least one graph.
        let root = best(&mut present, roots).unwrap_or(NodeId(0));
        present.add(graph, root);
        chosen.push(root);
    }
    for _ in 0..ROUNDS {
        let before = chosen.clone();
        for (index, roots) in candidates.iter().enumerate().filter(|(_, roots)| roots.len() > 1) {
            let mut others = Present::default();
            for (_, &root) in chosen.iter().enumerate().filter(|&(other, _)| other != index) {
                others.add(graph, root);
            }
            chosen[index] = best(&mut others, roots).unwrap_or(chosen[index]);
        }
        if chosen == before {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::abi::Abi;
    use crate::condition::Condition::All;
    use crate::samples::{policy, when, word32};

    /// `b == 5 && a == 1` beside `a == 1`: looking at b first leaves the other call's graph as the tail, in whichever order the
    /// calls are numbered and the tests written.
    #[test]
    fn tails_coincide() {
        let (a, b) = (word32(0, &[(1, 1)]), word32(1, &[(5, 5)]));
        for both in [All(vec![a.clone(), b.clone()]), All(vec![b, a.clone()])] {
            for numbers in [[3, 7], [7, 3]] {
                let calls = BTreeMap::from([(numbers[0], when(both.clone())), (numbers[1], when(a.clone()))]);
                let policy = policy([(Abi::X86_64, calls)]);
                let calls = &policy.abis[&Abi::X86_64].calls;
                let mut graph = Graph::default();
                let chosen = Calls::of(&mut graph, &policy, Prefer::Short);
                let [both, tail] = numbers.map(|number| chosen.node(&mut graph, Endian::Little, &calls[&number]));
                assert!(graph.reachable(both).contains(&tail));
            }
        }
    }
}
