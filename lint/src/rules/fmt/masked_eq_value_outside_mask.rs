//! # masked-eq-value-outside-mask
//!
//! ## What
//! `SCMP_CMP_MASKED_EQ` with a `valueTwo` that has bits outside the mask.
//!
//! ## Why
//! libseccomp masks both sides, so those bits are passed over without a word (2.5.4, measured: mask 0x0f and value 0xff match
//! 0x0f). Most often mask and value have changed places: `value` is the mask. Chromium's compiler refuses the same.
//!
//! ## Example
//! ```docker at="2114060288"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 0, "valueTwo": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 0, "value": 2114060288, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Put the mask into `value` and what must be left of the word into `valueTwo`.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`, `SCMP_CMP_MASKED_EQ`: "the masked datum value"
//! - Chromium, `sandbox/linux/bpf_dsl/policy_compiler.cc`: "Value contains masked out bits"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT013", "masked-eq-value-outside-mask", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["value-outside-mask"]);
    Ok(())
}
