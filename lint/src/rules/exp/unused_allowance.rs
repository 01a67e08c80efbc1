//! # unused-allowance
//!
//! ## What
//! A statement allows calls of which none was seen in the recordings that were given.
//!
//! ## Why
//! What a program doesn't call, an intruder may. A statement counts as used when one of its calls was seen on any ABI, or
//! one that does the same by another name: a library may take `openat2` tomorrow where it takes `openat` today. The finding
//! is as good as the recordings: error paths and rare features aren't in a short run.
//!
//! ## Example
//! ```gate seen=read,write at="ptrace"
//! deny: all
//! allow: read, write
//! allow: ptrace
//! ```
//! ```gate seen=openat,write at="open_by_handle_at"
//! deny: all
//! allow: openat
//! allow: write, open_by_handle_at, splice
//! ```
//!
//! ## Near miss
//! ```gate seen=read,openat
//! deny: all
//! allow: read, open
//! ```
//! ```gate
//! deny: all
//! allow: read, ptrace
//! ```
//!
//! ## Fix
//! Record more runs (`callgate record --repeat`, `callgate learn`), and leave out what is still not seen.
//!
//! ## Sources
//! - `callgate report`, which estimates what more runs would show

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::{Cause, Decision};
use callgate_compiler::tables;
use callgate_compiler::tables::{FamilyRole, Member};
use callgate_grammar::{Severity, Span};

use super::reach::listed;
use super::statement::statement;
use crate::capability::asked;
use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::Meaning;
use crate::rule::Rule;
use crate::seen::Seen;

pub(super) const RULE: Rule = Rule::new("EXP023", "unused-allowance", Severity::Note, check);

/// Families whose members give one power, and are otherwise for different things.
const OF_MANY_USES: [&str; 2] = ["namespace", "executable-memory"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let (Some(meaning), Some(seen)) = (&document.meaning, &document.reading.seen) else { return Ok(()) };
    let mut statements: BTreeMap<Span, Vec<(Span, String)>> = BTreeMap::new();
    for (place, name) in unused(meaning, seen) {
        statements.entry(statement(document, place)).or_default().push((place, name));
    }
    let runs = if seen.runs == 1 { "one run" } else { &format!("{} runs", seen.runs) };
    for places in statements.into_values() {
        let names: Vec<_> = places.iter().map(|(_, name)| name.clone()).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        let mut finding = findings
            .new_at(places[0].0, format!("{} {verb} allowed and was never seen", listed(&names)))
            .here("unused");
        for (place, _) in &places[1..] {
            finding = finding.and_at(*place, "and this");
        }
        findings
            .push(finding.because(format!("in {runs}")).help("record more runs, and leave out what is still not seen"));
    }
    Ok(())
}

/// The places that let calls through of which none was seen, each with what it lets through.
fn unused(meaning: &Meaning, seen: &Seen) -> Vec<(Span, String)> {
    let used = with_siblings(&seen.names());
    let mut places: BTreeMap<Span, (bool, BTreeSet<&'static str>)> = BTreeMap::new();
    for (&abi, listed) in &meaning.policy.abis {
        for (&nr, call) in &listed.calls {
            let Some(name) = tables::name(abi, nr) else { continue };
            let decisions = call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
            for place in decisions.filter_map(open) {
                let (is_used, names) = places.entry(place).or_default();
                *is_used |= used.contains(name) || seen.calls.contains(&(abi, nr));
                names.insert(name);
            }
        }
    }
    let unused = places.into_iter().filter(|(_, (is_used, _))| !is_used);
    unused
        .map(|(place, (_, names))| {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            (place, listed(&names))
        })
        .collect()
}

/// The place of a decision that lets calls through.
fn open(decision: &Decision) -> Option<Span> {
    match decision.cause {
        Cause::Statement(place) if decision.action.permits() => Some(place),
        _ => None,
    }
}

/// Names, and those that do the same, no more, and that no capability is asked for: what a library may call instead.
fn with_siblings(names: &BTreeSet<&'static str>) -> BTreeSet<&'static str> {
    let stands_in = |member: &&Member| {
        let carries = tables::parts().iter().any(|part| part.multiplexer == member.call);
        member.role == FamilyRole::Door
            && (member.selector.is_none() || carries)
            && asked().iter().all(|row| row.call != member.call)
    };
    let mut all = names.clone();
    for (_, members) in tables::families().iter().filter(|(family, _)| !OF_MANY_USES.contains(family)) {
        let doors: Vec<_> = members.iter().filter(stands_in).map(|member| member.call).collect();
        if doors.iter().any(|call| names.contains(call)) {
            all.extend(doors);
        }
    }
    all
}
