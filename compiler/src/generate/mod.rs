//! From the decision graph to a classic BPF program.
//!
//! Three steps: every node of the graph becomes a search tree of two-way compares (`lower`, `search`), the compares are laid
//! out from the end to the beginning (`emit`), and each instruction is told which calls can come to it (`provenance`).
//!
//! Invariants: the same policy gives the same bytes; a call that is allowed whatever its arguments comes to its `RET` by loads
//! of the token and the number, AND and jumps by a constant alone, so that the kernel's bitmap caches it
//! ([`constant_allow`](crate::bpf::constant_allow)).

mod compares;
mod emit;
mod frequency;
mod lower;
mod objective;
mod provenance;
mod search;
mod tails;

use thiserror::Error;

use crate::bpf::{MAX_INSTRUCTIONS, Program};
use crate::graph::{self, Graph, NodeId, Prefer};
use crate::policy::Policy;

pub use objective::{Objective, Optimize, Weights};

/// Why a policy has no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GenerateError {
    /// The shortest program found is longer than the kernel takes.
    #[error(
        "the filter takes at least {instructions} instructions, and the kernel takes no more than {MAX_INSTRUCTIONS}: \
         write fewer or simpler argument conditions, or list fewer ABIs"
    )]
    TooLong {
        /// How many it has, or is sure to have at least.
        instructions: usize,
    },
}

/// Compiles a policy, for the default [`Objective`].
///
/// # Errors
/// As [`generate_for`].
pub fn generate(policy: &Policy) -> Result<Program, GenerateError> {
    generate_for(policy, &Objective::default())
}

/// Compiles a policy to a program that is good at what the objective says.
///
/// Every call has the action that [`Policy::decide`] gives it. The program is one that [`admit`](crate::bpf::admit) accepts
/// and whose converted length ([`converted_length`](crate::bpf::converted_length)) leaves room for others.
///
/// # Errors
/// [`GenerateError::TooLong`] for policies that need more instructions than the kernel takes.
pub fn generate_for(policy: &Policy, objective: &Objective) -> Result<Program, GenerateError> {
    let prefer = if objective.optimize == Optimize::Speed { Prefer::Quick } else { Prefer::Short };
    of_graph(policy, graph::of_policy(policy, prefer), objective)
}

/// The program of the plainest graph: for policies whose better program can't be proven.
///
/// # Errors
/// As [`generate_for`].
pub(crate) fn plainest(policy: &Policy) -> Result<Program, GenerateError> {
    of_graph(policy, graph::plainest(policy), &Objective::default())
}

fn of_graph(policy: &Policy, (graph, root): (Graph, NodeId), objective: &Objective) -> Result<Program, GenerateError> {
    let (compares, start) = lower::lower(&graph, root, policy, objective);
    let layout = emit::emit(&compares, start)?;
    Ok(provenance::attach(policy, &compares, start, layout))
}

#[cfg(test)]
mod tests;
