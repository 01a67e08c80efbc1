//! The decision graph: a policy as a directed acyclic graph of tests on 32-bit words of `seccomp_data`.
//!
//! An inner node looks at one [`Variable`], a word under a mask, and goes on by the interval it falls in. Leaves are actions.
//! Nodes are hash-consed: a node is made once, so equal subgraphs are one node, and what two numbers or two ABIs have in
//! common is shared without anyone looking for it. Nodes are made bottom up, so a node's id is above those of its children,
//! and going through ids in order is a topological order.
//!
//! Every simplification is a law: a named function in `laws` or `known`, its identity in its comment, a truth table in its tests.

mod arguments;
mod call;
mod choice;
mod classes;
mod combine;
mod cost;
mod diagram;
mod executed;
mod known;
mod laws;
mod merge;
mod plain;
mod plainest;
mod policy;
mod synthesis;
mod twins;
mod views;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::action::Action;

pub(crate) use laws::{largest_possible, smallest_possible};
pub use plainest::plainest;
pub use policy::of_policy;
pub use words::{Variable, Word};

/// A graph, or what it is made of, grew past its budget; something plainer takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OverBudget;

/// What the code of arguments is made for, where its length and the way through it pull apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// The fewest instructions.
    #[default]
    Short,
    /// The fewest executed instructions when every outcome of a test is as likely as any other; then the fewest of all.
    Quick,
}

/// A node of one [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Position in the order in which the graph's nodes were made.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One interval of a variable and where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arm {
    /// The interval's last value. It starts after the last value of the arm before it, the first arm at 0.
    pub last: u32,
    /// Where to go on.
    pub target: NodeId,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The end: this happens.
    Leaf(Action),
    /// The end of a condition while it is being built: it holds, or not. Never part of a finished graph.
    Truth(bool),
    /// Look at a variable. At least two arms; neighbours lead to different nodes; the last arm ends at `u32::MAX`; every arm
    /// but the first starts at a value the variable can have.
    Switch {
        /// What to look at.
        variable: Variable,
        /// By ascending values.
        arms: Vec<Arm>,
    },
}

/// A store of nodes.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    // Looked up only, never gone through: its order can't show.
    ids: FxHashMap<Node, NodeId>,
}

impl Graph {
    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The end node of an action.
    pub fn leaf(&mut self, action: Action) -> NodeId {
        self.intern(Node::Leaf(action))
    }

    fn truth(&mut self, value: bool) -> NodeId {
        self.intern(Node::Truth(value))
    }

    /// The node that looks at a variable, after the laws that need nothing but the arms.
    pub fn switch(&mut self, variable: Variable, arms: Vec<Arm>) -> NodeId {
        let arms = laws::merge_neighbours(laws::drop_impossible_arms(variable.mask, arms));
        match laws::same_branches(&arms) {
            Some(only) => only,
            None => self.intern(Node::Switch { variable, arms }),
        }
    }

    fn intern(&mut self, node: Node) -> NodeId {
        if let Some(&id) = self.ids.get(&node) {
            return id;
        }
        // Plain graphs are linear in the policy and ordered ones have a budget: none comes near 2^32 nodes.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node.clone());
        self.ids.insert(node, id);
        id
    }

    /// Every node that can be reached from `root`, children before parents.
    #[must_use]
    pub fn reachable(&self, root: NodeId) -> Vec<NodeId> {
        let mut seen = BTreeSet::from([root]);
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if let Node::Switch { arms, .. } = self.node(id) {
                open.extend(arms.iter().map(|arm| arm.target).filter(|&target| seen.insert(target)));
            }
        }
        seen.into_iter().collect()
    }

    /// How many compares a graph takes when each arm but one of a node costs one: what two graphs of one meaning are measured by.
    fn size(&self, root: NodeId) -> usize {
        let compares = |id: &NodeId| match self.node(*id) {
            Node::Switch { arms, .. } => arms.len() - 1,
            _ => 0,
        };
        self.reachable(root).iter().map(compares).sum()
    }

    /// The most tests on any path.
    fn depth(&self, root: NodeId) -> usize {
        let mut depths = BTreeMap::new();
        let mut depth = 0;
        for id in self.reachable(root) {
            depth = match self.node(id) {
                Node::Switch { arms, .. } => {
                    1 + arms.iter().filter_map(|arm| depths.get(&arm.target)).max().copied().unwrap_or(0)
                }
                Node::Leaf(_) | Node::Truth(_) => 0,
            };
            depths.insert(id, depth);
        }
        depth
    }

    /// Where the graph leads for these words. `word` gives the value of a word of `seccomp_data`.
    #[cfg(test)]
    fn end(&self, root: NodeId, word: &dyn Fn(Word) -> u32) -> &Node {
        let mut id = root;
        loop {
            match self.node(id) {
                Node::Switch { variable, arms } => {
                    let value = word(variable.word) & variable.mask;
                    id = arms[arms.partition_point(|arm| arm.last < value)].target;
                }
                end => return end,
            }
        }
    }
}
