//! Proofs that two filters are equal, or one inside the other.

use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use super::listing::Differences;
use super::verdict::{Filter, Relation, Side, Undecided, Verdict, Witness, WordOrder};
use super::{Budget, Cost};
use super::{difference, listing, operation, policy, program};
use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::Program;
use crate::call::SyscallData;
use crate::policy::Policy;

/// Whether two filters do the same with every call ([`Relation::Equal`]).
#[must_use]
pub fn equal(left: Filter<'_>, right: Filter<'_>, budget: Budget) -> Verdict {
    prove(Relation::Equal, left, right, budget)
}

/// Whether the left filter permits nothing that the right one doesn't ([`Relation::Within`]).
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

/// Whether two filters stand in a relation, and if not, a call that shows it.
#[must_use]
pub fn prove(relation: Relation, left: Filter<'_>, right: Filter<'_>, budget: Budget) -> Verdict {
    prove_at_cost(relation, left, right, budget).0
}

/// [`prove`], and what it cost.
#[must_use]
pub fn prove_at_cost(relation: Relation, left: Filter<'_>, right: Filter<'_>, budget: Budget) -> (Verdict, Cost) {
    let mut diagrams = Diagrams::new(budget.nodes);
    let outcome = both_in(&mut diagrams, left, right, budget, |diagrams, of_left, of_right| {
        Ok(difference::first(diagrams, relation, of_left, of_right)?.inspect(|witness| confirm(left, right, witness)))
    });
    let verdict = match outcome {
        Ok(None) => Verdict::Holds,
        Ok(Some(witness)) => Verdict::Fails(witness),
        Err(undecided) => Verdict::Undecided(undecided),
    };
    (verdict, diagrams.cost())
}

/// Every number for which two filters don't stand in the relation, with a call that shows it, tokens and numbers
/// ascending; at most `limit` ranges.
///
/// # Errors
///
/// No answer.
pub fn differences(
    relation: Relation,
    left: Filter<'_>,
    right: Filter<'_>,
    limit: usize,
    budget: Budget,
) -> Result<Differences, Undecided> {
    both(left, right, budget, |diagrams, of_left, of_right| {
        let differences = listing::differences(diagrams, relation, of_left, of_right, limit)?;
        differences.ranges.iter().for_each(|range| confirm(left, right, &range.witness));
        Ok(differences)
    })
}

/// Asks a question about the functions of two filters.
pub(super) fn both<T>(
    left: Filter<'_>,
    right: Filter<'_>,
    budget: Budget,
    ask: impl FnOnce(&mut Diagrams, Function, Function) -> Result<T, OutOfNodes>,
) -> Result<T, Undecided> {
    both_in(&mut Diagrams::new(budget.nodes), left, right, budget, ask)
}

/// [`both`], with the store to build in.
fn both_in<T>(
    diagrams: &mut Diagrams,
    left: Filter<'_>,
    right: Filter<'_>,
    budget: Budget,
    ask: impl FnOnce(&mut Diagrams, Function, Function) -> Result<T, OutOfNodes>,
) -> Result<T, Undecided> {
    let left = function(diagrams, left, Side::Left, budget)?;
    let right = function(diagrams, right, Side::Right, budget)?;
    ask(diagrams, left, right).map_err(|OutOfNodes| Undecided::Comparison(budget))
}

/// A second opinion on a witness, from the policies themselves.
fn confirm(left: Filter<'_>, right: Filter<'_>, witness: &Witness) {
    debug_assert!(agrees(left, &witness.data, witness.left) && agrees(right, &witness.data, witness.right));
}

/// [`confirm`] for one side.
pub(super) fn confirm_side(filter: Filter<'_>, data: &SyscallData, action: Action) {
    debug_assert!(agrees(filter, data, action));
}

/// Whether a policy itself says what the proof says of a call.
fn agrees(filter: Filter<'_>, data: &SyscallData, action: Action) -> bool {
    match filter {
        Filter::Policy(policy) => Action::from_ret(policy.decide(data).action.ret()) == action,
        Filter::Program(..) => true,
    }
}

pub(super) fn function(
    diagrams: &mut Diagrams,
    filter: Filter<'_>,
    side: Side,
    budget: Budget,
) -> Result<Function, Undecided> {
    match filter {
        Filter::Policy(policy) => {
            policy::policy(diagrams, policy).map_err(|OutOfNodes| Undecided::Policy(side, budget))
        }
        Filter::Program(program, order) => {
            let operations = operation::operations(program).map_err(|refusal| Undecided::Refused(side, refusal))?;
            let mut of_machine = |endian| {
                program::program(diagrams, &operations, endian)
                    .map_err(|at| Undecided::Instruction(side, at.instruction, budget))
            };
            match order {
                WordOrder::Machine(endian) => of_machine(endian),
                WordOrder::Token => {
                    let little = of_machine(Endian::Little)?;
                    let big = of_machine(Endian::Big)?;
                    by_token(diagrams, little, big).map_err(|OutOfNodes| Undecided::Comparison(budget))
                }
            }
        }
    }
}

/// `little` on tokens with `__AUDIT_ARCH_LE`, `big` on the others.
fn by_token(diagrams: &mut Diagrams, little: Function, big: Function) -> Result<Function, OutOfNodes> {
    let is_little = diagrams.by_word(&Layout::arch()[1..2], &[(0, Function::FALSE), (1, Function::TRUE)])?;
    diagrams.choose(is_little, little, big)
}
