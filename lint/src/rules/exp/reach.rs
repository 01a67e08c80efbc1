//! The one check of the rules that ask whether some call is run.
//!
//! A profile is one lock and the kernel's own check of a capability another. So a call that asks for a capability is found
//! at the rule's severity where the process holds it, or can make a user namespace in which it does; as a warning at most
//! where a setting of the host lets it through without; and as a note where the kernel refuses it.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Severity, Span};

use super::statement::statement;
use crate::capability::{Left, Standing};
use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::Meaning;

/// A call that should be out of reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Power<'a> {
    /// In the policy language: `bpf`, `socket(family == AF_ALG)`. What the kernel asks for it is found by this.
    pub(super) call: &'a str,
    /// What it is called in messages; empty: by the call's own name.
    pub(super) name: &'a str,
    /// Why it should be, if that isn't what the rule says of all; empty otherwise.
    pub(super) why: &'a str,
}

impl<'a> From<&'a str> for Power<'a> {
    fn from(call: &'a str) -> Self {
        Self { call, name: "", why: "" }
    }
}

/// What passes by one statement.
struct Reached<'a> {
    /// Each call with the ABIs where it passes and how the process stands to it, in the order of the question.
    calls: Vec<(&'a Power<'a>, Vec<Abi>, Standing)>,
    /// Where in the statement, and the first call there.
    places: Vec<(Span, &'a Power<'a>)>,
    witness: Witness,
}

/// A finding for each statement of the profile that lets some of these calls through, on whatever ABI.
pub(super) fn reach<'a>(
    document: &Document,
    findings: &mut Findings,
    calls: impl IntoIterator<Item = impl Into<Power<'a>>>,
    gives: &str,
) -> Result<(), Undecided> {
    reach_at_most(document, findings, Severity::Error, calls, gives)
}

/// As [`reach`], at this severity or the rule's, whichever is less.
pub(super) fn reach_at_most<'a>(
    document: &Document,
    findings: &mut Findings,
    most: Severity,
    calls: impl IntoIterator<Item = impl Into<Power<'a>>>,
    gives: &str,
) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let calls: Vec<Power<'a>> = calls.into_iter().map(Into::into).collect();
    for reached in by_statement(document, meaning, &calls)? {
        let names = reached.names();
        let verb = if names.len() == 1 { "is" } else { "are" };
        let message = format!("{} {verb} within reach: {gives}", listed(&names));
        let severity = reached.calls.iter().map(|(.., standing)| severity(standing)).max().unwrap_or(Severity::Error);
        let (place, _) = reached.places[0];
        let mut finding = findings.new_at(place, message).here("this lets it through").at_most(severity).at_most(most);
        for &(place, power) in &reached.places[1..] {
            finding = finding.and_at(place, format!("and this {}", reached.name(power)));
        }
        for note in notes(&reached, meaning.kernel) {
            finding = finding.because(note);
        }
        findings.push(finding.shown_by(reached.witness));
    }
    Ok(())
}

/// What passes, by the statement that lets it through.
fn by_statement<'a>(
    document: &Document,
    meaning: &Meaning,
    calls: &'a [Power<'a>],
) -> Result<Vec<Reached<'a>>, Undecided> {
    let mut statements: BTreeMap<Span, Reached<'a>> = BTreeMap::new();
    for power in calls {
        let mut answers = meaning.reached_on_each(power.call)?;
        answers.retain(|answer| exists(meaning, &answer.witness));
        if answers.is_empty() {
            continue;
        }
        let standing = meaning.standing(power.call)?;
        for answer in answers {
            let abi = answer.witness.abi;
            let place = answer.place().unwrap_or_else(|| document.start());
            let here = statements.entry(statement(document, place)).or_insert_with(|| Reached {
                calls: Vec::new(),
                places: Vec::new(),
                witness: answer.witness.clone(),
            });
            match here.calls.iter_mut().find(|(known, ..)| known.call == power.call) {
                Some((_, abis, _)) => abis.push(abi),
                None => here.calls.push((power, vec![abi], standing)),
            }
            if here.places.iter().all(|(known, _)| *known != place) {
                here.places.push((place, power));
            }
        }
    }
    Ok(statements.into_values().collect())
}

impl Reached<'_> {
    fn names(&self) -> Vec<String> {
        self.calls.iter().map(|(power, ..)| self.name(power)).collect()
    }

    fn name(&self, power: &Power<'_>) -> String {
        if !power.name.is_empty() {
            return power.name.to_owned();
        }
        format!("`{}`", power.call.split('(').next().unwrap_or(power.call))
    }
}

/// Whether the target's kernel has the call; numbers that no table has a name for may be anything.
fn exists(meaning: &Meaning, call: &Witness) -> bool {
    let first = tables::name(call.abi, call.nr).and_then(|name| tables::introduced(call.abi, name));
    first.is_none_or(|first| first <= meaning.kernel)
}

fn severity(standing: &Standing) -> Severity {
    match standing {
        Standing::Held | Standing::Obtainable(_) => Severity::Error,
        Standing::Lacking(asked) if matches!(asked.left, Left::Setting(_)) => Severity::Warning,
        Standing::Lacking(_) => Severity::Note,
    }
}

/// `a`, `a and b`, `a, b, c and 3 more`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, three, four] => format!("{one}, {two}, {three} and {four}"),
        [one, two, three, more @ ..] => format!("{one}, {two}, {three} and {} more", more.len()),
    }
}

/// Where each call passes when that isn't said by the message, and what the kernel asks for it.
fn notes(reached: &Reached<'_>, kernel: Version) -> Vec<String> {
    let mut notes = Vec::new();
    if reached.calls.len() > 4 {
        notes.push(format!("they are {}", reached.names().join(", ")));
    }
    for (power, ..) in reached.calls.iter().filter(|(power, ..)| !power.why.is_empty()) {
        notes.push(format!("{}: {}", reached.name(power), power.why));
    }
    let abis = &reached.calls[0].1;
    if reached.calls.iter().all(|(_, others, _)| others == abis) {
        let abis: Vec<_> = abis.iter().map(Abi::to_string).collect();
        notes.push(format!("on {}", abis.join(", ")));
    }
    // One line for all the calls that the kernel says the same of.
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for (power, _, standing) in &reached.calls {
        let Some(text) = standing_in_words(standing, kernel) else { continue };
        let name = reached.name(power);
        match said.iter_mut().find(|(known, _)| *known == text) {
            Some((_, names)) => names.push(name),
            None => said.push((text, vec![name])),
        }
    }
    notes.extend(said.into_iter().map(|(text, names)| match names.len() == reached.calls.len() {
        true => format!("the kernel {text}"),
        false => format!("for {} the kernel {text}", names.join(", ")),
    }));
    notes
}

fn standing_in_words(standing: &Standing, kernel: Version) -> Option<String> {
    match standing {
        Standing::Held => None,
        Standing::Obtainable(asked) => Some(format!(
            "asks for {}, which a process holds in a user namespace of its own, and the profile lets it make one",
            asked.names(kernel)
        )),
        Standing::Lacking(asked) => {
            let left = match asked.left {
                Left::Refused => "so it refuses the call, and the profile is the second lock".to_owned(),
                Left::Setting(what) => format!("and refuses the call unless {what}"),
                Left::Less(what) => format!("and leaves {what}"),
            };
            Some(format!("asks for {}, which the process lacks, {left}", asked.names(kernel)))
        }
    }
}
