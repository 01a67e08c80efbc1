//! Proofs that two filters are equal, or one inside the other.

use std::fmt;

use super::Budget;
use super::diagram::{Diagrams, Function};
use super::difference::{self, Relation};
use super::layout::Layout;
use super::operation::{self, Refusal};
use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::Program;
use crate::call::SyscallData;
use crate::policy::Policy;

/// Where a program finds the halves of a 64-bit field of `seccomp_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordOrder {
    /// As on a machine of this order, whatever the token.
    Machine(Endian),
    /// As the call's token says: `__AUDIT_ARCH_LE`, bit 30 of it (include/uapi/linux/audit.h), is set on little-endian
    /// ABIs. For a filter that speaks for ABIs of both orders.
    Token,
}

impl WordOrder {
    /// That of a policy's ABIs.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let mut orders = policy.abis.keys().map(|abi| abi.endian());
        match orders.next() {
            Some(first) if orders.all(|other| other == first) => Self::Machine(first),
            _ => Self::Token,
        }
    }
}

/// One side of a proof.
#[derive(Clone, Copy, Debug)]
pub enum Filter<'a> {
    /// What a policy means.
    Policy(&'a Policy),
    /// What the kernel does with a program.
    Program(&'a Program, WordOrder),
}

/// The answer to a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so for every call.
    Holds,
    /// It isn't for this one.
    Fails(Witness),
    /// No answer.
    Undecided(Undecided),
}

/// A call that shows why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The call: of an ABI the tables know, if there is such a one; its number and words as small as can be.
    pub data: SyscallData,
    /// What the left filter makes of it, as the kernel will carry it out.
    pub left: Action,
    /// What the right one does.
    pub right: Action,
}

/// One of the two filters of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    Left,
    /// The second.
    Right,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "first",
            Self::Right => "second",
        })
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The kernel would not load this program.
    Refused(Side, Refusal),
    /// The budget ended in a policy: its conditions combine too many words.
    Policy(Side, Budget),
    /// The budget ended at this instruction of a program: what it does with words is too complex from there, or too many
    /// states lead to it.
    Instruction(Side, usize, Budget),
    /// The budget ended when both sides were understood.
    Comparison(Budget),
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(side, refusal) => write!(f, "the kernel would refuse the {side} program: {refusal}"),
            Self::Policy(side, budget) => {
                write!(f, "the conditions of the {side} policy take more than {budget} to compare")
            }
            Self::Instruction(side, index, budget) => {
                write!(f, "the {side} program takes more than {budget} to follow; they ended at instruction {index}")
            }
            Self::Comparison(budget) => write!(f, "the two take more than {budget} to compare"),
        }
    }
}

impl std::error::Error for Undecided {}

/// Whether two filters do the same with every call: every token, every number, every word, every instruction pointer.
///
/// The same is what the kernel does the same ([`Action::from_ret`]): kill with other data is still kill.
#[must_use]
pub fn equal(left: Filter<'_>, right: Filter<'_>, budget: Budget) -> Verdict {
    prove(Relation::Equal, left, right, budget)
}

/// Whether the left filter permits nothing the right one doesn't: for every call, its action is the same as the right
/// one's, or comes before it in the kernel's order ([`Action`]'s, most severe first).
///
/// Data doesn't count, as it doesn't in the kernel when it picks one of several filters' answers: `errno(1)` is within
/// `errno(38)` and the other way round, since neither lets the call happen; likewise for `trap` and `trace`. Notify is
/// within trace and both are within log and allow, whatever a supervisor or tracer makes of the call.
#[must_use]
pub fn within(left: Filter<'_>, right: Filter<'_>, budget: Budget) -> Verdict {
    prove(Relation::Within, left, right, budget)
}

/// [`equal`] of a policy and a program made for its ABIs.
#[must_use]
pub fn policy_equals_program(policy: &Policy, program: &Program, budget: Budget) -> Verdict {
    equal(Filter::Policy(policy), Filter::Program(program, WordOrder::of(policy)), budget)
}

/// [`equal`] of two programs on a machine of this order.
#[must_use]
pub fn programs_equal(a: &Program, b: &Program, endian: Endian, budget: Budget) -> Verdict {
    let order = WordOrder::Machine(endian);
    equal(Filter::Program(a, order), Filter::Program(b, order), budget)
}

/// [`equal`] of two policies.
#[must_use]
pub fn policies_equal(a: &Policy, b: &Policy, budget: Budget) -> Verdict {
    equal(Filter::Policy(a), Filter::Policy(b), budget)
}

/// [`within`] of two policies.
#[must_use]
pub fn policy_within(a: &Policy, b: &Policy, budget: Budget) -> Verdict {
    within(Filter::Policy(a), Filter::Policy(b), budget)
}

/// [`within`] of two programs on a machine of this order.
#[must_use]
pub fn program_within(a: &Program, b: &Program, endian: Endian, budget: Budget) -> Verdict {
    let order = WordOrder::Machine(endian);
    within(Filter::Program(a, order), Filter::Program(b, order), budget)
}

fn prove(relation: Relation, left: Filter<'_>, right: Filter<'_>, budget: Budget) -> Verdict {
    let mut diagrams = Diagrams::new(budget.nodes);
    let outcome = function(&mut diagrams, left, Side::Left, budget).and_then(|left| {
        let right = function(&mut diagrams, right, Side::Right, budget)?;
        difference::difference(&mut diagrams, relation, left, right).map_err(|_| Undecided::Comparison(budget))
    });
    match outcome {
        Ok(None) => Verdict::Holds,
        Ok(Some((data, left_action, right_action))) => {
            debug_assert!(agrees(left, &data, left_action) && agrees(right, &data, right_action));
            Verdict::Fails(Witness { data, left: left_action, right: right_action })
        }
        Err(undecided) => Verdict::Undecided(undecided),
    }
}

/// Whether a policy itself says what the proof says of a call.
fn agrees(filter: Filter<'_>, data: &SyscallData, action: Action) -> bool {
    match filter {
        Filter::Policy(policy) => Action::from_ret(policy.decide(data).action.ret()) == action,
        Filter::Program(..) => true,
    }
}

fn function(diagrams: &mut Diagrams, filter: Filter<'_>, side: Side, budget: Budget) -> Result<Function, Undecided> {
    match filter {
        Filter::Policy(policy) => super::policy::policy(diagrams, policy).map_err(|_| Undecided::Policy(side, budget)),
        Filter::Program(program, order) => {
            let operations = operation::operations(program).map_err(|refusal| Undecided::Refused(side, refusal))?;
            let mut of_machine = |endian| {
                super::program::program(diagrams, &operations, endian)
                    .map_err(|at| Undecided::Instruction(side, at.instruction, budget))
            };
            match order {
                WordOrder::Machine(endian) => of_machine(endian),
                WordOrder::Token => {
                    let little = of_machine(Endian::Little)?;
                    let big = of_machine(Endian::Big)?;
                    by_token(diagrams, little, big).map_err(|_| Undecided::Comparison(budget))
                }
            }
        }
    }
}

/// `little` on tokens with `__AUDIT_ARCH_LE`, `big` on the others.
fn by_token(diagrams: &mut Diagrams, little: Function, big: Function) -> Result<Function, super::diagram::OutOfNodes> {
    let is_little = diagrams.by_word(&Layout::arch()[1..2], &[(0, Function::FALSE), (1, Function::TRUE)])?;
    diagrams.choose(is_little, little, big)
}
