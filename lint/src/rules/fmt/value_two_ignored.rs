//! # value-two-ignored
//!
//! ## What
//! A `valueTwo` beside an operator that doesn't look at it.
//!
//! ## Why
//! Only `SCMP_CMP_MASKED_EQ` has two values: `value` is the mask, `valueTwo` what must be left. With the other operators
//! `valueTwo` is dropped, so a condition that was meant to compare some bits compares the whole word.
//!
//! ## Example
//! ```docker at="2114060288"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 0, "valueTwo": 2114060288, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Use `SCMP_CMP_MASKED_EQ`, or leave `valueTwo` out.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`; runtime-spec, config-linux.md, "Seccomp", `valueTwo`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("FMT012", "value-two-ignored", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    for argument in profile.entries.iter().flat_map(|entry| &entry.arguments) {
        let Some(unused) = argument.unused else { continue };
        findings.push(
            findings
                .new_at(unused.span, format!("`valueTwo` {} is looked at by no one", unused.value))
                .and_at(argument.span, "this compares with `value` alone")
                .help("use `SCMP_CMP_MASKED_EQ`, whose mask is `value`, or leave `valueTwo` out"),
        );
    }
    Ok(())
}
