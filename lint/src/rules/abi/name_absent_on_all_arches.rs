//! # name-absent-on-all-arches
//!
//! ## What
//! A rule names calls that none of the listed architectures has.
//!
//! ## Why
//! The entry does nothing. Engines pass over it in silence, so a list that was made for another machine looks complete
//! here.
//!
//! ## Example
//! ```docker at="open"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_AARCH64"], "syscalls": [
//!   {"names": ["open", "openat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"], "syscalls": [
//!   {"names": ["open", "openat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Take the names out, or list the architecture that has them.
//!
//! ## Sources
//! - the number tables, Linux 6.12 and later
//! - runc, which logs "unknown seccomp syscall" at debug level

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::listed;

pub(super) const RULE: Rule = Rule::new("ABI007", "name-absent-on-all-arches", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    let abis: BTreeSet<Abi> = profile.all_architectures().filter_map(|architecture| architecture.value.ok()).collect();
    if abis.is_empty() {
        return Ok(());
    }
    // What is for certain machines needs no others to have it.
    for entry in profile.entries.iter().filter(|entry| entry.includes.machines.is_empty()) {
        let on = |abi: Abi, name: &str| tables::number(abi, name).is_some();
        let absent: Vec<_> = entry
            .names
            .iter()
            // A name that no table knows is a misspelling, or newer than the tables: another rule's.
            .filter(|name| Abi::ALL.iter().any(|&abi| on(abi, &name.value)))
            .filter(|name| !abis.iter().any(|&abi| on(abi, &name.value)))
            .collect();
        let Some(first) = absent.first() else { continue };
        let names: Vec<_> = absent.iter().map(|name| name.value.as_str()).collect();
        let (does, it) = if names.len() == 1 { ("doesn't exist", "it") } else { ("don't exist", "them") };
        let finding = findings
            .new_at(first.span, format!("{} {does} on the listed architectures", listed(names.iter().copied())))
            .here("engines pass over it")
            .help(format!("take {it} out, or list an architecture that has {it}"));
        findings.push(if names.len() > 5 {
            finding.because(format!("all of them: {}", names.join(", ")))
        } else {
            finding
        });
    }
    Ok(())
}
