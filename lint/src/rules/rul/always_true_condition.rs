//! # always-true-condition
//!
//! ## What
//! The conditions on a call hold, together or one alone, for all of its calls: what looks filtered is open.
//!
//! ## Why
//! Rules for one call are joined by "or". Two rules that each leave one value out let both through, as a second refused
//! socket family would have done in Docker's default (moby/profiles dec315c). `>= 0` holds for every word,
//! since libseccomp compares without signs.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_NE"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]}]}
//! ```
//! ```gate arch=x86_64 at="personality"
//! deny: all
//! allow: personality(persona >= 0)
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Allow what lies between the refused values, or refuse them one by one and allow the rest.
//!
//! ## Sources
//! - moby/profiles dec315c
//! - `seccomp_rule_add(3)`

use std::collections::BTreeSet;

use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::Cause;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::{possible, refuses};
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("RUL009", "always-true-condition", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for (&abi, listed) in &meaning.policy.abis {
        for (&nr, call) in listed.calls.iter().filter(|(_, call)| !call.clauses.is_empty()) {
            let Some(name) = tables::name(abi, nr) else { continue };
            // The conditions are there to leave something to the refusal behind them.
            if !refuses(abi, call.otherwise.action) {
                continue;
            }
            let answers = meaning.answers_when(abi, nr, &possible(abi))?;
            let Some(first) = answers.first() else { continue };
            if !answers.iter().all(crate::meaning::Answer::executes) {
                continue;
            }
            let places: BTreeSet<_> = call
                .clauses
                .iter()
                .filter_map(|clause| match clause.decision.cause {
                    Cause::Statement(span) => Some(span),
                    Cause::Known(_) | Cause::UnlistedAbi => None,
                })
                .collect();
            let mut places = places.into_iter();
            let group = gathered.add(document, places.next(), name, abi).shown_by(first.witness.clone());
            places.for_each(|place| {
                group.beside(Some(place), name);
            });
        }
    }
    for (place, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(place, format!("the conditions on {names} hold for every call"))
            .here("this lets everything through")
            .help("name the values that are allowed, or refuse those that are not");
        findings.push(group.onto(document, finding, "allowed here as well"));
    }
    Ok(())
}
