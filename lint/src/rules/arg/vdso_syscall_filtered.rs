//! # vdso-syscall-filtered
//!
//! ## What
//! A statement refuses a call that programs make without entering the kernel.
//!
//! ## Why
//! The vDSO answers `clock_gettime`, `gettimeofday`, `time` and `getcpu` in the process itself, so no filter sees them
//! (seccomp(2), "Caveats"). The refusal hides no clock, and fails at random: on a machine whose clock source the vDSO
//! can't read the call is made after all.
//!
//! ## Example
//! ```gate arch=x86_64 at="clock_gettime"
//! allow: all
//! deny: clock_gettime
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: read
//! ```
//! ```gate arch=x86_64
//! allow: all
//! deny: clock_settime
//! ```
//!
//! ## Fix
//! Allow the call. To hide the time use a time namespace.
//!
//! ## Sources
//! - seccomp(2), NOTES, "Caveats"; vdso(7), the functions of each architecture

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG013", "vdso-syscall-filtered", Severity::Warning, check);

/// The calls that an ABI's vDSO answers (vdso(7)).
fn answered(abi: Abi) -> &'static [&'static str] {
    match abi {
        Abi::X86_64 | Abi::X32 => &["clock_gettime", "clock_getres", "getcpu", "gettimeofday", "time"],
        Abi::X86 => &["clock_gettime", "clock_gettime64", "gettimeofday", "time"],
        Abi::Riscv64 => &["clock_gettime", "clock_getres", "getcpu", "gettimeofday"],
        Abi::Ppc64le | Abi::Ppc64 | Abi::Ppc => &["clock_gettime", "clock_getres", "getcpu", "gettimeofday", "time"],
        Abi::Aarch64 | Abi::S390x | Abi::S390 => &["clock_gettime", "clock_getres", "gettimeofday"],
        Abi::Arm => &["clock_gettime", "gettimeofday"],
        _ => &[],
    }
}

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for call in answered(abi) {
            let Some(restriction) = meaning.restriction(abi, call)? else { continue };
            let named = restriction.named.filter(|_| restriction.whole && !is_group(document, restriction.named));
            if let Some(place) = named {
                gathered.add(document, Some(place), call, abi).shown_by(restriction.refused.witness);
            }
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("the refusal of {names} has no effect on programs that use the vDSO"))
            .here("never seen by a filter, mostly")
            .help("allow it; a time namespace hides the time");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// Whether the statement names a group, which is no word about this call.
fn is_group(document: &Document, place: Option<callgate_grammar::Span>) -> bool {
    place.is_some_and(|place| document.sources.snippet(place).starts_with('@'))
}
