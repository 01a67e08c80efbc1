//! Findings done away with: edits of a file, and what they may change.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::prove::{self, Budget, Filter, Relation};
use callgate_compiler::tables;
use callgate_grammar::Span;

use crate::checked::{Checked, Reported};
use crate::finding::{Edit, Fix, Safety};
use crate::meaning::Meaning;

/// More ranges of numbers than the ABIs have calls: a fix that changes as much is unsafe anyway.
const MOST_DIFFERENCES: usize = 20_000;

/// A file's text after fixes, and what they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The whole text.
    pub text: String,
    /// Each fix: the rule's id, and what was done.
    pub made: Vec<(&'static str, String)>,
    /// The fingerprints of the findings that they are for.
    pub fingerprints: Vec<String>,
    /// Whether each of them was safe.
    pub safe: bool,
    /// The words that the fixes are about: what they put in and take out, and what stands at their findings.
    words: BTreeSet<String>,
}

/// The text with every fix made that can be: safe ones, with `unsafe_too` the others too, the first such one of each finding that
/// counts and is `wanted`, in the order of the text. One that overlaps an earlier one is left for another round. `None`: there is
/// nothing to do.
#[must_use]
pub fn fixed(checked: &Checked, unsafe_too: bool, wanted: impl Fn(&Reported) -> bool) -> Option<Fixed> {
    let text = &checked.sources.get(checked.source).text;
    let mut edits: Vec<&Edit> = Vec::new();
    let mut fixed =
        Fixed { text: String::new(), made: Vec::new(), fingerprints: Vec::new(), safe: true, words: BTreeSet::new() };
    for one in checked.findings.iter().filter(|one| one.counts() && wanted(one)) {
        let Some(fix) = fitting(one, checked, unsafe_too) else { continue };
        // The same edit can do away with several findings.
        let repeats = fix.edits.iter().all(|edit| edits.contains(&edit));
        let overlaps = fix.edits.iter().any(|edit| edits.iter().any(|other| overlap(edit.span, other.span)));
        if overlaps && !repeats {
            continue;
        }
        if !repeats {
            edits.extend(&fix.edits);
        }
        fixed.safe &= fix.safety == Safety::Safe;
        fixed.fingerprints.push(one.fingerprint.clone());
        fixed.made.push((one.finding.rule.id, fix.title.clone()));
        let places = one.finding.labels.iter().map(|label| label.span).chain(fix.edits.iter().map(|edit| edit.span));
        let inserted = fix.edits.iter().map(|edit| edit.text.as_str());
        let about = places.map(|span| checked.sources.snippet(span)).chain(inserted).chain([fix.title.as_str()]);
        fixed.words.extend(about.flat_map(words).map(str::to_owned));
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut done = 0;
    for edit in edits {
        fixed.text.push_str(&text[done..edit.span.start as usize]);
        fixed.text.push_str(&edit.text);
        done = edit.span.end as usize;
    }
    fixed.text.push_str(&text[done..]);
    Some(fixed)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The first fix of a finding that may be made and is about this very file.
fn fitting<'a>(one: &'a Reported, checked: &Checked, unsafe_too: bool) -> Option<&'a Fix> {
    one.finding.fixes.iter().find(|fix| {
        (fix.safety == Safety::Safe || unsafe_too)
            && !fix.edits.is_empty()
            && fix.edits.iter().all(|edit| edit.span.source == checked.source)
            && !checked.no_files.contains(&checked.source)
    })
}

/// Two insertions at one place overlap too: which one comes first is nobody's choice.
fn overlap(one: Span, other: Span) -> bool {
    one.start < other.end && other.start < one.end || one.start == other.start
}

/// What fixes changed besides what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Nothing: the file means the same.
    Same,
    /// Nothing: what changed are calls that the fixes name, these.
    Named(Vec<String>),
    /// A call that no fix names.
    Call(String),
    /// The prover gave no answer.
    Undecided,
}

/// Holds what a file means after fixes to what it meant before.
#[must_use]
pub fn stray(before: &Meaning, after: &Meaning, fixed: &Fixed) -> Stray {
    let sides = (Filter::Policy(&before.policy), Filter::Policy(&after.policy));
    let Ok(found) = prove::answers(Relation::Equal, sides.0, sides.1, MOST_DIFFERENCES, Budget::default()) else {
        return Stray::Undecided;
    };
    if !found.complete {
        return Stray::Undecided;
    }
    let mut named = BTreeSet::new();
    for range in &found.ranges {
        for nr in range.numbers.0..=range.numbers.1 {
            let name = Abi::of_call(range.tokens.0, nr).and_then(|abi| tables::name(abi, nr));
            match name.filter(|name| fixed.words.contains(*name)) {
                Some(name) => drop(named.insert(name.to_owned())),
                None => return Stray::Call(name.map_or_else(|| format!("number {nr}"), str::to_owned)),
            }
        }
    }
    if named.is_empty() { Stray::Same } else { Stray::Named(named.into_iter().collect()) }
}
