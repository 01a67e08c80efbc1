//! Mutants of a policy: one target changed at a time, to see whether an `expect:` line notices.
//!
//! A mutant is made where lowering has collected what each target says of each number, so that only the numbers the
//! target speaks of are walked again; everything else is as it was. Whether it changes anything at all is the prover's
//! answer: a target whose loss changes no call is no hole in the tests.

use std::collections::{BTreeMap, BTreeSet};

use callgate_grammar::tree::{Statement, StatementKind, Target as RuleTarget, TargetKind, Verb};
use callgate_grammar::{Diagnostic, Span};

use super::expect::{Question, questions};
use super::header::{self, Header};
use super::rules::{Entry, Fallback, Rules};
use super::{Groups, Target, Unit, collect, walk};
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;
use crate::condition::Condition;
use crate::outcome::Undecided;
use crate::policy::Policy;
use crate::prove::{self, Budget, Overlap, Verdict};
use crate::tables;

/// What a mutant does to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The target, or the `known:`, is taken away.
    Removed,
    /// A target that lets calls through denies them (EPERM).
    Denied,
    /// A target that doesn't let calls through allows them.
    Allowed,
    /// One of its conditions, between two commas, is taken away.
    Dropped(Span),
    /// One of its conditions is turned around.
    Negated(Span),
}

/// A call that a mutant treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The call.
    pub data: SyscallData,
    /// What the policy does with it.
    pub before: Action,
    /// What the mutant does.
    pub after: Action,
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An expectation that held no longer does.
    Noticed,
    /// It is no policy: two statements conflict, or the default is missing. The compiler notices.
    Refused,
    /// It changes this call, for instance, and every expectation still holds.
    Survived(Changed),
    /// It does the same with every call.
    Equivalent,
    /// Past the prover's default budget.
    Undecided,
}

/// One change to one target, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The target, as written.
    pub span: Span,
    /// What was done to it.
    pub change: Change,
    /// With what effect.
    pub fate: Fate,
}

/// Every mutant of the targets that speak here, in the order of the text. Of several mutants of a target that do the same with every call,
/// the first stands for all. Expectations that fail as it is can't notice anything.
///
/// # Errors
/// What is wrong with the policy, or with its expectations.
pub fn mutants(units: &[Unit], groups: &Groups, target: &Target) -> Result<Vec<Mutant>, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let header = header::read(units, target, &mut diagnostics);
    let rules = collect::collect(units, groups, target, &header, &mut diagnostics);
    let policy = walk::walk(&header, &rules, &mut diagnostics);
    diagnostics.retain(Diagnostic::is_error);
    let Some(policy) = policy.filter(|_| diagnostics.is_empty()) else { return Err(diagnostics) };
    let asked = questions(units, target)?.asked;
    let asked = asked.into_iter().filter(|question| question.holds(&policy) == Ok(true)).collect();
    let mut laboratory = Laboratory { numbers: numbers(&rules), header, rules, policy, asked, found: Vec::new() };
    for unit in units {
        laboratory.statements(&unit.file.statements);
    }
    Ok(laboratory.found)
}

/// The numbers that each target speaks of.
fn numbers(rules: &Rules) -> BTreeMap<Span, BTreeSet<(Abi, u32)>> {
    let mut numbers = BTreeMap::<_, BTreeSet<_>>::new();
    for (&number, entries) in &rules.calls {
        for entry in entries {
            numbers.entry(entry.span).or_default().insert(number);
        }
    }
    for (&(abi, nr, _), entries) in
        rules.parts.iter().filter(|((abi, nr, _), _)| !rules.calls.contains_key(&(*abi, *nr)))
    {
        for entry in entries {
            numbers.entry(entry.span).or_default().insert((abi, nr));
        }
    }
    numbers
}

struct Laboratory {
    header: Header,
    rules: Rules,
    policy: Policy,
    /// The expectations that hold.
    asked: Vec<Question>,
    numbers: BTreeMap<Span, BTreeSet<(Abi, u32)>>,
    found: Vec<Mutant>,
}

/// A policy with one change.
struct Changeling {
    /// Only the changed numbers are in it, when there is a list of them.
    policy: Policy,
    only: Option<BTreeSet<(Abi, u32)>>,
}

impl Laboratory {
    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match &statement.node {
                StatementKind::Rule { verb, targets } => {
                    for target in targets {
                        self.target(&verb.node, target);
                    }
                }
                // A nearer `known:` may be the one that counts.
                StatementKind::Known(version)
                    if self.header.known.as_ref().is_some_and(|known| known.span == version.span) =>
                {
                    let header = Header { known: None, ..self.header.clone() };
                    let changeling = self.whole(&header, &self.rules);
                    self.examine(version.span, vec![(Change::Removed, changeling)]);
                }
                StatementKind::When { body, .. } => self.statements(body),
                _ => {}
            }
        }
    }

    fn target(&mut self, verb: &Verb, target: &RuleTarget) {
        let span = target.span;
        if !self.speaks(span) {
            return;
        }
        let mut changes = vec![Change::Removed];
        changes.push(if matches!(verb, Verb::Allow | Verb::Log) { Change::Denied } else { Change::Allowed });
        let changelings: Vec<_> = match &target.node {
            TargetKind::Call(call) => {
                let conditions: Vec<_> = call.arguments.iter().flatten().map(|condition| condition.span).collect();
                changes.extend(conditions.iter().copied().map(Change::Dropped));
                changes.extend(conditions.iter().copied().map(Change::Negated));
                changes.into_iter().map(|change| (change, self.some(span, change, &conditions))).collect()
            }
            TargetKind::Group(_) => changes.into_iter().map(|change| (change, self.some(span, change, &[]))).collect(),
            TargetKind::All | TargetKind::Unknown | TargetKind::Arch(_) => {
                changes.into_iter().map(|change| (change, self.fallback(span, change))).collect()
            }
        };
        self.examine(span, changelings);
    }

    /// Whether the target says anything here: its `when` holds, and an ABI has its call.
    fn speaks(&self, span: Span) -> bool {
        let Rules { all, unknown, foreign, other, .. } = &self.rules;
        let fallbacks = all.values().chain(unknown.values()).chain(foreign.values()).chain([other]);
        self.numbers.contains_key(&span) || fallbacks.flatten().any(|fallback| fallback.span == span)
    }

    /// The policy with a change to a target that names calls; `None` when it is refused.
    fn some(&self, span: Span, change: Change, conditions: &[Span]) -> Option<Changeling> {
        let only = self.numbers.get(&span).cloned().unwrap_or_default();
        let with_change = |abi, entries: &[Entry]| -> Vec<Entry> {
            let changed = entries.iter().filter_map(|entry| {
                if entry.span == span { changed(entry, abi, change, conditions) } else { Some(entry.clone()) }
            });
            changed.collect()
        };
        let named = only.iter().filter_map(|number| Some((number, self.rules.calls.get(number)?)));
        let parts = only.iter().flat_map(|&(abi, nr)| self.rules.parts.range((abi, nr, 0)..=(abi, nr, u64::MAX)));
        let rules = Rules {
            calls: named.map(|(number, entries)| (*number, with_change(number.0, entries))).collect(),
            parts: parts.map(|(&part, entries)| (part, with_change(part.0, entries))).collect(),
            all: self.rules.all.clone(),
            unknown: self.rules.unknown.clone(),
            foreign: self.rules.foreign.clone(),
            other: self.rules.other.clone(),
        };
        let mut diagnostics = Vec::new();
        let policy = walk::walk_some(&self.header, &rules, Some(&only), &mut diagnostics);
        let refused = diagnostics.iter().any(Diagnostic::is_error);
        policy.filter(|_| !refused).map(|policy| Changeling { policy, only: Some(only) })
    }

    /// The policy with a change to `all`, `unknown` or `arch X`; `None` when it is refused.
    fn fallback(&self, span: Span, change: Change) -> Option<Changeling> {
        let mut rules = self.rules.clone();
        let on = |list: &mut Vec<Fallback>, abi| match change {
            Change::Removed => list.retain(|fallback| fallback.span != span),
            _ => list
                .iter_mut()
                .filter(|fallback| fallback.span == span)
                .for_each(|fallback| fallback.action = flipped(change, abi)),
        };
        for (&abi, list) in rules.all.iter_mut().chain(&mut rules.unknown).chain(&mut rules.foreign) {
            on(list, abi);
        }
        // Of an ABI that nobody knows, the errno can't be another number.
        on(&mut rules.other, Abi::X86_64);
        self.whole(&self.header, &rules)
    }

    fn whole(&self, header: &Header, rules: &Rules) -> Option<Changeling> {
        let mut diagnostics = Vec::new();
        let policy = walk::walk(header, rules, &mut diagnostics);
        let refused = diagnostics.iter().any(Diagnostic::is_error);
        policy.filter(|_| !refused).map(|policy| Changeling { policy, only: None })
    }

    /// Enters what became of the mutants of one target.
    fn examine(&mut self, span: Span, changelings: Vec<(Change, Option<Changeling>)>) {
        let mut known = Vec::<Changeling>::new();
        for (change, changeling) in changelings {
            let Some(changeling) = changeling else {
                self.found.push(Mutant { span, change, fate: Fate::Refused });
                continue;
            };
            if known.iter().any(|other| difference(&other.policy, &changeling) == Ok(None)) {
                continue;
            }
            let fate = self.fate(&changeling).unwrap_or(Fate::Undecided);
            self.found.push(Mutant { span, change, fate });
            known.push(changeling);
        }
    }

    fn fate(&self, changeling: &Changeling) -> Result<Fate, Undecided> {
        let Some(changed) = difference(&self.policy, changeling)? else { return Ok(Fate::Equivalent) };
        for question in &self.asked {
            let touched =
                changeling.only.as_ref().is_none_or(|only| only.contains(&(question.abi, question.pattern.nr)));
            if touched && !question.holds(&changeling.policy)? {
                return Ok(Fate::Noticed);
            }
        }
        Ok(Fate::Survived(changed))
    }
}

/// What a target says once it is changed; `None` when it is taken away.
fn changed(entry: &Entry, abi: Abi, change: Change, conditions: &[Span]) -> Option<Entry> {
    let mut entry = entry.clone();
    match change {
        Change::Removed => return None,
        Change::Denied | Change::Allowed => entry.action = flipped(change, abi),
        // The rank stays: what was a condition that sometimes holds is one that always does.
        Change::Dropped(condition) => {
            let mut parts = parts(&entry.condition, conditions.len());
            parts.retain(|(index, _)| conditions.get(*index) != Some(&condition));
            entry.condition = Condition::All(parts.into_iter().map(|(_, part)| part).collect());
        }
        Change::Negated(condition) => {
            let turned = parts(&entry.condition, conditions.len()).into_iter().map(|(index, part)| {
                if conditions.get(index) == Some(&condition) { Condition::Not(Box::new(part)) } else { part }
            });
            entry.condition = Condition::All(turned.collect());
        }
    }
    Some(entry)
}

/// The conditions that were written between commas, by position: lowering makes a single one the whole condition, and
/// an "and" of several.
fn parts(condition: &Condition, count: usize) -> Vec<(usize, Condition)> {
    match condition {
        Condition::All(parts) if count > 1 => parts.iter().cloned().enumerate().collect(),
        whole => vec![(0, whole.clone())],
    }
}

fn flipped(change: Change, abi: Abi) -> Action {
    match change {
        Change::Denied => Action::Errno(tables::errno(abi, "EPERM").expect("every ABI has EPERM")),
        _ => Action::Allow,
    }
}

/// A call that a changed policy treats differently; `before` is whole, or has the same numbers.
fn difference(before: &Policy, after: &Changeling) -> Result<Option<Changed>, Undecided> {
    if after.only.is_none() {
        return match prove::policies_equal(before, &after.policy, Budget::default()) {
            Verdict::Holds => Ok(None),
            Verdict::Fails(witness) => {
                Ok(Some(Changed { data: witness.data, before: witness.left, after: witness.right }))
            }
            Verdict::Undecided(_) => Err(Undecided),
        };
    }
    for (&abi, listed) in &after.policy.abis {
        for (&nr, call) in &listed.calls {
            let Some(old) = before.abis.get(&abi).and_then(|listed| listed.calls.get(&nr)) else { continue };
            if old == call {
                continue;
            }
            match prove::call_difference(old, call, Budget::default()) {
                Overlap::Never => {}
                Overlap::At(args) => {
                    return Ok(Some(Changed {
                        data: SyscallData::new(abi.token(), nr, args),
                        before: old.decide(&args).action,
                        after: call.decide(&args).action,
                    }));
                }
                Overlap::Undecided => return Err(Undecided),
            }
        }
    }
    Ok(None)
}
