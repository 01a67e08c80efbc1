//! # unsorted-or-legacy-name
//!
//! ## What
//! A list of names that isn't in order, a name twice in one list, or the older key `name`.
//!
//! ## Why
//! In a sorted list a second entry and a missing one are seen, and a change is one line of a diff. `name` is there for files of
//! Docker's before 1.13. Not asked by default.
//!
//! ## Example
//! ```docker at="write"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["write", "read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker at="read"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! `--fix` sorts the list; the order of names has no meaning.
//!
//! ## Sources
//! - moby/profiles, `seccomp/seccomp.go`: `Name` is kept for old files

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::finding::{Edit, Safety};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("STY005", "unsorted-or-legacy-name", Severity::Note, check).off_by_default();

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    for entry in &profile.entries {
        if let Some(name) = entry.name_at {
            findings.push(findings.new_at(name, "`name` is an older form of `names`").help("write `names`, a list"));
            continue;
        }
        let mut sorted: Vec<_> = entry.names.iter().collect();
        sorted.sort_by(|one, other| one.value.cmp(&other.value));
        let Some((first, _)) = entry.names.iter().zip(&sorted).find(|(is, should)| is.value != should.value) else {
            let Some(twice) = sorted.windows(2).find(|pair| pair[0].value == pair[1].value) else { continue };
            findings.push(
                findings
                    .new_at(twice[1].span, format!("`{}` stands here twice", twice[1].value))
                    .and_at(twice[0].span, "the first")
                    .help("take one away"),
            );
            continue;
        };
        let edits = entry.names.iter().zip(&sorted).filter(|(is, should)| is.value != should.value);
        let edits = edits.map(|(is, should)| {
            let text = document.sources.snippet(should.span).to_owned();
            Edit { span: is.span, text }
        });
        findings.push(findings.new_at(first.span, "the names aren't sorted").here("the first one out of order").fix(
            "sort them",
            Safety::Safe,
            edits.collect(),
        ));
    }
    Ok(())
}
