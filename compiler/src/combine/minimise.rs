//! One policy without what changes nothing.

use std::collections::HashMap;

use super::CombineError;
use super::laws::only_what_is_needed;
use super::rule::carried_out;
use super::ways::{Way, Ways};
use crate::abi::Abi;
use crate::action::Action;
use crate::condition::Condition;
use crate::policy::{AbiPolicy, CallPolicy, Policy};
use crate::tables;

/// The policy without clauses that decide nothing or change nothing, without numbers that no table names and that do what the
/// rest does, and without unlisted ABIs that do what the others do. Calls that have a name and do what the rest does are
/// decided by the rest's statement. Which ABIs it lists stays.
///
/// The result equals the policy, which the tests have proven of the laws; [`crate::prove::policies_equal`] proves it of one.
///
/// # Errors
/// [`CombineError::TooEntangled`] when the prover's budget ends.
pub fn minimise(policy: &Policy) -> Result<Policy, CombineError> {
    let mut known = HashMap::new();
    let mut abis = policy.abis.clone();
    for (&abi, listed) in &policy.abis {
        for (&nr, call) in listed.calls.iter().filter(|(_, call)| !call.clauses.is_empty()) {
            let smaller = without_idle_clauses(call, &mut known).ok_or(CombineError::TooEntangled { abi, nr })?;
            if let Some(place) = abis.get_mut(&abi).and_then(|listed| listed.calls.get_mut(&nr)) {
                *place = smaller;
            }
        }
    }
    for (&abi, listed) in &mut abis {
        numbers_follow_the_rest(abi, listed);
    }
    let mut policy = Policy { abis, ..policy.clone() };
    abis_follow_the_others(&mut policy);
    Ok(policy)
}

/// What is left of calls, by what they were.
type Known<'a> = HashMap<(Vec<(&'a Condition, Action)>, Action), Option<Ways<usize>>>;

/// [`only_what_is_needed`], asked once for all calls that differ in their causes alone, as one call does on several ABIs.
fn without_idle_clauses<'a>(call: &'a CallPolicy, known: &mut Known<'a>) -> Option<CallPolicy> {
    let clauses: Vec<_> = call.clauses.iter().map(|clause| (&clause.condition, clause.decision.action)).collect();
    let otherwise = call.otherwise.action;
    let ways = known.entry((clauses, otherwise)).or_insert_with_key(|(clauses, otherwise)| {
        let marked = (0..).zip(clauses);
        let clauses: Vec<_> =
            marked.map(|(mark, &(condition, action))| Way { condition: condition.clone(), action, mark }).collect();
        let last = clauses.len();
        only_what_is_needed(Ways { clauses, otherwise: (*otherwise, last) })
    });
    let decision =
        |&mark: &usize| Some(call.clauses.get(mark).map_or(&call.otherwise, |clause| &clause.decision).clone());
    ways.as_ref()?.decided(decision)
}

/// A number that does what the rest does needs no statement: without a name it goes, with one the rest's own decides it. Every
/// number with a name stays in the list, as [`AbiPolicy::calls`] promises.
fn numbers_follow_the_rest(abi: Abi, listed: &mut AbiPolicy) {
    let rest = listed.rest.clone();
    let follows =
        |call: &CallPolicy| call.clauses.is_empty() && carried_out(call.otherwise.action) == carried_out(rest.action);
    listed.calls.retain(|&nr, call| !follows(call) || tables::name(abi, nr).is_some());
    for call in listed.calls.values_mut().filter(|call| follows(call)) {
        call.otherwise = rest.clone();
    }
}

/// An unlisted ABI with a decision of its own needs none when the others' is the same.
fn abis_follow_the_others(policy: &mut Policy) {
    let other = carried_out(policy.other.action);
    policy.foreign.retain(|_, decision| carried_out(decision.action) != other);
}
