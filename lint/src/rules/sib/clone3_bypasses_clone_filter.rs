//! # clone3-bypasses-clone-filter
//!
//! ## What
//! `clone` is allowed without some of its namespace flags, and `clone3` is open.
//!
//! ## Why
//! `clone3` has its flags in a structure that a filter can't see, so every namespace that the condition on `clone`
//! withholds is to be had there (CVE-2021-41133 was of this kind).
//!
//! ## Example
//! ```docker at="clone"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone3"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Answer ENOSYS to `clone3`: libc falls back on `clone`.
//!
//! ## Sources
//! - CVE-2021-41133; moby 4489e67

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::{open, report, restriction_by_name};
use super::namespace_creation_gap::FLAGS;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB002", "clone3-bypasses-clone-filter", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let Some((restriction, place)) = restriction_by_name(document, meaning, abi, "clone")? else { continue };
        if restriction.whole {
            continue;
        }
        let Some(door) = open(meaning, abi, "clone3")? else { continue };
        for flag in FLAGS {
            if meaning.reached(abi, &format!("clone(flags has {flag})"))?.is_none() {
                gathered
                    .add(document, Some(place), "clone3", abi)
                    .shown_by(door.witness.clone())
                    .because(format!("`clone({flag})` is refused"))
                    .beside(door.place(), "clone3");
            }
        }
    }
    report(
        document,
        findings,
        gathered,
        "a condition on the flags of `clone`",
        "answer ENOSYS to `clone3`: libc falls back on `clone`",
    );
    Ok(())
}
