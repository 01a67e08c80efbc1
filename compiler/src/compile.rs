//! A policy to a program that has been proven to mean the same.

use crate::bpf::Program;
use crate::generate::{self, GenerateError, Objective};
use crate::policy::Policy;
use crate::prove::{self, Budget, Verdict, Witness};

/// A program and the proof's size.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The filter.
    pub program: Program,
}

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The filter would be larger than the kernel takes.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The prover ran out of its budget: the program may be right, but it isn't handed out unproven.
    #[error(
        "the filter could not be proven equal to the policy: {0}\n  next: conditions that combine many parameters are the usual reason; split them"
    )]
    Undecided(String),
    /// The program differs from the policy. This is a defect of callgate's; the filter is not handed out.
    #[error(
        "internal error: the generated filter differs from the policy on {0:?}; it was not written, please report this policy"
    )]
    Wrong(Witness),
}

/// The filter of a policy, for the default [`Objective`].
///
/// # Errors
/// See [`CompileError`]; never a filter that means something else.
pub fn compile(policy: &Policy) -> Result<Compiled, CompileError> {
    compile_for(policy, &Objective::default())
}

/// The filter of a policy that is good at what the objective says.
///
/// # Errors
/// See [`CompileError`]; never a filter that means something else.
pub fn compile_for(policy: &Policy, objective: &Objective) -> Result<Compiled, CompileError> {
    let program = generate::generate_for(policy, objective)?;
    match prove::policy_equals_program(policy, &program, Budget::default()) {
        Verdict::Holds => Ok(Compiled { program }),
        Verdict::Fails(witness) => Err(CompileError::Wrong(witness)),
        Verdict::Undecided(reason) => Err(CompileError::Undecided(reason.to_string())),
    }
}
