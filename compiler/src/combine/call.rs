//! One number: the clauses of several policies in one list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::laws::{self, BUDGET};
use super::rule::carried_out;
use super::ways::{Way, Ways};
use super::{Rule, Said};
use crate::action::Action;
use crate::condition::Condition;
use crate::policy::CallPolicy;
use crate::prove::{self, Overlap, Part};

/// The most tests that the clauses of one number may come to, with what they repeat of each other.
const MOST_TESTS: usize = 50_000;

/// Combines numbers, and remembers what it combined: policies have far fewer different calls than calls.
pub(super) struct Calls<'a> {
    rule: Rule,
    // Looked up only.
    known: HashMap<Vec<Shape<'a>>, Option<Plan>>,
}

/// What a number comes to.
pub(super) struct Outcome {
    pub(super) call: CallPolicy,
    /// The inputs that decide at least one call of it.
    pub(super) deciders: BTreeSet<usize>,
    /// The arguments of a call that two inputs treat differently.
    pub(super) dispute: Option<[u64; 6]>,
}

/// What an outcome depends on: everything but the causes.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Shape<'a> {
    clauses: Vec<(&'a Condition, Action)>,
    otherwise: Action,
}

/// Which clause of which input; one past the last clause is its `otherwise`.
type Place = (usize, usize);

/// An outcome without causes: what stands in their place is where they come from.
#[derive(Clone)]
struct Plan {
    ways: Ways<Place>,
    deciders: BTreeSet<usize>,
    dispute: Option<[u64; 6]>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, known: HashMap::new() }
    }

    /// What these inputs come to; `None` when it is too entangled.
    pub(super) fn combine(&mut self, inputs: &[Said<'a>]) -> Option<Outcome> {
        let rule = self.rule;
        let weight = |(input, said): &(usize, &Said<'_>)| rule.weight(said.action_without_clauses(), *input);
        if inputs.iter().all(|said| matches!(said, Said::Always(_))) {
            let (input, said) = inputs.iter().enumerate().min_by_key(weight)?;
            let Said::Always(decision) = *said else { return None };
            let first = carried_out(inputs.first()?.action_without_clauses());
            let alike = inputs.iter().all(|said| carried_out(said.action_without_clauses()) == first);
            return Some(Outcome {
                call: CallPolicy { clauses: Vec::new(), otherwise: decision.clone() },
                deciders: BTreeSet::from([input]),
                dispute: (!alike).then_some([0; 6]),
            });
        }
        let shapes: Vec<_> = inputs.iter().map(|&said| Shape::of(said)).collect();
        let plan = self.known.entry(shapes).or_insert_with_key(|shapes| plan(rule, shapes)).clone()?;
        let decision = |&(input, clause): &Place| {
            Some(match inputs.get(input)? {
                Said::Always(decision) => (*decision).clone(),
                Said::Depends(call) => {
                    call.clauses.get(clause).map_or(&call.otherwise, |clause| &clause.decision).clone()
                }
            })
        };
        Some(Outcome { call: plan.ways.decided(decision)?, deciders: plan.deciders, dispute: plan.dispute })
    }
}

impl<'a> Shape<'a> {
    fn of(said: Said<'a>) -> Self {
        let action = carried_out;
        match said {
            Said::Always(decision) => Self { clauses: Vec::new(), otherwise: action(decision.action) },
            Said::Depends(call) => Self {
                clauses: call.clauses.iter().map(|one| (&one.condition, action(one.decision.action))).collect(),
                otherwise: action(call.otherwise.action),
            },
        }
    }

    /// Its clauses and what is left, each with its place among them.
    fn ways(&self) -> Ways<usize> {
        let clauses = self.clauses.iter().enumerate();
        let clauses = clauses.map(|(mark, &(condition, action))| Way { condition: condition.clone(), action, mark });
        Ways { clauses: clauses.collect(), otherwise: (self.otherwise, self.clauses.len()) }
    }

    /// The same in one list: what is left holds always.
    fn pieces(&self) -> Vec<Way<usize>> {
        let Ways { mut clauses, otherwise: (action, mark) } = self.ways();
        clauses.push(Way { condition: Condition::Always, action, mark });
        clauses
    }
}

/// Decides what the inputs come to.
fn plan(rule: Rule, inputs: &[Shape<'_>]) -> Option<Plan> {
    let entries = match counting(rule, inputs)[..] {
        [only] => one_among_constants(rule, inputs, only),
        ref several => by_weight(rule, inputs, several)?,
    };
    let (ways, deciders) = reduced(entries)?;
    Some(Plan { ways, deciders, dispute: dispute(inputs)? })
}

/// The inputs that depend on arguments, without those that say what a weightier one says.
fn counting(rule: Rule, inputs: &[Shape<'_>]) -> Vec<usize> {
    let mut seen = BTreeMap::new();
    for (input, shape) in inputs.iter().enumerate().filter(|(_, shape)| !shape.clauses.is_empty()) {
        let weight = rule.weight(shape.otherwise, input);
        let same = seen.iter().find(|&(_, &other): &(_, &usize)| inputs[other] == *shape).map(|(&weight, _)| weight);
        match same {
            Some(other) if other < weight => {}
            Some(other) => {
                seen.remove(&other);
                seen.insert(weight, input);
            }
            None => {
                seen.insert(weight, input);
            }
        }
    }
    let mut counting: Vec<_> = seen.into_values().collect();
    counting.sort_unstable();
    counting
}

/// The weightiest of the inputs that don't depend on arguments.
fn weightiest_constant(rule: Rule, inputs: &[Shape<'_>]) -> Option<usize> {
    let constants = inputs.iter().enumerate().filter(|(_, shape)| shape.clauses.is_empty());
    constants.min_by_key(|(input, shape)| rule.weight(shape.otherwise, *input)).map(|(input, _)| input)
}

/// One list of clauses against an answer that is always the same: the list as it is, with that answer wherever it counts.
fn one_among_constants(rule: Rule, inputs: &[Shape<'_>], only: usize) -> Vec<Way<Place>> {
    let constant = weightiest_constant(rule, inputs).map(|input| (inputs[input].otherwise, (input, 0)));
    let pieces = inputs[only].pieces().into_iter().map(|Way { condition, action, mark }| {
        let stronger =
            constant.filter(|&(constant, (input, _))| rule.weight(constant, input) < rule.weight(action, only));
        let (action, mark) = stronger.unwrap_or((action, (only, mark)));
        Way { condition, action, mark }
    });
    pieces.collect()
}

/// Several lists: every clause, by weight, with what was before it in its own list and weighs more taken away. The first that
/// holds is then the weightiest answer.
///
/// A clause before it that weighs less stands before it here as well: where that one holds, it is asked first. So nothing of
/// it needs to be taken away, and the whole is about as long as the lists together.
fn by_weight(rule: Rule, inputs: &[Shape<'_>], several: &[usize]) -> Option<Vec<Way<Place>>> {
    let mut ways = Vec::new();
    let mut tests = 0;
    for &input in several.iter().chain(&weightiest_constant(rule, inputs)) {
        let mut before: Vec<(_, Condition)> = Vec::new();
        for Way { condition, action, mark } in inputs[input].pieces() {
            let weight = rule.weight(action, input);
            let heavier = before.iter().filter(|(other, _)| *other > weight).map(|(_, condition)| condition.clone());
            let heavier: Vec<_> = heavier.collect();
            before.push((weight, condition.clone()));
            let condition =
                if heavier.is_empty() { condition } else { laws::all(vec![condition, laws::not(laws::any(heavier))]) };
            condition.atoms(&mut |_| tests += 1);
            if tests > MOST_TESTS {
                return None;
            }
            ways.push((weight, Way { condition, action, mark: (input, mark) }));
        }
    }
    ways.sort_by_key(|(weight, _)| *weight);
    Some(ways.into_iter().map(|(_, way)| way).collect())
}

/// The list without what changes nothing, and who decides. One of the ways always holds, so the last one needs no condition.
fn reduced(mut clauses: Vec<Way<Place>>) -> Option<(Ways<Place>, BTreeSet<usize>)> {
    let last = clauses.pop()?;
    let ways = Ways { clauses, otherwise: (last.action, last.mark) };
    let parts = prove::parts(&ways.call(), BUDGET)?;
    let deciding = ways.clauses.iter().zip(&parts.clauses).filter(|(_, part)| **part != Part::Hidden);
    let left = parts.reaches_otherwise.then_some(last.mark);
    let deciders = deciding.map(|(way, _)| way.mark).chain(left).map(|(input, _)| input).collect();
    Some((laws::simplified(ways)?, deciders))
}

/// The arguments of a call that two inputs treat differently; the outer `None`: past the budget.
#[allow(clippy::option_option)] // An answer, a "no", and no answer.
fn dispute(inputs: &[Shape<'_>]) -> Option<Option<[u64; 6]>> {
    let Some((first, others)) = inputs.split_first() else { return Some(None) };
    let first_call = first.ways().call();
    for other in others.iter().filter(|other| *other != first) {
        match prove::call_difference(&first_call, &other.ways().call(), BUDGET) {
            Overlap::Never => {}
            Overlap::At(args) => return Some(Some(args)),
            Overlap::Undecided => return None,
        }
    }
    Some(None)
}
