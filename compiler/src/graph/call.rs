//! The graph of one call: its clauses in order, then what is left.

use super::combine::Combiner;
use super::synthesis::Synthesis;
use super::{Graph, NodeId, OverBudget, arguments, known, merge, plain};
use crate::abi::Endian;
use crate::policy::CallPolicy;

/// How many arms the ordered graph of one call may cost to build. Past it the plain graph is used, which is linear.
const COMBINE_BUDGET: usize = 20_000;

/// How many nodes with facts the law of known words looks at.
const KNOWN_BUDGET: usize = 2_000;

/// Of a graph with no more compares than this no plainer one is looked for.
const SMALL: usize = 40;

/// Paths longer than this are left as they are: the law's pass recurses along them.
const DEEPEST_IMPROVED: usize = 200;

/// The graphs of a call that may be the best; never empty. `budget` is how many arms all graphs ordered by values may still cost;
/// this call's share is taken off it.
pub(super) fn of_call(
    graph: &mut Graph,
    synthesis: &mut Synthesis,
    endian: Endian,
    call: &CallPolicy,
    budget: &mut usize,
) -> Vec<NodeId> {
    let call = &merge::merged(call);
    let mut roots = arguments::of_call(graph, synthesis, endian, call);
    // Classes of several words can multiply where the conditions, written one after the other, don't.
    if roots.iter().all(|&root| graph.size(root) > SMALL) {
        roots.push(by_values(graph, endian, call, budget));
    }
    roots
}

/// For calls with conditions too many or too entangled for classes: the smaller of the ordered and the plain graph, after the law
/// of known words.
fn by_values(graph: &mut Graph, endian: Endian, call: &CallPolicy, budget: &mut usize) -> NodeId {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Node;
    use super::*;
    use crate::action::Action;
    use crate::samples::{call_policies, conditions, values};

    /// The word that a little-endian machine shows at a word's offset.
    fn word(args: &[u64; 6]) -> impl Fn(super::super::Word) -> u32 {
        let args = *args;
        move |word| {
            let at = usize::from(word.offset) - 16;
            (args[at / 8] >> (if at % 8 == 4 { 32 } else { 0 }) & 0xffff_ffff) as u32
        }
    }

    proptest! {
        /// Short circuit, and Shannon's expansion: both lead where the condition says, on random words and on small ones.
        #[test]
        fn both_graphs_are_the_condition(
            condition in conditions(),
            calls in prop::collection::vec(prop::array::uniform6(values()), 40),
        ) {
            let mut graph = Graph::default();
            let (yes, no) = (graph.leaf(Action::Allow), graph.leaf(Action::KillProcess));
            let plain = plain::condition(&mut graph, Endian::Little, &condition, yes, no);
            let mut combiner = Combiner::new(&mut graph, 100_000);
            let test = combiner.condition(Endian::Little, &condition).unwrap();
            let ordered = combiner.choose(test, yes, no).unwrap();
            for args in calls {
                let wanted = if condition.holds(&args) { yes } else { no };
                prop_assert_eq!(graph.end(plain, &word(&args)), graph.node(wanted));
                prop_assert_eq!(graph.end(ordered, &word(&args)), graph.node(wanted));
            }
        }

        /// With every budget, down to none.
        #[test]
        fn the_graph_is_the_call(
            call in call_policies(),
            budget in prop_oneof![Just(0), 0_usize..50, Just(COMBINE_BUDGET)],
            calls in prop::collection::vec(prop::array::uniform6(values()), 40),
        ) {
            let mut graph = Graph::default();
            let mut left = budget;
            let mut roots = of_call(&mut graph, &mut Synthesis::default(), Endian::Little, &call, &mut left);
            roots.push(by_values(&mut graph, Endian::Little, &call, &mut left));
            prop_assert!(left <= budget);
            for args in calls {
                for &root in &roots {
                    prop_assert_eq!(graph.end(root, &word(&args)), &Node::Leaf(call.decide(&args).action));
                }
            }
        }
    }

    /// On an ordered path every variable comes once, and after those before it.
    #[test]
    fn ordered_graphs_are_ordered() {
        use crate::condition::{Condition, Width};
        use crate::samples::{atom, word32, word64};
        let condition = Condition::Any(vec![
            Condition::All(vec![word64(2, &[(3, 9)]), word32(0, &[(1, 4)])]),
            Condition::All(vec![word32(0, &[(2, 7)]), atom(0, Width::W32, 0xf0, &[(0x10, 0x10)])]),
            Condition::Not(Box::new(word64(0, &[(0, 0x1_0000_0000)]))),
        ]);
        let mut graph = Graph::default();
        let test = Combiner::new(&mut graph, 1000).condition(Endian::Little, &condition).unwrap();
        for id in graph.reachable(test) {
            let Node::Switch { variable, arms } = graph.node(id) else { continue };
            for arm in arms {
                if let Node::Switch { variable: next, .. } = graph.node(arm.target) {
                    assert!(variable < next, "{variable:?} before {next:?}");
                }
            }
        }
    }
}
