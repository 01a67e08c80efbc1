//! # int-arg-compared-as-64-bit
//!
//! ## What
//! A parameter that the kernel reads as 32 bits is compared as 64, and a word with stray upper bits gets through where
//! the same number without them is refused.
//!
//! ## Why
//! A filter sees whole registers; the kernel cuts an `int` to its 32 bits after the filter has run (seccomp(2):
//! "silently truncated"). So `!= TIOCSTI`, or a refusal of it by `==`, is passed by setting bit 32. Snapd
//! (CVE-2019-7303) and flatpak (CVE-2019-10063) refused `ioctl(TIOCSTI)` like that. libseccomp's comparisons are 64
//! bits wide on 64-bit ABIs.
//!
//! ## Example
//! ```docker at="ioctl"
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 21522, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```gate arch=x86_64 at="prctl"
//! deny: all
//! allow: prctl(raw(arg0) != PR_SET_MM)
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO",
//!     "args": [{"index": 1, "value": 4294967295, "valueTwo": 21522, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//! ```gate arch=x86_64
//! deny: all
//! allow: prctl(option != PR_SET_MM)
//! ```
//!
//! ## Fix
//! Compare what the kernel reads: `SCMP_CMP_MASKED_EQ` with the mask 0xffffffff (0xffff for a file's mode), a refusal for
//! each value; in the language, the parameter by its name.
//!
//! ## Sources
//! - seccomp(2), NOTES; the call's prototype, Linux 6.12
//! - CVE-2019-7303, CVE-2019-10063; libseccomp issue 383

use std::collections::BTreeMap;

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::cut::{cuts, low_half};
use crate::document::Document;
use crate::finding::{Findings, Safety, Witness};
use crate::meaning::{Fate, place};
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG001", "int-arg-compared-as-64-bit", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    let mut fixes = BTreeMap::new();
    for cut in cuts(document) {
        let Some(args) = cut.between(Fate::Executes, Fate::Refused)? else { continue };
        let decision = cut.call.decide(&args);
        let mut without = args;
        let word = &mut without[usize::from(cut.arg)];
        *word &= u64::MAX >> (64 - u32::from(cut.parameter.bits));
        let (whole, read) = (args[usize::from(cut.arg)], *word);
        let refused = cut.call.decide(&without);
        // Where the default lets the word through, the refusal is what was meant to stop it.
        let by_default = document.meaning.as_ref().is_some_and(|meaning| meaning.is_default(cut.abi, decision));
        let (main, other) = if by_default { (refused, decision) } else { (decision, refused) };
        let beside = place(other).filter(|at| Some(*at) != place(main) && !by_default);
        if let (Some(at), Some(edits)) = (place(main), low_half(document, &cut)) {
            fixes.insert(at, edits);
        }
        gathered
            .add(document, place(main), cut.name, cut.abi)
            .shown_by(Witness { abi: cut.abi, nr: cut.nr, args, action: decision.action })
            .because(format!(
                "`{}` is {} bits wide (mask {:#x}): the kernel reads {whole:#x} as {read:#x}, which is refused",
                cut.parameter.name,
                cut.parameter.bits,
                u64::MAX >> (64 - u32::from(cut.parameter.bits))
            ))
            .beside(beside, cut.name);
    }
    for (at, group) in gathered {
        let names = group.names();
        let mut finding = findings
            .new_at(at, format!("stray upper bits of an argument of {names} get past the filter"))
            .here("compares bits that the kernel doesn't read")
            .help("compare what the kernel reads: SCMP_CMP_MASKED_EQ with that mask; in the language, the parameter by its name");
        if let Some(edits) = fixes.remove(&at) {
            finding = finding.fix("compare the low 32 bits", Safety::Unsafe, edits);
        }
        findings.push(group.onto(document, finding, "refused here without them"));
    }
    Ok(())
}
