//! What a proof is asked, and what it answers.

use std::fmt;

use super::Budget;
use super::operation::Refusal;
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

/// What two filters can be to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both do the same with every call: every token, every number, every word, every instruction pointer.
    ///
    /// The same is what the kernel does the same ([`Action::from_ret`]): kill with other data is still kill.
    Equal,
    /// The left one permits nothing that the right one doesn't: for every call, its action is the same as the right
    /// one's, or comes before it in the kernel's order ([`Action`]'s, most severe first).
    ///
    /// Data doesn't count, as it doesn't in the kernel when it picks one of several filters' answers (`ACTION_ONLY`,
    /// kernel/seccomp.c): `errno(1)` is within `errno(38)` and the other way round, since neither lets the call happen;
    /// likewise for `trap` and `trace`. Notify is within trace and both are within log and allow, whatever a supervisor
    /// or tracer makes of the call.
    Within,
}

impl Relation {
    pub(super) fn holds(self, left: Action, right: Action) -> bool {
        let without_data = |action: Action| Action::from_ret(action.ret() & 0xffff_0000);
        match self {
            Self::Equal => left == right,
            Self::Within => without_data(left) <= without_data(right),
        }
    }
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
