//! # wx-gap
//!
//! ## What
//! One way to make memory executable is refused by a condition, and another one is open.
//!
//! ## Why
//! A filter against code that is written at run time has four doors to watch: `mmap` with `PROT_WRITE` and `PROT_EXEC`
//! together, `mprotect` and `pkey_mprotect` with `PROT_EXEC`, `shmat` with `SHM_EXEC`. systemd's
//! `MemoryDenyWriteExecute=` closes them together. A file that is written and then mapped stays possible where the
//! process can make one.
//!
//! ## Example
//! ```gate arch=x86_64 at="mprotect"
//! deny: all
//! allow: mprotect(prot lacks PROT_EXEC), mmap
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: mprotect(prot lacks PROT_EXEC), mmap(!(prot has PROT_WRITE|PROT_EXEC))
//! ```
//!
//! ## Fix
//! Put the same condition on all of them.
//!
//! ## Sources
//! - systemd, src/shared/seccomp-util.c, `seccomp_memory_deny_write_execute`
//! - mprotect(2), shmat(2)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::{report, restriction_by_name};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB008", "wx-gap", Severity::Warning, check);

/// A call and the arguments with which it gives memory that is written and run.
const DOORS: &[(&str, &str)] = &[
    ("mprotect", "mprotect(prot has PROT_EXEC)"),
    ("pkey_mprotect", "pkey_mprotect(prot has PROT_EXEC)"),
    ("mmap", "mmap(prot has PROT_WRITE|PROT_EXEC)"),
    ("mmap2", "mmap2(prot has PROT_WRITE|PROT_EXEC)"),
    ("shmat", "shmat(shmflg has SHM_EXEC)"),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for (call, executable) in DOORS {
            let restricted = restriction_by_name(document, meaning, abi, call)?;
            let Some((_, place)) = restricted.filter(|(restriction, _)| !restriction.whole) else { continue };
            if !takes_protection(abi, call) || meaning.refusal(abi, executable)?.is_none() {
                continue;
            }
            for (other, door) in DOORS.iter().filter(|(other, _)| other != call && takes_protection(abi, other)) {
                let Some(open) = meaning.reached(abi, door)? else { continue };
                gathered
                    .add(document, Some(place), other, abi)
                    .beside(open.place().filter(|at| *at != place), other)
                    .shown_by(open.witness);
            }
        }
    }
    report(document, findings, gathered, "a refused way to executable memory", "put the same condition on all of them");
    Ok(())
}

/// Whether the call has its protection in a register: 32-bit `mmap` of x86 and s390 takes a structure.
fn takes_protection(abi: callgate_compiler::abi::Abi, call: &str) -> bool {
    let name = if call == "shmat" { "shmflg" } else { "prot" };
    callgate_compiler::tables::parameter(abi, call, name).is_some()
}
