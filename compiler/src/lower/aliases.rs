//! The same power by another name: a statement that refuses a call, or sets it a condition, while a sibling of the call
//! stands open, gets a warning that names the sibling.
//!
//! Only what a statement names counts, else every list of allowed calls would be full of warnings. `errno(ENOSYS)` refuses
//! nothing: it tells libc to fall back on the sibling.

use std::collections::{BTreeMap, BTreeSet};

use callgate_grammar::{Diagnostic, Span};

use super::examples;
use super::rules::{Entry, Rank, Rules};
use crate::abi::Abi;
use crate::action::Action;
use crate::condition::{Atom, Condition, ValueSet};
use crate::outcome::{Undecided, outcomes};
use crate::policy::{CallPolicy, Cause, Decision, Policy};
use crate::tables::{self, FamilyRole, Member, Role};

/// A warning for each target that other calls stand open beside.
pub(super) fn open_aliases(policy: &Policy, rules: &Rules) -> Vec<Diagnostic> {
    let mut found = BTreeMap::<Span, Doors>::new();
    for (&(abi, nr), entries) in &rules.calls {
        let mut restricting: Vec<_> = entries.iter().filter(|entry| restricts(entry, abi)).collect();
        if restricting.is_empty() {
            continue;
        }
        let Some(name) = tables::name(abi, nr) else { continue };
        let Some(call) = policy.abis.get(&abi).and_then(|listed| listed.calls.get(&nr)) else { continue };
        let Ok(reached) = decisions(call, &Condition::Always) else { continue };
        let refused = reached.iter().all(|decision| !decision.action.permits());
        let deciding: BTreeSet<_> = reached.iter().map(|decision| &decision.cause).collect();
        restricting.retain(|entry| deciding.contains(&Cause::Statement(entry.span)));
        if restricting.is_empty() || reached.iter().all(|one| one.action.permits()) {
            continue;
        }
        for (member, cause) in open(policy, abi, name, refused) {
            for entry in &restricting {
                let doors =
                    found.entry(entry.span).or_insert_with(|| Doors { restricted: name, open: BTreeMap::new() });
                let door = doors.open.entry(shown(&member)).or_insert((cause.clone(), BTreeSet::new()));
                door.1.insert(abi);
            }
        }
    }
    found.into_iter().map(|(span, doors)| doors.diagnostic(span, policy.abis.len())).collect()
}

/// Whether an entry says no to a call, or yes to some of its calls only.
fn restricts(entry: &Entry, abi: Abi) -> bool {
    match entry.rank {
        Rank::Group => false,
        Rank::Condition if entry.action.permits() => true,
        Rank::Condition | Rank::Name => {
            !entry.action.permits() && tables::errno(abi, "ENOSYS").map(Action::Errno) != Some(entry.action)
        }
    }
}

/// With more clauses than this on one call, each counts as one that some call meets: a warning too many at worst.
const MOST_CLAUSES: usize = 64;

/// Everything that can become of the calls that meet a condition which some call meets.
fn decisions<'p>(call: &'p CallPolicy, condition: &Condition) -> Result<Vec<&'p Decision>, Undecided> {
    if call.clauses.is_empty() || call.clauses.len() > MOST_CLAUSES {
        return Ok(call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]).collect());
    }
    let all = || call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
    // Where each is seen to happen there is nothing to prove.
    let examples = examples::arguments(call);
    let seen: Vec<_> = examples.iter().filter(|args| condition.holds(args)).map(|args| call.decide(args)).collect();
    if all().all(|decision| seen.iter().any(|seen| std::ptr::eq(*seen, decision))) {
        return Ok(all().collect());
    }
    Ok(outcomes(call, condition)?.into_iter().map(|one| one.decision).collect())
}

/// The siblings of a call that are permitted whatever their arguments, and what permits them.
fn open(policy: &Policy, abi: Abi, name: &str, refused: bool) -> Vec<(Member, Cause)> {
    let mut found = Vec::new();
    let is_the_call =
        |member: &Member| member.call == name && member.selector.is_none() && member.role != FamilyRole::Whole;
    for members in tables::families().values().filter(|members| members.iter().any(is_the_call)) {
        for member in members.iter().filter(|member| member.call != name) {
            let leads_there = match member.role {
                FamilyRole::Door | FamilyRole::Whole => true,
                FamilyRole::Plain => refused,
                FamilyRole::Kin => false,
            };
            if leads_there && let Some(cause) = permitted(policy, abi, member) {
                found.push((*member, cause));
            }
        }
    }
    found
}

/// What permits a member whatever its arguments; `None` when something doesn't.
fn permitted(policy: &Policy, abi: Abi, member: &Member) -> Option<Cause> {
    let call = policy.abis.get(&abi)?.calls.get(&tables::number(abi, member.call)?)?;
    let chosen = match member.selector {
        None => Condition::Always,
        Some(selector) => {
            let parameters = (0..).zip(tables::prototype(abi, member.call)?);
            let (arg, parameter) = parameters.into_iter().find(|(_, parameter)| parameter.role == Role::Selector)?;
            let (width, value) = (parameter.width, tables::constant(abi, selector)?);
            Condition::Atom(Atom { arg, width, mask: width.max(), values: ValueSet::one(value & width.max()) })
        }
    };
    let reached = decisions(call, &chosen).ok()?;
    if reached.iter().any(|decision| !decision.action.permits()) {
        return None;
    }
    reached.first().map(|decision| decision.cause.clone())
}

fn shown(member: &Member) -> String {
    match member.selector {
        None => member.call.to_owned(),
        Some(selector) => format!("{}({selector})", member.call),
    }
}

/// What stands open beside one target: by name, what opens it and on which ABIs.
struct Doors {
    restricted: &'static str,
    open: BTreeMap<String, (Cause, BTreeSet<Abi>)>,
}

impl Doors {
    fn diagnostic(&self, span: Span, abis: usize) -> Diagnostic {
        let names: Vec<_> = self.open.keys().map(|name| format!("`{name}`")).collect();
        let (stands, them) = if names.len() == 1 { ("stands", "it") } else { ("stand", "them") };
        let mut diagnostic = Diagnostic::warning(
            "open-alias",
            format!("`{}` is restricted, and {} {stands} open beside it", self.restricted, names.join(", ")),
        )
        .at(span, "restricted here");
        let mut by_place = BTreeMap::<Span, Vec<&str>>::new();
        for (name, (cause, _)) in &self.open {
            if let Cause::Statement(place) | Cause::Known(place) = cause
                && *place != span
            {
                by_place.entry(*place).or_default().push(name);
            }
        }
        for (place, names) in by_place {
            diagnostic = diagnostic.at(place, format!("this lets {} through", names.join(", ")));
        }
        for (name, (_, on)) in self.open.iter().filter(|(_, (_, on))| on.len() < abis) {
            let on: Vec<_> = on.iter().map(|abi| abi.name()).collect();
            diagnostic = diagnostic.because(format!("{name}: on {}", on.join(", ")));
        }
        diagnostic.help(format!("they give the same power: restrict {them} alike, or take this target away"))
    }
}
