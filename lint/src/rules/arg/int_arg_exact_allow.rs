//! # int-arg-exact-allow
//!
//! ## What
//! A parameter that the kernel reads as 32 bits is compared as 64, and a number that is allowed is refused when the
//! upper half of its register isn't zero.
//!
//! ## Why
//! The C ABI leaves the upper half of a register that holds an `int` undefined, and nothing clears it on the way to the
//! kernel. libc wrappers mostly pass clean words; other callers (assembly, other languages, `syscall(2)` with a
//! negative number) don't. The call then fails for no reason that the program could see.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967295, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! `SCMP_CMP_MASKED_EQ` with the mask 0xffffffff.
//!
//! ## Sources
//! - libseccomp issue 383; snapd pull request 11760
//! - System V ABI, AMD64 supplement, 3.2.3: the upper bits of a register that holds a narrower argument are unspecified

use std::collections::BTreeMap;

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::cut::{cuts, low_half};
use crate::document::Document;
use crate::finding::{Findings, Safety, Witness};
use crate::meaning::{Fate, place};
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG002", "int-arg-exact-allow", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    let mut fixes = BTreeMap::new();
    for cut in cuts(document).into_iter().filter(|cut| cut.parameter.bits == 32) {
        let Some(args) = cut.between(Fate::Refused, Fate::Executes)? else { continue };
        let decision = cut.call.decide(&args);
        let mut without = args;
        without[usize::from(cut.arg)] &= 0xffff_ffff;
        let allowed = cut.call.decide(&without);
        if let (Some(at), Some(edits)) = (place(allowed), low_half(document, &cut)) {
            fixes.insert(at, edits);
        }
        gathered
            .add(document, place(allowed), cut.name, cut.abi)
            .shown_by(Witness { abi: cut.abi, nr: cut.nr, args, action: decision.action })
            .because(format!("the kernel reads the low 32 bits of `{}` (mask 0xffffffff)", cut.parameter.name));
    }
    for (at, group) in gathered {
        let names = group.names();
        let mut finding = findings
            .new_at(at, format!("calls of {names} that are allowed are refused when an upper half isn't zero"))
            .here("compares all 64 bits")
            .help("compare what the kernel reads: SCMP_CMP_MASKED_EQ with that mask; in the language, the parameter by its name");
        if let Some(edits) = fixes.remove(&at) {
            finding = finding.fix("compare the low 32 bits", Safety::Unsafe, edits);
        }
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
