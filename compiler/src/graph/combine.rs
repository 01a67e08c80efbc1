//! Conditions as ordered graphs: every path looks at a variable once, in the order of [`Variable`](super::Variable).
//!
//! Ordering makes the tests of one word meet, so that three clauses on one argument become one search tree, and what the
//! clauses of two calls have in common becomes one node. The price is that conditions over several words can multiply; a
//! budget stops that, and the caller falls back to the plain graph.

use rustc_hash::FxHashMap;

use super::{Arm, Graph, Node, NodeId, OverBudget, Variable, plain};
use crate::abi::Endian;
use crate::condition::{Atom, Condition};

/// Combines graphs, and remembers what it combined.
pub(super) struct Combiner<'a> {
    graph: &'a mut Graph,
    done: FxHashMap<(NodeId, NodeId, NodeId), NodeId>,
    /// How many arms may still be made.
    budget: usize,
    /// How many variables deep a path may go; bounds the recursion.
    depth: usize,
}

impl<'a> Combiner<'a> {
    pub(super) fn new(graph: &'a mut Graph, budget: usize) -> Self {
        Self { graph, done: FxHashMap::default(), budget, depth: 256 }
    }

    /// What is left of the budget.
    pub(super) fn left(&self) -> usize {
        self.budget
    }

    /// The ordered graph of a condition; its ends are truths.
    pub(super) fn condition(&mut self, endian: Endian, condition: &Condition) -> Result<NodeId, OverBudget> {
        self.condition_of(condition, &mut |combiner, atom| {
            combiner.spend(atom.values.ranges().len())?;
            let (yes, no) = (combiner.graph.truth(true), combiner.graph.truth(false));
            Ok(plain::atom(combiner.graph, endian, atom, yes, no))
        })
    }

    /// The same for atoms that something else makes graphs of.
    pub(super) fn condition_of(
        &mut self,
        condition: &Condition,
        graph_of: &mut dyn FnMut(&mut Self, &Atom) -> Result<NodeId, OverBudget>,
    ) -> Result<NodeId, OverBudget> {
        let (yes, no) = (self.graph.truth(true), self.graph.truth(false));
        match condition {
            Condition::Always => Ok(yes),
            Condition::Atom(atom) => graph_of(self, atom),
            Condition::Not(inner) => {
                let inner = self.condition_of(inner, graph_of)?;
                self.choose(inner, no, yes)
            }
            Condition::All(parts) => parts.iter().try_fold(yes, |all, part| {
                let part = self.condition_of(part, graph_of)?;
                self.choose(all, part, no)
            }),
            Condition::Any(parts) => parts.iter().try_fold(no, |any, part| {
                let part = self.condition_of(part, graph_of)?;
                self.choose(any, yes, part)
            }),
        }
    }

    /// If-then-else: `yes` where `test` leads to true, `no` where it leads to false. Shannon's expansion on the first variable
    /// any of them looks at: `choose(t, y, n) = switch v {i -> choose(t|i, y|i, n|i)}`.
    pub(super) fn choose(&mut self, test: NodeId, yes: NodeId, no: NodeId) -> Result<NodeId, OverBudget> {
        match self.graph.node(test) {
            Node::Truth(true) => return Ok(yes),
            Node::Truth(false) => return Ok(no),
            _ if yes == no => return Ok(yes),
            Node::Switch { .. } | Node::Leaf(_) => {}
        }
        if *self.graph.node(yes) == Node::Truth(true) && *self.graph.node(no) == Node::Truth(false) {
            return Ok(test);
        }
        let key = (test, yes, no);
        if let Some(&known) = self.done.get(&key) {
            return Ok(known);
        }
        let nodes = [test, yes, no];
        let variable_of = |id: NodeId| match self.graph.node(id) {
            Node::Switch { variable, .. } => Some(*variable),
            Node::Leaf(_) | Node::Truth(_) => None,
        };
        let Some(variable) = nodes.into_iter().filter_map(variable_of).min() else { return Err(OverBudget) };
        let arms_of = |id: NodeId| match self.graph.node(id) {
            Node::Switch { variable: own, arms } if *own == variable => arms.clone(),
            _ => vec![Arm { last: u32::MAX, target: id }],
        };
        let pieces = common_pieces(&nodes.map(arms_of));
        self.spend(pieces.len())?;
        self.depth = self.depth.checked_sub(1).ok_or(OverBudget)?;
        let mut arms = Vec::with_capacity(pieces.len());
        for (last, [test, yes, no]) in pieces {
            arms.push(Arm { last, target: self.choose(test, yes, no)? });
        }
        self.depth += 1;
        let node = self.graph.switch(variable, arms);
        self.done.insert(key, node);
        Ok(node)
    }

    /// The node of a variable that leads to truths.
    pub(super) fn truths(
        &mut self,
        variable: Variable,
        arms: impl Iterator<Item = bool>,
    ) -> Result<NodeId, OverBudget> {
        let arms = (0_u32..).zip(arms).map(|(last, truth)| Arm { last, target: self.graph.truth(truth) });
        let mut arms: Vec<Arm> = arms.collect();
        self.spend(arms.len())?;
        arms.last_mut().ok_or(OverBudget)?.last = u32::MAX;
        Ok(self.graph.switch(variable, arms))
    }

    fn spend(&mut self, arms: usize) -> Result<(), OverBudget> {
        self.budget = self.budget.checked_sub(arms).ok_or(OverBudget)?;
        Ok(())
    }
}

/// The coarsest intervals on which none of three lists of arms changes.
fn common_pieces(lists: &[Vec<Arm>; 3]) -> Vec<(u32, [NodeId; 3])> {
    let mut at = [0_usize; 3];
    let mut pieces = Vec::new();
    loop {
        let heads = [lists[0][at[0]], lists[1][at[1]], lists[2][at[2]]];
        let last = heads.iter().map(|arm| arm.last).min().unwrap_or(u32::MAX);
        pieces.push((last, heads.map(|arm| arm.target)));
        if last == u32::MAX {
            return pieces;
        }
        for (at, head) in at.iter_mut().zip(heads) {
            *at += usize::from(head.last == last);
        }
    }
}
