//! # masked-eq-zero-mask
//!
//! ## What
//! `SCMP_CMP_MASKED_EQ` with the mask 0.
//!
//! ## Why
//! No bit is looked at, so the comparison always holds and the rule is about every call of its names. libseccomp leaves it out
//! (2.5.4, measured).
//!
//! ## Example
//! ```docker at="SCMP_CMP_MASKED_EQ"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 0, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Put the mask into `value`; to allow every call, leave the condition out.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`, `SCMP_CMP_MASKED_EQ`
//! - Chromium, `sandbox/linux/bpf_dsl/policy_compiler.cc`: a zero mask is invalid

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("FMT014", "masked-eq-zero-mask", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    for entry in &profile.entries {
        for argument in entry.arguments.iter().filter(|argument| argument.mask == 0) {
            findings.push(
                findings
                    .new_at(argument.span, "a mask of 0 looks at no bit: the comparison always holds")
                    .and_at(entry.action.name.span, "so this happens whatever the argument is")
                    .help("`value` is the mask, `valueTwo` what must be left of the word"),
            );
        }
    }
    Ok(())
}
