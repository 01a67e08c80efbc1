//! # unparseable-profile
//!
//! ## What
//! The file can't be read: it is no JSON, no YAML, no policy, or it says something that no reader takes.
//!
//! ## Why
//! A container whose profile can't be read doesn't start. A file that only some reader can't read is worse: it passes here and
//! fails there. What a rule of its own finds in a file isn't found again here.
//!
//! Where it is callgate that can't read something (two arguments compared with each other, an included file that isn't
//! there), the finding is a warning: the file isn't linted.
//!
//! ## Example
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//! ```
//! ```docker at="[1]"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": [1]}]}
//! ```
//! ```gate
//! deny all
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}
//! ```
//!
//! ## Fix
//! Correct the place that the finding names. `callgate fmt --check` and `callgate compile` say the same of a policy.
//!
//! ## Sources
//! - RFC 8259, JSON
//! - runtime-spec, `schema/defs-linux.json`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::{OWNED, finding};

pub(super) const RULE: Rule = Rule::new("FMT001", "unparseable-profile", Severity::Error, check);

/// Errors that say what callgate can't do, rather than what is wrong with the file.
const LIMITS: &[&str] = &[
    "base-profile",
    "no-policy",
    "no-tables",
    "two-arguments",
    "undecided-conflict",
    "undecided-expectation",
    "unreadable-use",
    "untranslatable",
    "which-filter",
    "yaml-anchor",
];

/// What was said without being an error changes nothing of what the file means.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let errors = document.said.iter().filter(|diagnostic| diagnostic.is_error());
    for diagnostic in errors.filter(|diagnostic| !OWNED.contains(&diagnostic.code)) {
        let finding = finding(document, findings, diagnostic);
        findings.push(match diagnostic.code {
            // A part, which another policy uses.
            "no-default" => {
                finding.at_most(Severity::Note).because("a policy that others `use` is looked at in theirs")
            }
            limit if LIMITS.contains(&limit) => finding.at_most(Severity::Warning),
            _ => finding,
        });
    }
    Ok(())
}
