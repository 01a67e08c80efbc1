//! The linter: what a profile really allows, and where it doesn't say what its author means.
//!
//! A rule asks the resolved [`Policy`](callgate_compiler::policy::Policy), by way of the prover, whether some call reaches an
//! action; a finding comes with such a call. Only what is about the form of a file (a key that no engine reads, say) is asked
//! of the file. A rule is one file: its documentation, which is the page that `callgate explain RULE` prints, its check, and
//! in the page an example that it finds and a near miss that it doesn't, both of which a test holds it to.
//!
//! Pure: no I/O, nothing of the running kernel, no clock. Same input, same findings.
#![forbid(unsafe_code)]

mod baseline;
mod capability;
mod checked;
mod config;
mod document;
pub mod exposure;
mod finding;
mod fingerprint;
mod fix;
mod meaning;
mod page;
mod pattern;
pub mod report;
mod rows;
mod rule;
mod rules;
mod seen;
mod select;
mod suppress;
mod workload;

pub use baseline::{Baseline, BaselineError};
pub use checked::{Checked, Reported, Since, Suppressed, about_sidecar, check};
pub use config::{Config, ConfigError, Settings, Sidecar};
pub use document::{Document, Form, Includes, Reading, form};
pub use finding::{Edit, Finding, Findings, Fix, Safety, Witness};
pub use fingerprint::fingerprints;
pub use fix::{Fixed, Stray, fixed, stray};
pub use meaning::{Answer, Meaning, Restriction, refuses};
pub use page::{Example, Page};
pub use rule::{Check, Rule};
pub use seen::Seen;
pub use select::{Selector, UnknownRule, selected};
pub use suppress::{Suppression, suppressions};
pub use workload::{Container, Profiled, Reference, Starter, Workload};

use callgate_compiler::outcome::Undecided;

/// Every rule, by id.
#[must_use]
pub fn rules() -> &'static [Rule] {
    rules::all()
}

/// The rule with an id (`ARG001`) or a name (`int-arg-compared-as-64-bit`), whatever its case.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(name) || rule.name.eq_ignore_ascii_case(name))
}

/// What these rules find in a document, by place. A question that the prover leaves undecided is a finding that says so.
#[must_use]
pub fn lint(document: &Document, selected: &[&'static Rule]) -> Vec<Finding> {
    let mut all = Vec::new();
    for rule in selected {
        let mut findings = Findings::of(rule);
        let outcome = (rule.check)(document, &mut findings);
        all.extend(findings.into_vec());
        if let Err(Undecided) = outcome {
            all.push(Finding::undecided(rule, document.start()));
        }
    }
    all.sort_by_key(Finding::order);
    all.dedup();
    all
}
