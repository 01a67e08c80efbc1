//! # number-out-of-range
//!
//! ## What
//! A number that its field can't hold: an `index` past 5, a negative or fractional `value`, a number in quotes.
//!
//! ## Why
//! `value` and `valueTwo` are unsigned 64-bit numbers and `index` is 0 to 5. Go's decoder refuses what doesn't fit, signs,
//! points, exponents and quotes too, so the container doesn't start. The security profiles operator keeps values as signed
//! 64-bit numbers, and its API refuses larger ones.
//!
//! ## Example
//! ```docker at="-1"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["setpriority"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 1, "value": -1, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```spo at="18446744073709551615"
//! apiVersion: security-profiles-operator.x-k8s.io/v1
//! kind: SeccompProfile
//! metadata:
//!   name: web
//! spec:
//!   defaultAction: SCMP_ACT_ERRNO
//!   syscalls:
//!   - names: [personality]
//!     action: SCMP_ACT_ALLOW
//!     args:
//!     - {index: 0, value: 18446744073709551615, op: SCMP_CMP_EQ}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["setpriority"], "action": "SCMP_ACT_ALLOW",
//!   "args": [{"index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Write the number in digits; -1 of a 64-bit word is 18446744073709551615, of a 32-bit one 4294967295.
//!
//! ## Sources
//! - runtime-spec, `schema/defs-linux.json`, `SyscallArg`
//! - security-profiles-operator, `api/seccompprofile`, `Arg`: `Value` and `ValueTwo` are int64

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::Format;

use crate::document::{Document, Form};
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("FMT009", "number-out-of-range", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["not-in-range"]);
    let Some(Form::Profile(Format::Spo, profile)) = &document.form else { return Ok(()) };
    let largest = i64::MAX.unsigned_abs();
    for argument in profile.entries.iter().flat_map(|entry| &entry.arguments) {
        let mask = Some(argument.mask).filter(|&mask| mask != u64::MAX);
        let second = argument.unused.map(|unused| unused.value);
        let Some(number) = [Some(argument.value), mask, second].into_iter().flatten().find(|&number| number > largest)
        else {
            continue;
        };
        findings.push(
            findings
                .new_at(argument.span, format!("the operator's values are signed: none is {number}"))
                .here(format!("the largest is {largest}"))
                .help("compare with a mask that leaves the highest bit out, or write an OCI profile"),
        );
    }
    Ok(())
}
