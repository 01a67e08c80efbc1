//! What a rule found, by the place that causes it: one finding a place, however many ABIs and calls it is about.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_grammar::Span;

use crate::document::Document;
use crate::finding::{Finding, Witness};
use crate::meaning::place;

/// Names in a message before it says "and 3 more".
const SHOWN: usize = 4;

/// What belongs to each place.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeMap<Span, Group>);

/// What is said about one place.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// By the names of calls, the ABIs on which it is so.
    names: BTreeMap<String, BTreeSet<Abi>>,
    witness: Option<Witness>,
    beside: BTreeMap<Span, BTreeSet<String>>,
    notes: BTreeSet<String>,
}

impl Gathered {
    /// Adds a call to what is said about a place; without one it is the document as a whole.
    pub(super) fn add(&mut self, document: &Document, place: Option<Span>, name: &str, abi: Abi) -> &mut Group {
        let group = self.0.entry(place.unwrap_or_else(|| document.start())).or_default();
        group.names.entry(name.to_owned()).or_default().insert(abi);
        group
    }
}

impl IntoIterator for Gathered {
    type Item = (Span, Group);
    type IntoIter = std::collections::btree_map::IntoIter<Span, Group>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Group {
    /// Adds a call that shows it; the first one counts.
    pub(super) fn shown_by(&mut self, witness: Witness) -> &mut Self {
        self.witness.get_or_insert(witness);
        self
    }

    /// Adds a place that belongs to it, with what a name there is: "`clone3`: let through here".
    pub(super) fn beside(&mut self, place: Option<Span>, name: &str) -> &mut Self {
        if let Some(place) = place {
            self.beside.entry(place).or_default().insert(name.to_owned());
        }
        self
    }

    /// Adds a fact.
    pub(super) fn because(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.insert(note.into());
        self
    }

    /// The calls, as a sentence has them.
    pub(super) fn names(&self) -> String {
        listed(self.names.keys().map(String::as_str))
    }

    /// "is" or "are", as the calls want it.
    pub(super) fn verb<'a>(&self, one: &'a str, several: &'a str) -> &'a str {
        if self.names.len() == 1 { one } else { several }
    }

    /// How many ABIs it is about.
    pub(super) fn abis(&self) -> BTreeSet<Abi> {
        self.names.values().flatten().copied().collect()
    }

    /// The finding with all of this; `what` is said of the names at places beside.
    pub(super) fn onto(self, document: &Document, mut finding: Finding, what: &str) -> Finding {
        let (names, abis) = (self.names.keys().map(String::as_str).collect::<Vec<_>>(), self.abis());
        for (place, names) in &self.beside {
            finding = finding.and_at(*place, format!("{}: {what}", listed(names.iter().map(String::as_str))));
        }
        if names.len() > SHOWN {
            finding = finding.because(format!("all of them: {}", names.join(", ")));
        }
        let listed = document.meaning.as_ref().map_or(0, |meaning| meaning.policy.abis.len());
        if abis.len() < listed {
            let abis: Vec<_> = abis.iter().map(|abi| abi.name()).collect();
            finding = finding.because(format!("on {}", abis.join(", ")));
        }
        finding = self.notes.iter().fold(finding, Finding::because);
        match self.witness {
            Some(witness) => finding.shown_by(witness),
            None => finding,
        }
    }
}

/// `` `a`, `b` and 3 more ``.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let (shown, more) = names.split_at(if names.len() > SHOWN + 1 { SHOWN } else { names.len() });
    match (shown, more.len()) {
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Where the document decides that calls of its ABIs meet such an action.
pub(super) fn causes(document: &Document, wanted: impl Fn(Action) -> bool) -> BTreeSet<Span> {
    let abis = document.meaning.iter().flat_map(|meaning| meaning.policy.abis.values());
    let calls = abis.flat_map(|listed| {
        let decisions = listed
            .calls
            .values()
            .flat_map(|call| call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]));
        decisions.chain([&listed.rest])
    });
    calls.filter(|decision| wanted(decision.action)).filter_map(place).collect()
}
