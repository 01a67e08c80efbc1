//! The prover: exact answers about policies, programs and conditions, over all inputs, never by sampling.
//!
//! It shares no code with the code generator: it reads the plain types alone, and knows the kernel's rules on its own.
//!
//! # How
//!
//! A filter is a function of the bits of `seccomp_data`: arch, nr, six arguments, instruction pointer. The function is held
//! as a reduced ordered decision diagram whose leaves are what the kernel will do ([`Action::from_ret`](crate::action::Action::from_ret)); two filters are
//! equal exactly when their diagrams are the same, and a path to a leaf where they differ is a call that shows it.
//!
//! * `diagram` is the store, `layout` the order of the bits.
//! * `condition` and `policy` turn ranges and masks into diagrams directly; `operation`, `program` and `word` follow a program
//!   state by state (an instruction and what the registers that still matter hold), never path by path; `pieces` keeps
//!   what a dispatch on one word makes of it as ranges.
//! * `difference`, `listing` and `answers` find calls; `meet` puts filters together; `clauses` asks what a clause is for; `cube_sets`
//!   reads a diagram as masked equalities.
//!
//! # What counts
//!
//! Every input there is: all 2^32 tokens, known or not, all numbers, whole words even on ABIs whose high words the kernel
//! keeps zero, and the instruction pointer. So "equal" is a little stronger than what one kernel can show. What a kernel does
//! beside the filter plays no part (newer ones allow `uretprobe` whatever the filter says; `MAX_ERRNO`'s cap is in).
//!
//! # What it can't decide
//!
//! Every instruction that seccomp accepts is modelled exactly, so the only limits are a program the kernel refuses and the
//! [`Budget`]. What exhausts that: comparing two loaded words with each other, sums and products of two loaded words,
//! products and quotients by large constants, a state for each of many paths, and dozens of rules that each mask several
//! arguments (the work about doubles with every three of them).

mod answers;
mod clauses;
mod condition;
mod cube_sets;
mod cubes;
mod diagram;
mod difference;
mod layout;
mod listing;
mod meet;
mod operation;
mod pieces;
mod policy;
mod program;
mod proof;
#[cfg(test)]
mod tests;
mod verdict;
mod word;

use std::fmt;

pub use answers::{AllAnswers, Answers, answers};
pub use clauses::{Decides, Part, Parts, parts, reached};
pub use condition::{Implication, Overlap, call_difference, implies, overlap, satisfiable};
pub use cubes::{Cube, TooMany, cover_for, cubes, cubes_for};
pub use listing::{Difference, Differences};
pub use meet::{Together, equals_together};
pub use operation::Refusal;
pub use proof::{
    differences, equal, policies_equal, policy_equals_program, policy_within, program_within, programs_equal, prove,
    prove_at_cost, within,
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

/// What an answer took; the same every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The nodes of all diagrams that were made, the two filters' own among them.
    pub nodes: usize,
    /// The steps of the operations on them. A step takes some tens of nanoseconds.
    pub steps: usize,
}

impl Default for Budget {
    /// 5,000,000 nodes: at most 220 MB and a few seconds. Filters in the wild need about a hundredth of it.
    fn default() -> Self {
        Self { nodes: 5_000_000 }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} nodes", self.nodes)
    }
}
