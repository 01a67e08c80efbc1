//! # known-cve-reachable
//!
//! ## What
//! The target's kernel is said to have a flaw, and every trigger of it passes the profile.
//!
//! ## Why
//! A filter is what stands between a flaw and a process until the kernel is patched. This asks the calls that lead to each
//! known one, with their argument values, of what the profile means, and names those of the kernel that was stated. Of a
//! version the first two numbers count; a distribution may have carried the fix back, so look there first. It is about
//! triggers, not exploits: that the first step can be made doesn't say that the rest can.
//!
//! ## Example
//! ```gate at="socket"
//! deny: all
//! allow: socket
//! ```
//! ```gate kernel=5.10 at="splice"
//! deny: all
//! allow: read, write, pipe2, splice
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read, write, pipe2, splice
//! ```
//! ```gate kernel=5.10
//! deny: all
//! allow: read, write, pipe2
//! ```
//!
//! ## Fix
//! Patch the kernel. Until then, leave out the call that the program needs least, or the value of its argument. `callgate
//! lint --exposure` shows what each depends on.
//!
//! ## Sources
//! - lint/data/vulnerabilities.tsv, where each row names its own

use std::collections::BTreeMap;

use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};

use super::reach::listed;
use super::statement::statement;
use crate::document::Document;
use crate::exposure::{Verdict, Vulnerability, verdicts_on_kernel};
use crate::finding::{Findings, Witness};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP022", "known-cve-reachable", Severity::Note, check);

/// What passes by one statement.
struct Passing {
    place: Span,
    names: Vec<String>,
    notes: Vec<String>,
    witness: Witness,
}

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut statements: BTreeMap<Span, Passing> = BTreeMap::new();
    for (vulnerability, verdict) in verdicts_on_kernel(meaning)? {
        let Verdict::Reachable(calls) = verdict else { continue };
        // The first trigger is the one that is about the flaw; those after it are what everyone needs.
        let Some(witness) = calls.into_iter().next() else { continue };
        let place = meaning.place_of(&witness).unwrap_or_else(|| document.start());
        let passing = statements.entry(statement(document, place)).or_insert_with(|| Passing {
            place,
            names: Vec::new(),
            notes: Vec::new(),
            witness,
        });
        passing.names.push(vulnerability.name().to_owned());
        let Vulnerability { what, kernels, source, .. } = vulnerability;
        passing.notes.push(format!("{}: {what} ({kernels}); {source}", vulnerability.name()));
    }
    let kernel = format!("Linux {}.{}", meaning.kernel.major, meaning.kernel.minor);
    for Passing { place, names, notes, witness } in statements.into_values() {
        let message = format!("the triggers of {} pass, which {kernel} is said to have", listed(&names));
        let mut finding = findings.new_at(place, message).here("the first step passes here");
        for note in notes {
            finding = finding.because(note);
        }
        findings.push(finding.shown_by(witness).help("see that the kernel has the fix"));
    }
    Ok(())
}
