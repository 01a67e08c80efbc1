//! Syntax trees to a [`Policy`]: names looked up, conditions typed, precedence walked, conflicts found.

mod aliases;
#[cfg(test)]
mod aliases_tests;
mod collect;
mod coverage;
mod examples;
mod expect;
mod guard;
mod header;
mod multiplexers;
mod mutants;
#[cfg(test)]
mod mutants_tests;
mod pattern;
mod rules;
mod scope;
pub mod target;
#[cfg(test)]
mod tests;
mod typing;
mod value;
mod walk;

use std::collections::BTreeMap;

use callgate_grammar::tree::File;
use callgate_grammar::{Diagnostic, Severity, SourceId};

pub use collect::verb_action;
pub use coverage::{Covered, Reach, coverage};
pub use expect::{Expectation, Expectations, expectations};
pub use mutants::{Change, Changed, Fate, Mutant, mutants};
pub use pattern::{CallPattern, PatternError, call_pattern};
pub use target::Target;

use crate::policy::Policy;

/// One parsed text and where it stands among the others.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Which text.
    pub source: SourceId,
    /// The parsed text.
    pub file: File,
    /// Nearest first: 0 for `-e`, then the file, then what it `use`s.
    pub layer: u32,
    /// Texts of one scope share their `let`s: one scope for all `-e` options, one for each file.
    pub scope: u32,
}

/// The members of each `@group`, by name without the `@`.
pub type Groups = BTreeMap<String, Vec<String>>;

/// A policy, unless there were errors, and everything there is to say about it.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Absent when a diagnostic is an error.
    pub policy: Option<Policy>,
    /// In the order of the text they are about.
    pub diagnostics: Vec<Diagnostic>,
}

/// The meaning of these texts for a target. The order of statements changes nothing.
#[must_use]
pub fn lower(units: &[Unit], groups: &Groups, target: &Target) -> Lowered {
    let mut diagnostics = Vec::new();
    let header = header::read(units, target, &mut diagnostics);
    let rules = collect::collect(units, groups, target, &header, &mut diagnostics);
    let policy = walk::walk(&header, &rules, &mut diagnostics);
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    if let Some(policy) = policy.as_ref().filter(|_| !failed) {
        diagnostics.extend(aliases::open_aliases(policy, &rules));
    }
    order(&mut diagnostics);
    Lowered { policy: if failed { None } else { policy }, diagnostics }
}

/// By place, worst first at one place, each once.
fn order(diagnostics: &mut Vec<Diagnostic>) {
    let key = |d: &Diagnostic| {
        (d.labels.first().map(|label| label.span), std::cmp::Reverse(d.severity), d.code, d.message.clone())
    };
    diagnostics.sort_by_key(key);
    diagnostics.dedup();
    // Notes are about what was passed over; they only distract from errors.
    if diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics.retain(|diagnostic| diagnostic.severity > Severity::Note);
    }
}
