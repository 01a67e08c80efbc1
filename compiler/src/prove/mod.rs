//! The prover: exact answers about policies, programs and conditions, over all inputs, never by sampling.
//!
//! It shares no code with the code generator. Everything is a function of the bits of `seccomp_data`, held as a reduced
//! decision diagram: two functions are equal exactly when their diagrams are.

mod condition;
mod cube_sets;
mod cubes;
mod diagram;
mod difference;
mod layout;
mod listing;
mod operation;
mod policy;
mod program;
mod proof;
#[cfg(test)]
mod tests;
mod verdict;
mod word;

use std::fmt;

pub use condition::{Implication, Overlap, implies, overlap, satisfiable};
pub use cubes::{Cube, TooMany, cover_for, cubes, cubes_for};
pub use listing::{Difference, Differences};
pub use operation::Refusal;
pub use proof::{
    differences, equal, policies_equal, policy_equals_program, policy_within, program_within, programs_equal, prove,
    within,
};
pub use verdict::{Filter, Relation, Side, Undecided, Verdict, Witness, WordOrder};

/// How much an answer may cost. Past it the answer is "undecided", never a guess.
///
/// Memory is at most about 40 bytes a node and 16 MB more; time follows the nodes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The nodes of all diagrams together.
    pub nodes: usize,
}

impl Default for Budget {
    /// 5,000,000 nodes, at most about 220 MB. Filters in the wild need less than a hundredth of it.
    fn default() -> Self {
        Self { nodes: 5_000_000 }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes", self.nodes)
    }
}
