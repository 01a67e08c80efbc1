//! Several policies as one: what a stack of filters enforces, the union of what policies allow, what all of them allow; and
//! one policy without what changes nothing.
//!
//! Every call is decided on its own, from the inputs' decisions for it ([`Rule`] says how), so listed ABIs, unlisted ones,
//! numbers without a name and argument words are all exact. The result is a [`Policy`] like any other, and as compact as its
//! inputs: the clauses of a call are put in the order of their weight, never multiplied with each other, and the prover drops
//! those that decide nothing. [`Rule::proof`] has the prover compare the result, or the program made of it, with the inputs
//! on every call there is.
//!
//! * `rule` is the order of answers; `call` puts the clauses of one number together; `settings` the flags and the listener;
//! * `laws` drops what changes nothing, and `minimise` applies that to a whole policy.

mod call;
mod laws;
mod minimise;
mod rule;
mod settings;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::abi::Abi;
use crate::action::Action;
use crate::policy::{AbiPolicy, CallPolicy, Decision, FilterFlag, Policy};

pub use minimise::minimise;
pub use rule::Rule;

use call::Calls;
use rule::carried_out;

/// A policy made of several, and what each of them had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined {
    /// What they come to.
    pub policy: Policy,
    /// For each number of the listed ABIs that an input names, the inputs that decide at least one call of it, by position.
    pub decided_by: BTreeMap<(Abi, u32), BTreeSet<usize>>,
    /// The numbers of which the inputs don't treat all calls alike, each with the arguments of such a call.
    pub disputed: BTreeMap<(Abi, u32), [u64; 6]>,
}

/// Why policies don't combine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CombineError {
    /// There are no policies.
    #[error("there is nothing to combine\n  next: give at least one policy")]
    Nothing,
    /// Two inputs of a stack bring a listener.
    #[error(
        "the kernel loads one filter with a listener and refuses a second (EBUSY), so policies {} and {} don't stack\n  next: leave the `listener:` out of one of them",
        .0 + 1, .1 + 1
    )]
    TwoListeners(usize, usize),
    /// One input of a stack has the listener, and another notifies.
    #[error(
        "policy {} notifies without a listener, which the kernel answers with ENOSYS; together with the listener of policy {} it would reach that one\n  next: let policy {} answer errno(ENOSYS) instead of notify",
        .silent + 1, .with_listener + 1, .silent + 1
    )]
    NotifiesAlone {
        /// The input that notifies, by position.
        silent: usize,
        /// The one with the listener.
        with_listener: usize,
    },
    /// Inputs have different listeners, or tell theirs different things, and one policy has one.
    #[error("policies {} and {} have different listeners, and a filter has one\n  next: give them the same `listener:` and `listener-metadata:`", .0 + 1, .1 + 1)]
    DifferentListeners(usize, usize),
    /// A flag that only some inputs of a stack have, and that can't be had for some of the calls.
    #[error(
        "policies {} and {} don't agree on `flags: {}`, which is for a whole filter\n  next: give the flag to all of them or to none",
        .with + 1, .without + 1, flag_name(*.flag)
    )]
    FlagOfSome {
        /// The flag.
        flag: FilterFlag,
        /// An input that has it, by position.
        with: usize,
        /// One that doesn't.
        without: usize,
    },
    /// The conditions on a call are too many or too entangled.
    #[error(
        "the conditions on number {nr} of {abi} are too many or too entangled to combine\n  next: conditions that combine many parameters are the usual reason; split them"
    )]
    TooEntangled {
        /// The ABI.
        abi: Abi,
        /// `seccomp_data.nr`.
        nr: u32,
    },
}

fn flag_name(flag: FilterFlag) -> &'static str {
    let known = FilterFlag::ALL.iter().find(|(known, ..)| *known == flag);
    known.map_or("", |(_, name, _)| name)
}

/// What the kernel enforces with all these filters loaded, the first one first: for each call the most severe of their
/// actions, with the data of the filter loaded last among those that take it.
///
/// A flag that the kernel applies to the task is had when all inputs have it (`SPEC_ALLOW`) or, as `LOG` and `TSYNC`, which
/// belong to one filter, must be had by all or none.
///
/// # Errors
/// See [`CombineError`].
pub fn stack(policies: &[Policy]) -> Result<Policy, CombineError> {
    combine(Rule::Stack, policies).map(|combined| combined.policy)
}

/// What allows a call when one of these does. Where none does, the mildest of their actions in the kernel's order; of two
/// errnos (or trap or trace numbers) the larger, which is ENOSYS rather than EPERM, so that a program's fallback goes on working.
///
/// # Errors
/// See [`CombineError`].
pub fn union(policies: &[Policy]) -> Result<Policy, CombineError> {
    combine(Rule::Union, policies).map(|combined| combined.policy)
}

/// What allows a call when all of these do. Where one doesn't, the most severe of their actions in the kernel's order; of two
/// errnos (or trap or trace numbers) the smaller: the mirror image of [`union()`], while a [stack](stack()) looks at the order of
/// its filters there.
///
/// # Errors
/// See [`CombineError`].
pub fn intersect(policies: &[Policy]) -> Result<Policy, CombineError> {
    combine(Rule::Intersect, policies).map(|combined| combined.policy)
}

/// Combines policies, and keeps book of who decided what.
///
/// Causes are taken over as they are: they mean something when the inputs' spans point into one
/// [`Sources`](callgate_grammar::Sources).
///
/// # Errors
/// See [`CombineError`].
pub fn combine(rule: Rule, policies: &[Policy]) -> Result<Combined, CombineError> {
    let flags = settings::flags(rule, policies)?;
    let listening = settings::listener(rule, policies)?;
    let (other, _) = constant(rule, policies.iter().map(|policy| &policy.other)).ok_or(CombineError::Nothing)?;
    let mut calls = Calls::new(rule);
    let mut abis = BTreeMap::new();
    let (mut decided_by, mut disputed) = (BTreeMap::new(), BTreeMap::new());
    let listed: BTreeSet<Abi> = policies.iter().flat_map(|policy| policy.abis.keys().copied()).collect();
    for &abi in &listed {
        let of_abi = OfAbi { abi, policies };
        let (rest, _) = constant(rule, of_abi.decisions(None)).ok_or(CombineError::Nothing)?;
        let mut of_numbers = BTreeMap::new();
        for nr in of_abi.numbers() {
            let inputs: Vec<_> = of_abi.calls(nr);
            let outcome = calls.combine(&inputs).ok_or(CombineError::TooEntangled { abi, nr })?;
            decided_by.insert((abi, nr), outcome.deciders);
            disputed.extend(outcome.dispute.map(|args| ((abi, nr), args)));
            of_numbers.insert(nr, outcome.call);
        }
        abis.insert(abi, AbiPolicy { calls: of_numbers, rest: rest.clone() });
    }
    let whole = decided_whole(policies, &abis);
    let mut unlisted: BTreeMap<Abi, Decision> = BTreeMap::new();
    for &abi in Abi::ALL.iter().filter(|abi| !listed.contains(abi)) {
        let decision = constant(rule, policies.iter().map(|policy| of_unlisted(policy, abi)));
        unlisted.extend(decision.map(|(decision, _)| (abi, decision.clone())));
    }
    for abi in whole {
        unlisted.extend(abis.remove(&abi).map(|listed| (abi, listed.rest)));
    }
    let needs_a_word = |(_, decision): &(Abi, Decision)| carried_out(decision.action) != carried_out(other.action);
    let foreign = unlisted.into_iter().filter(needs_a_word).collect();
    let kept = |number: &(Abi, u32)| abis.contains_key(&number.0);
    decided_by.retain(|number, _| kept(number));
    disputed.retain(|number, _| kept(number));
    let policy = Policy {
        abis,
        foreign,
        other: other.clone(),
        flags,
        listener: listening.and_then(|policy| policy.listener.clone()),
        listener_metadata: listening.and_then(|policy| policy.listener_metadata.clone()),
    };
    Ok(Combined { policy, decided_by, disputed })
}

/// The ABIs that not all inputs list and of which every call now comes to the same: they need no list. One is always left.
fn decided_whole(policies: &[Policy], abis: &BTreeMap<Abi, AbiPolicy>) -> BTreeSet<Abi> {
    let whole: BTreeSet<Abi> = abis
        .iter()
        .filter(|(abi, listed)| {
            let action = listed.rest.action;
            let alike = |call: &CallPolicy| {
                call.clauses.iter().all(|clause| clause.decision.action == action) && call.otherwise.action == action
            };
            policies.iter().any(|policy| !policy.abis.contains_key(abi)) && listed.calls.values().all(alike)
        })
        .map(|(&abi, _)| abi)
        .collect();
    if whole.len() == abis.len() { BTreeSet::new() } else { whole }
}

/// What a policy does with an ABI that it doesn't list.
fn of_unlisted(policy: &Policy, abi: Abi) -> &Decision {
    policy.foreign.get(&abi).unwrap_or(&policy.other)
}

/// The decision that counts, and whose it is; `None` when there is none at all.
fn constant<'a>(rule: Rule, decisions: impl IntoIterator<Item = &'a Decision>) -> Option<(&'a Decision, usize)> {
    let inputs = decisions.into_iter().enumerate();
    inputs
        .map(|(input, decision)| (decision, input))
        .min_by_key(|(decision, input)| rule.weight(decision.action, *input))
}

/// The inputs' views of one ABI.
struct OfAbi<'a> {
    abi: Abi,
    policies: &'a [Policy],
}

/// What an input says about a number.
#[derive(Clone, Copy)]
enum Said<'a> {
    /// This, whatever the arguments.
    Always(&'a Decision),
    /// It depends.
    Depends(&'a CallPolicy),
}

impl Said<'_> {
    fn action_without_clauses(self) -> Action {
        match self {
            Self::Always(decision) => decision.action,
            Self::Depends(call) => call.otherwise.action,
        }
    }
}

impl<'a> OfAbi<'a> {
    /// The numbers of this ABI that an input names. Others that an input has under it belong to no call of the ABI.
    fn numbers(&self) -> BTreeSet<u32> {
        let listed = self.policies.iter().filter_map(|policy| policy.abis.get(&self.abi));
        let numbers = listed.flat_map(|listed| listed.calls.keys().copied());
        numbers.filter(|nr| self.abi.numbers().iter().any(|&(first, last)| (first..=last).contains(nr))).collect()
    }

    /// What the inputs do with a number that is constant on all of them; `None`: with every number they don't name.
    fn decisions(&self, nr: Option<u32>) -> impl Iterator<Item = &'a Decision> {
        self.policies.iter().map(move |policy| match policy.abis.get(&self.abi) {
            None => of_unlisted(policy, self.abi),
            Some(listed) => nr.and_then(|nr| listed.calls.get(&nr)).map_or(&listed.rest, |call| &call.otherwise),
        })
    }

    fn calls(&self, nr: u32) -> Vec<Said<'a>> {
        let depends = |policy: &'a Policy| {
            let call = policy.abis.get(&self.abi)?.calls.get(&nr)?;
            (!call.clauses.is_empty()).then_some(call)
        };
        let said = |(policy, decision)| depends(policy).map_or(Said::Always(decision), Said::Depends);
        self.policies.iter().zip(self.decisions(Some(nr))).map(said).collect()
    }
}
