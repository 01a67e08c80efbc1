//! Precedence: which entry decides each call, and the conflicts that leave it open.
//!
//! For a call, look in the nearest layer for the most specific entry that matches: a condition that holds, else the
//! name, else a group; if the layer has none, look in the next. Then `unknown`, then `all`, nearest layer first. Two
//! entries of one layer and one rank that disagree on some call are an error.

use std::collections::{BTreeMap, BTreeSet};

use callgate_grammar::{Diagnostic, Span, Spanned};

use super::examples;
use super::header::Header;
use super::multiplexers;
use super::rules::{Entry, Fallback, Rank, Rules};
use crate::abi::Abi;
use crate::action::Action;
use crate::condition::Condition;
use crate::outcome::outcomes;
use crate::policy::{AbiPolicy, CallPolicy, Cause, Clause, Decision, Policy};
use crate::prove::{self, Budget, Overlap};
use crate::tables;

/// The policy that these rules make; `None` when there is no default to fall back on.
pub(super) fn walk(header: &Header, rules: &Rules, diagnostics: &mut Vec<Diagnostic>) -> Option<Policy> {
    walk_some(header, rules, None, diagnostics)
}

/// As [`walk`], with the calls of these numbers only: what changes when a rule does.
pub(super) fn walk_some(
    header: &Header,
    rules: &Rules,
    only: Option<&BTreeSet<(Abi, u32)>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Policy> {
    let mut walker =
        Walker { only, reported: BTreeSet::new(), used: BTreeMap::new(), hidden: BTreeMap::new(), diagnostics };
    let mut abis = BTreeMap::new();
    for &abi in &header.abis {
        let Some(all) = walker.fallback(rules.all.get(&abi)) else {
            walker.diagnostics.push(
                Diagnostic::error(
                    "no-default",
                    format!("the policy doesn't say what happens to all other calls on {abi}"),
                )
                .help("add `deny: all` for a list of what is allowed, or `allow: all` for a list of what isn't"),
            );
            return None;
        };
        let unknown = walker.fallback(rules.unknown.get(&abi)).or_else(|| {
            let known = header.known.as_ref()?;
            let enosys = tables::errno(abi, "ENOSYS").expect("every ABI has ENOSYS");
            Some(Decision { action: Action::Errno(enosys), cause: Cause::Known(known.span) })
        });
        abis.insert(abi, walker.abi(abi, header, rules, &all, unknown.as_ref()));
    }
    let foreign = rules.foreign.iter().filter_map(|(abi, list)| Some((*abi, walker.fallback(Some(list))?))).collect();
    let other = walker
        .fallback(Some(&rules.other))
        .unwrap_or(Decision { action: Action::KillProcess, cause: Cause::UnlistedAbi });
    walker.report_without_effect();
    for (span, (abi, nr, value, action)) in walker.hidden {
        walker.diagnostics.extend(multiplexers::undecidable(span, abi, nr, value, action));
    }
    let text = |written: &Option<Spanned<String>>| written.as_ref().map(|text| text.node.clone());
    let (listener, listener_metadata) = (text(&header.listener), text(&header.listener_metadata));
    Some(Policy { abis, foreign, other, flags: header.flags.clone(), listener, listener_metadata })
}

/// Of entries that overlap by action, so many pairs are compared to say which; past it the answer is "undecided".
const MOST_PAIRS: usize = 2048;

/// With more clauses than this on one call, only the obvious ones are looked for that change nothing.
const MOST_CLAUSES: usize = 64;

struct Walker<'d> {
    /// The numbers to walk; all of them without it.
    only: Option<&'d BTreeSet<(Abi, u32)>>,
    /// Pairs of places whose conflict has been reported: one report for all ABIs and numbers.
    reported: BTreeSet<(Span, Span)>,
    /// Whether an entry decides any call differently than the policy would without it.
    used: BTreeMap<Span, Use>,
    /// Conditional targets that a multiplexer can't tell from their opposite: an ABI on which it is so, its number, the
    /// value that chooses the call, and what happens there.
    hidden: BTreeMap<Span, (Abi, u32, u64, Action)>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

/// What became of one target of a statement, over all its numbers.
struct Use {
    matters: bool,
    /// What decides the same way in its place, for the warning.
    instead: Option<Cause>,
}

impl Walker<'_> {
    /// The nearest layer's action; two that differ in one layer conflict.
    fn fallback(&mut self, list: Option<&Vec<Fallback>>) -> Option<Decision> {
        let list = list?;
        let nearest = list.iter().map(|fallback| fallback.layer).min()?;
        let mut same_layer: Vec<_> = list.iter().filter(|fallback| fallback.layer == nearest).collect();
        same_layer.sort_by_key(|fallback| (fallback.action, fallback.span));
        let first = same_layer[0];
        for second in &same_layer[1..] {
            if second.action != first.action {
                self.conflict(first.span, second.span, first.action, second.action, None);
            }
        }
        Some(Decision { action: first.action, cause: Cause::Statement(first.span) })
    }

    fn abi(
        &mut self,
        abi: Abi,
        header: &Header,
        rules: &Rules,
        all: &Decision,
        unknown: Option<&Decision>,
    ) -> AbiPolicy {
        let known = header.known.as_ref().map(|known| known.node);
        let too_new =
            |name: &str| known.is_some_and(|known| tables::introduced(abi, name).is_some_and(|since| since > known));
        let only = self.only;
        let wanted = |nr: u32| only.is_none_or(|only| only.contains(&(abi, nr)));
        let rest = unknown.unwrap_or(all);
        let mut named = tables::calls(abi).filter(|&(nr, _)| wanted(nr)).peekable();
        let mut ruled = rules.calls.range((abi, 0)..=(abi, u32::MAX)).map(|(&(_, nr), entries)| (nr, entries));
        let mut next_ruled = ruled.find(|&(nr, _)| wanted(nr));
        let mut calls = Vec::with_capacity(tables::calls(abi).size_hint().0);
        // Both lists ascend: the lower number is next.
        while let Some(nr) = named.peek().map(|&(nr, _)| nr).into_iter().chain(next_ruled.map(|(nr, _)| nr)).min() {
            let otherwise = match named.next_if(|&(named, _)| named == nr) {
                Some((_, name)) => unknown.filter(|_| too_new(name)).unwrap_or(all),
                None => rest,
            };
            let call = match next_ruled.filter(|&(ruled, _)| ruled == nr) {
                Some((_, entries)) => {
                    next_ruled = ruled.find(|&(nr, _)| wanted(nr));
                    self.call(abi, nr, entries, otherwise)
                }
                None => self.multiplexer(abi, nr, rules, otherwise),
            };
            calls.push((nr, call));
        }
        AbiPolicy { calls: calls.into_iter().collect(), rest: rest.clone() }
    }

    /// The walk for one number.
    fn call(&mut self, abi: Abi, nr: u32, entries: &[Entry], otherwise: &Decision) -> CallPolicy {
        if let [entry] = entries
            && entry.rank != Rank::Condition
        {
            self.note_use(entry.span, entry.action != otherwise.action, &otherwise.cause);
            let decided = Decision { action: entry.action, cause: Cause::Statement(entry.span) };
            return CallPolicy { clauses: Vec::new(), otherwise: decided };
        }
        let mut entries: Vec<_> = entries.iter().collect();
        // Canonical within a rank: by what they do, not by where they stand.
        entries.sort_by(|a, b| {
            (a.layer, a.rank, a.action, &a.condition, a.span).cmp(&(b.layer, b.rank, b.action, &b.condition, b.span))
        });
        let mut clauses = Vec::new();
        let mut decided = None;
        for group in entries.chunk_by(|a, b| (a.layer, a.rank) == (b.layer, b.rank)) {
            if decided.is_some() {
                // A nearer layer decides every call of this number, so this can't.
                self.shadowed(group, decided.as_ref());
                continue;
            }
            self.conflicts(abi, nr, group);
            if group[0].rank == Rank::Condition {
                clauses.extend(group.iter().map(|entry| Clause {
                    condition: entry.condition.clone(),
                    decision: Decision { action: entry.action, cause: Cause::Statement(entry.span) },
                }));
            } else {
                decided = Some(Decision { action: group[0].action, cause: Cause::Statement(group[0].span) });
            }
        }
        let policy = CallPolicy { clauses, otherwise: decided.clone().unwrap_or_else(|| otherwise.clone()) };
        self.note_effects(&entries, &policy, otherwise);
        policy
    }

    /// A number that no statement names. A multiplexer follows what is said of the calls it carries.
    fn multiplexer(&mut self, abi: Abi, nr: u32, rules: &Rules, otherwise: &Decision) -> CallPolicy {
        let mut clauses = Vec::new();
        if rules.parts.is_empty() {
            return CallPolicy { clauses, otherwise: otherwise.clone() };
        }
        for (&(_, _, value), entries) in rules.parts.range((abi, nr, 0)..=(abi, nr, u64::MAX)) {
            let carried = multiplexers::carried(entries, otherwise);
            for group in &carried.unconditional {
                self.conflicts(abi, nr, group);
            }
            if let (Cause::Statement(span), true) = (&carried.decision.cause, carried.hidden.is_empty()) {
                self.note_use(*span, carried.decision.action != otherwise.action, &otherwise.cause);
            }
            for entry in &carried.hidden {
                self.hidden.entry(entry.span).or_insert((abi, nr, value, carried.decision.action));
            }
            if carried.decision.action != otherwise.action {
                clauses.extend(multiplexers::clause(abi, nr, value, carried.decision));
            }
        }
        CallPolicy { clauses, otherwise: otherwise.clone() }
    }

    /// Entries of one layer and rank that disagree on some call. They come sorted by action.
    ///
    /// First all entries of one action are held against all of another, which is mostly the end of it; only where those
    /// overlap is each held against each, a bounded number of times.
    fn conflicts(&mut self, abi: Abi, nr: u32, group: &[&Entry]) {
        let by_action: Vec<_> = group.chunk_by(|a, b| a.action == b.action).collect();
        for (index, some) in by_action.iter().enumerate() {
            for others in &by_action[index + 1..] {
                if prove::overlap(&any(some), &any(others), Budget::default()) != Overlap::Never {
                    self.pairs(abi, nr, some, others);
                }
            }
        }
    }

    fn pairs(&mut self, abi: Abi, nr: u32, some: &[&Entry], others: &[&Entry]) {
        let pairs = some.iter().flat_map(|first| others.iter().map(move |second| (first, second)));
        for (first, second) in pairs.take(MOST_PAIRS) {
            if self.reported.contains(&pair(first.span, second.span)) {
                continue;
            }
            match prove::overlap(&first.condition, &second.condition, Budget::default()) {
                Overlap::Never => {}
                Overlap::At(args) => {
                    let example = shown_call(abi, nr, &args, &[&first.condition, &second.condition]);
                    self.conflict(first.span, second.span, first.action, second.action, Some(example));
                }
                Overlap::Undecided => self.undecided(first.span, second.span),
            }
        }
        if some.len().saturating_mul(others.len()) > MOST_PAIRS {
            self.undecided(some[0].span, others[0].span);
        }
    }

    fn undecided(&mut self, first: Span, second: Span) {
        if self.reported.insert(pair(first, second)) {
            self.diagnostics.push(
                Diagnostic::error("undecided-conflict", "these conditions are too many or too entangled to compare")
                    .at(second, "this")
                    .at(first, "and this")
                    .because("callgate could not decide within its budget whether they can both hold")
                    .help("split them into simpler ones, or give both the same action"),
            );
        }
    }

    fn conflict(&mut self, first: Span, second: Span, one: Action, other: Action, example: Option<String>) {
        let (early, late) = pair(first, second);
        if !self.reported.insert((early, late)) {
            return;
        }
        let (early_action, late_action) = if early == first { (one, other) } else { (other, one) };
        let mut error = Diagnostic::error("conflict", "two statements of one rank disagree")
            .at(late, format!("says {late_action}"))
            .at(early, format!("says {early_action}"));
        if let Some(example) = example {
            error = error.because(format!("both speak for {example}"));
        }
        self.diagnostics
            .push(error.help("the order of statements never matters: take one away, or make one more specific"));
    }

    fn shadowed(&mut self, group: &[&Entry], by: Option<&Decision>) {
        for entry in group {
            let usage = self.used.entry(entry.span).or_insert(Use { matters: false, instead: None });
            usage.instead = usage.instead.take().or_else(|| by.map(|decision| decision.cause.clone()));
        }
    }

    /// Notes which entries change what the call does: those without which the walk would end differently for some
    /// arguments.
    fn note_effects(&mut self, entries: &[&Entry], policy: &CallPolicy, fallback: &Decision) {
        // From here on everything does what happens when no clause holds.
        let like_the_rest = |clause: &&Clause| clause.decision.action == policy.otherwise.action;
        let tail = policy.clauses.len() - policy.clauses.iter().rev().take_while(like_the_rest).count();
        for (index, clause) in policy.clauses.iter().enumerate() {
            let Cause::Statement(span) = clause.decision.cause else { continue };
            if !self.used.get(&span).is_some_and(|usage| usage.matters) {
                let (matters, instead) = effect(policy, index, index >= tail);
                self.note_use(span, matters, &instead);
            }
        }
        let Cause::Statement(span) = policy.otherwise.cause else { return };
        let Some(decider) = entries.iter().find(|entry| entry.span == span && entry.rank != Rank::Condition) else {
            return;
        };
        let below = entries.iter().find(|entry| {
            (entry.layer, entry.rank) > (decider.layer, decider.rank)
                || (entry.layer, entry.rank) == (decider.layer, decider.rank) && entry.span != span
        });
        match below {
            Some(below) if below.rank == Rank::Condition => self.note_use(span, true, &fallback.cause),
            Some(below) => self.note_use(span, below.action != decider.action, &Cause::Statement(below.span)),
            None => self.note_use(span, fallback.action != decider.action, &fallback.cause),
        }
    }

    fn note_use(&mut self, span: Span, matters: bool, instead: &Cause) {
        let usage = self.used.entry(span).or_insert(Use { matters: false, instead: None });
        usage.matters |= matters;
        if !matters && usage.instead.is_none() {
            usage.instead = Some(instead.clone());
        }
    }

    fn report_without_effect(&mut self) {
        for (span, usage) in &self.used {
            if usage.matters {
                continue;
            }
            let warning = Diagnostic::warning("no-effect", "this changes nothing")
                .at(*span, "every call it names would go the same way without it");
            self.diagnostics.push(match &usage.instead {
                Some(Cause::Statement(other)) if other != span => warning.at(*other, "because of this"),
                Some(Cause::Known(known)) => warning.at(*known, "because of this"),
                _ => warning,
            });
        }
    }
}

/// Whether the call would go another way without one of its clauses, and what decides in its place. Undecided counts as yes.
/// `obvious`: it does what all that comes after it does.
fn effect(policy: &CallPolicy, index: usize, obvious: bool) -> (bool, Cause) {
    let clause = &policy.clauses[index];
    // Exact is dear where there are many clauses, and a list so long is hardly there for nothing.
    if policy.clauses.len() > MOST_CLAUSES {
        return (!obvious, policy.otherwise.cause.clone());
    }
    let mut without = policy.clone();
    without.clauses.remove(index);
    // A call that shows it is as good as a proof that there is one, and is mostly found at once.
    let differs = |args: &[u64; 6]| {
        let kernel = |call: &CallPolicy| Action::from_ret(call.decide(args).action.ret());
        kernel(policy) != kernel(&without)
    };
    if !obvious && examples::arguments(policy).iter().any(differs) {
        return (true, policy.otherwise.cause.clone());
    }
    if !obvious && prove::call_difference(policy, &without, Budget::default()) != Overlap::Never {
        return (true, policy.otherwise.cause.clone());
    }
    let reached = outcomes(&without, &clause.condition).unwrap_or_default();
    let instead = reached.first().map_or(&policy.otherwise.cause, |outcome| &outcome.decision.cause);
    (false, instead.clone())
}

/// That one of them holds.
fn any(entries: &[&Entry]) -> Condition {
    match entries.iter().find(|entry| entry.condition == Condition::Always) {
        Some(_) => Condition::Always,
        None => Condition::Any(entries.iter().map(|entry| entry.condition.clone()).collect()),
    }
}

fn pair(first: Span, second: Span) -> (Span, Span) {
    (first.min(second), first.max(second))
}

/// A call with the arguments that the conditions look at, the others as `_`.
fn shown_call(abi: Abi, nr: u32, args: &[u64; 6], conditions: &[&Condition]) -> String {
    let mut looked_at = [false; 6];
    for condition in conditions {
        condition.atoms(&mut |atom| looked_at[usize::from(atom.arg)] = true);
    }
    let count = looked_at.iter().rposition(|&looked| looked).map_or(0, |last| last + 1);
    let shown: Vec<_> =
        (0..count).map(|arg| if looked_at[arg] { format!("{:#x}", args[arg]) } else { "_".to_owned() }).collect();
    let name = tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned);
    if count == 0 { format!("every {name} on {abi}") } else { format!("{name}({}) on {abi}", shown.join(", ")) }
}
