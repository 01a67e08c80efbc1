//! How many instructions a call executes on its way through the code of its arguments, on average.
//!
//! Nothing says which values a program passes, so every interval of a node counts as much as any other.

use std::collections::BTreeMap;

use super::cost;
use super::{Graph, Node, NodeId};

/// Instructions are counted in so many parts each.
const PARTS: u64 = 1 << 16;

/// The mean depth of the leaves of a balanced tree of so many compares: `k + 2 - 2^(k+1) / l` for `l` leaves and
/// `k = floor(log2 l)`, in [`PARTS`].
pub(super) fn mean_compares(compares: usize) -> u64 {
    let leaves = compares as u64 + 1;
    let levels = u64::from(leaves.ilog2());
    (levels + 2) * PARTS - (PARTS << (levels + 1)) / leaves
}

/// As many instructions, in [`PARTS`].
pub(super) fn parts(instructions: usize) -> u64 {
    instructions as u64 * PARTS
}

/// The mean over all outcomes of a graph that is come to with something else in the accumulator, in [`PARTS`].
pub(super) fn mean(graph: &Graph, root: NodeId) -> u64 {
    let mut means: BTreeMap<NodeId, u64> = BTreeMap::new();
    for id in graph.reachable(root) {
        let Node::Switch { variable, arms } = graph.node(id) else { continue };
        let behind = |target: &NodeId| parts(cost::moves_to(graph, id, *target)) + means.get(target).unwrap_or(&0);
        let rest = arms.iter().map(|arm| behind(&arm.target)).sum::<u64>() / arms.len() as u64;
        means.insert(id, mean_compares(cost::compares_of(*variable, arms)) + rest);
    }
    means.get(&root).map_or(0, |mean| mean + parts(cost::loads(graph, root)))
}

#[cfg(test)]
mod tests {
    use super::super::{Arm, Variable, Word};
    use super::*;
    use crate::abi::Endian;
    use crate::action::Action;

    /// Against the depths of the leaves themselves: a balanced tree has its leaves on two levels.
    #[test]
    fn depths_of_balanced_trees() {
        for leaves in 1..200_u64 {
            let levels = u64::from(leaves.ilog2());
            let deeper = 2 * (leaves - (1 << levels));
            let sum = deeper * (levels + 1) + (leaves - deeper) * levels;
            // The law divides once, and rounds down there.
            let mean = mean_compares(leaves as usize - 1);
            assert!((sum * PARTS).div_ceil(leaves) == mean || sum * PARTS / leaves == mean, "{leaves}");
        }
    }

    /// ld, one compare; behind one of two outcomes another load and another compare.
    #[test]
    fn a_test_behind_one_outcome_of_two_counts_half() {
        let mut graph = Graph::default();
        let (yes, no) = (graph.leaf(Action::Allow), graph.leaf(Action::KillProcess));
        let mut below = |argument, last, yes, no| {
            let variable = Variable::whole(Word::low(argument, Endian::Little));
            graph.switch(variable, vec![Arm { last, target: yes }, Arm { last: u32::MAX, target: no }])
        };
        let second = below(1, 9, yes, no);
        let first = below(0, 4, second, no);
        assert_eq!(mean(&graph, second), parts(2));
        assert_eq!(mean(&graph, first), parts(3));
        assert_eq!(mean(&graph, yes), 0);
    }
}
