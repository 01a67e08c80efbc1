//! Findings in the formats of other tools.

mod github;
mod gitlab;
mod json;
mod junit;
mod place;
mod sarif;
mod statistics;

pub use github::github;
pub use gitlab::gitlab;
pub use json::json;
pub use junit::junit;
pub use place::{Place, Places, uri};
pub use sarif::sarif;
pub use statistics::{Count, FileCount, RuleCount, Statistics};

use callgate_grammar::Severity;

/// The name of callgate's fingerprints in SARIF; a new one when what they are made of changes.
pub const FINGERPRINT: &str = "callgate/v1";

/// `error`, `warning`, `note`.
#[must_use]
pub fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The message, the call that shows it, the facts and the next step, a line each.
fn in_full(finding: &crate::Finding) -> String {
    let mut lines = vec![finding.message.clone()];
    lines.extend(finding.witness.as_ref().map(|witness| format!("for example: {witness}")));
    lines.extend(finding.notes.iter().cloned());
    lines.extend(finding.help.as_ref().map(|help| format!("help: {help}")));
    lines.join("\n")
}
