//! # duplicate-rule
//!
//! ## What
//! A call stands twice under the same action, comparisons and conditions.
//!
//! ## Why
//! It changes nothing, and whoever takes one of the two out later believes to have taken the call out.
//!
//! ## Example
//! ```docker at="alarm"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["alarm", "read", "alarm"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_PTRACE"]}}]}
//! ```
//!
//! ## Fix
//! Leave one of the two.
//!
//! ## Sources
//! - moby 53f3f87, which took a second `alarm` out of Docker's default

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};

use crate::document::Document;
use crate::finding::{Findings, Safety};
use crate::rule::Rule;
use crate::rules::edits::{is_json, without};
use crate::rules::gathered::listed;

pub(super) const RULE: Rule = Rule::new("RUL003", "duplicate-rule", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    let mut first: BTreeMap<_, Span> = BTreeMap::new();
    let mut again: BTreeMap<Span, Again<'_>> = BTreeMap::new();
    for entry in &profile.entries {
        let comparisons: Vec<_> = entry
            .arguments
            .iter()
            .map(|argument| (argument.index, argument.comparison, argument.mask, argument.value))
            .collect();
        let action = crate::rules::entries::effect(&entry.action);
        let conditions = [&entry.includes, &entry.excludes]
            .map(|conditions| (conditions.capabilities.clone(), conditions.machines.clone(), conditions.kernel));
        let mut in_entry: Option<Span> = None;
        for name in &entry.names {
            let key = (name.value.as_str(), format!("{action:?}"), comparisons.clone(), conditions.clone());
            if let Some(&before) = first.get(&key) {
                // One finding an entry, at the first name that stood before.
                let place = *in_entry.get_or_insert(name.span);
                let again = again.entry(place).or_default();
                again.names.insert(&name.value);
                again.places.push(name.span);
                again.before.insert(before);
            } else {
                first.insert(key, name.span);
            }
        }
    }
    for (place, again) in again {
        let verb = if again.names.len() == 1 { "stands" } else { "stand" };
        let names = listed(again.names.iter().copied());
        let mut finding = findings.new_at(place, format!("{names} {verb} in the profile twice"));
        for earlier in again.before.iter().take(3) {
            finding = finding.and_at(*earlier, "first here");
        }
        finding = finding.here("again").help("leave one of the two");
        if is_json(document, place)
            && let Some(edits) = without(document, &again.places)
        {
            finding = finding.fix("take the second one out", Safety::Safe, edits);
        }
        findings.push(finding);
    }
    Ok(())
}

/// What an entry has that stood before.
#[derive(Default)]
struct Again<'a> {
    names: BTreeSet<&'a str>,
    places: Vec<Span>,
    before: BTreeSet<Span>,
}
