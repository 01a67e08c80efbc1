//! The check that every compile passes: the program does what the policy says, on every number and on boundary values.
//!
//! It shares nothing with the code generator. It knows the policy, by [`Policy::decide`], and the program, by
//! [`simulate`], and looks for one call on which they differ. It is a test of many calls, not a proof.

mod arguments;
mod numbers;

use std::collections::BTreeSet;

use thiserror::Error;

use crate::abi::{Abi, Endian};
use crate::action::Action;
use crate::bpf::{Fault, Program, simulate};
use crate::call::SyscallData;
use crate::policy::{CallPolicy, Policy};

/// A program that passed, and how much it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many calls were decided both ways.
    pub calls: usize,
}

/// A call that the policy and the program decide differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the program differs from the policy on nr {nr} of arch {arch:#010x} with arguments {args}: \
     the policy says {wanted}, the program {}",
    said(got),
    nr = call.nr,
    arch = call.arch,
    args = words(call)
)]
pub struct Mismatch {
    /// The call.
    pub call: SyscallData,
    /// What the policy says.
    pub wanted: Action,
    /// What the program does.
    pub got: Result<Action, Fault>,
}

fn words(call: &SyscallData) -> String {
    call.args.map(|word| format!("{word:#x}")).join(", ")
}

fn said(got: &Result<Action, Fault>) -> String {
    match got {
        Ok(action) => action.to_string(),
        Err(fault) => format!("can't run: {fault}"),
    }
}

/// Compares a program with the policy it was made from.
///
/// Tokens: every known one, its neighbours, and unknown ones. Numbers of each: all that the policy names on any ABI, with and
/// without the x32 bit, their neighbours, 0 to 1023, and the edges of the ABIs' ranges. Arguments of each: none, all bits, and
/// words that satisfy clauses of other numbers. For numbers with clauses besides, the boundary values of every compared word,
/// combined across the arguments: all combinations when there are few, else single ones, pairs and a sample. Compared is what
/// the kernel will do ([`Action::from_ret`]), not the bits of the return value.
///
/// # Errors
/// The first [`Mismatch`] found.
pub fn boundary(policy: &Policy, program: &Program) -> Result<Checked, Mismatch> {
    let mut calls = 0;
    let plain = plain(policy);
    for token in numbers::tokens() {
        let endian = endian(policy, token);
        for nr in numbers::numbers(policy, token) {
            let clauses = clauses(policy, token, nr);
            let mut check = |args: [u64; 6]| {
                calls += 1;
                compare(policy, program, endian, SyscallData::new(token, nr, args))
            };
            plain.iter().try_for_each(|&args| check(args))?;
            if let Some(call) = clauses {
                arguments::each(call, &mut check)?;
            }
        }
    }
    Ok(Checked { calls })
}

/// How many words that satisfy some clause are tried on every number.
const MOST_WITNESSES: usize = 24;

/// Argument words for every number: for one without clauses any would do, unless the program runs another's check on them.
fn plain(policy: &Policy) -> Vec<[u64; 6]> {
    let calls = policy.abis.values().flat_map(|abi| abi.calls.values());
    let witnesses: BTreeSet<_> = calls.flat_map(arguments::witnesses).collect();
    let step = witnesses.len().div_ceil(MOST_WITNESSES).max(1);
    arguments::plain().into_iter().chain(witnesses.into_iter().step_by(step)).collect()
}

/// The call policy of a number that has clauses.
fn clauses(policy: &Policy, token: u32, nr: u32) -> Option<&CallPolicy> {
    let abi = Abi::of_call(token, nr)?;
    policy.abis.get(&abi)?.calls.get(&nr).filter(|call| !call.clauses.is_empty())
}

/// The byte order of calls with this token; calls of unknown ABIs are tried in that of the policy's first.
fn endian(policy: &Policy, token: u32) -> Endian {
    let known = Abi::ALL.iter().find(|abi| abi.token() == token);
    known.or_else(|| policy.abis.keys().next()).map_or(Endian::Little, |abi| abi.endian())
}

fn compare(policy: &Policy, program: &Program, endian: Endian, call: SyscallData) -> Result<(), Mismatch> {
    let wanted = policy.decide(&call).action;
    let got = simulate(program, endian, &call).map(|outcome| Action::from_ret(outcome.ret));
    if got == Ok(wanted) { Ok(()) } else { Err(Mismatch { call, wanted, got }) }
}

#[cfg(test)]
mod tests;
