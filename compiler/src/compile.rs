//! A policy to a program that has been proven to mean the same.

use crate::abi::Abi;
use crate::action::Action;
use crate::bpf::{Program, constant_allow};
use crate::generate::{self, GenerateError, Objective};
use crate::policy::{CallPolicy, Policy};
use crate::prove::{self, Budget, Verdict, Witness};

/// A proven program.
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
    /// The kernel would run the program for a call that no argument decides and that is allowed. This is a defect of
    /// callgate's; the filter is not handed out.
    #[error(
        "internal error: the generated filter allows number {nr} of {abi} in a way the kernel can't cache; it was not written, please report this policy"
    )]
    NotCached {
        /// The ABI of the call.
        abi: Abi,
        /// Its number.
        nr: u32,
    },
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
/// Where the prover can't decide about that filter, the plainest one takes its place, if it can about that.
///
/// # Errors
/// See [`CompileError`]; never a filter that means something else.
pub fn compile_for(policy: &Policy, objective: &Objective) -> Result<Compiled, CompileError> {
    let program = generate::generate_for(policy, objective)?;
    match proven(policy, program) {
        Err(CompileError::Undecided(_)) => proven(policy, generate::plainest(policy)?),
        decided => decided,
    }
}

fn proven(policy: &Policy, program: Program) -> Result<Compiled, CompileError> {
    match prove::policy_equals_program(policy, &program, Budget::default()) {
        Verdict::Holds => {}
        Verdict::Fails(witness) => return Err(CompileError::Wrong(witness)),
        Verdict::Undecided(reason) => return Err(CompileError::Undecided(reason.to_string())),
    }
    match uncached(policy, &program) {
        None => Ok(Compiled { program }),
        Some((abi, nr)) => Err(CompileError::NotCached { abi, nr }),
    }
}

/// A call that the policy allows whatever its arguments, and that the kernel would run the program for
/// ([`constant_allow`]). Of numbers in a gap of the table, the ends. No kernel keeps a bitmap for x32's numbers.
fn uncached(policy: &Policy, program: &Program) -> Option<(Abi, u32)> {
    let abis = policy.abis.iter().filter(|&(&abi, _)| abi != Abi::X32);
    let mut calls = abis.flat_map(|(&abi, listed)| {
        let named = listed.calls.iter().filter(|(_, call)| always_allowed(call)).map(|(&nr, _)| nr);
        let gaps = listed.rest.action == Action::Allow;
        let ends = listed.calls.keys().filter(move |_| gaps).flat_map(|&nr| [nr.checked_sub(1), nr.checked_add(1)]);
        let ends = ends.flatten().filter(|nr| !listed.calls.contains_key(nr));
        named.chain(ends).map(move |nr| (abi, nr)).filter(|&(abi, nr)| Abi::of_call(abi.token(), nr) == Some(abi))
    });
    calls.find(|&(abi, nr)| !constant_allow(program, abi.token(), nr))
}

fn always_allowed(call: &CallPolicy) -> bool {
    let mut decisions = call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
    decisions.all(|decision| decision.action == Action::Allow)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bpf::{Instruction, op};
    use crate::samples::{always, decision, docker_like, policies, policy, when, word32};
    use proptest::prelude::*;

    /// A load of an argument in front changes no decision, and empties the bitmap.
    #[test]
    fn an_uncached_allow_is_found() {
        let policy = docker_like(&[Abi::X86_64, Abi::X86]);
        let Compiled { mut program } = compile(&policy).unwrap();
        assert_eq!(uncached(&policy, &program), None);
        program.instructions.insert(0, Instruction::load(16));
        assert_eq!(uncached(&policy, &program), Some((Abi::X86_64, 0)));
    }

    #[test]
    fn numbers_in_the_gaps_count_when_they_are_allowed() {
        let calls = BTreeMap::from([(3, always(Action::Errno(1))), (4, when(word32(0, &[(1, 1)])))]);
        let mut policy = policy([(Abi::X86_64, calls)]);
        policy.abis.get_mut(&Abi::X86_64).unwrap().rest = decision(Action::Allow);
        let Compiled { mut program } = compile(&policy).unwrap();
        assert_eq!(uncached(&policy, &program), None);
        // Rebuild the load of the number with an OR that the kernel's emulator doesn't know.
        let load = program.instructions.iter().position(|&instruction| instruction == Instruction::load(0)).unwrap();
        program.instructions.insert(load + 1, Instruction::statement(op::ALU | op::OR, 0));
        assert_eq!(uncached(&policy, &program), Some((Abi::X86_64, 2)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        /// The plainest filter means the same, and is never the one that can't be written.
        #[test]
        fn the_plainest_filter_is_right_as_well(policy in policies()) {
            let program = generate::plainest(&policy).unwrap();
            prop_assert!(proven(&policy, program).is_ok());
        }
    }
}
