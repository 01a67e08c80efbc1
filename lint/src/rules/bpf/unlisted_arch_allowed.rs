//! # unlisted-arch-allowed
//!
//! ## What
//! A filter that lets calls through whose architecture it doesn't list.
//!
//! ## Why
//! What it says about x86-64 doesn't hold for a process that calls by way of x86: every call is there, under other numbers. A
//! filter of systemd's allows other architectures on purpose, since systemd loads one for each ABI of the machine; alone, with
//! `SystemCallArchitectures=native`, it is whole.
//!
//! ## Example
//! ```asm at="allow: ret"
//! ld [4]
//! jne #0xc000003e, allow
//! ld [0]
//! jge #0x40000000, deny
//! jeq #59, deny
//! allow: ret #0x7fff0000
//! deny: ret #0x50001
//! ```
//!
//! ## Near miss
//! ```asm
//! ld [4]
//! jne #0xc000003e, kill
//! ld [0]
//! jge #0x40000000, kill
//! jeq #59, deny
//! ret #0x7fff0000
//! deny: ret #0x50001
//! kill: ret #0x80000000
//! ```
//!
//! ## Fix
//! Kill what comes from an architecture that isn't listed.
//!
//! ## Sources
//! - seccomp(2), "Caveats", x32 and the arch field; seccomp-tools, `audit`
//! - libseccomp's default for architectures that aren't listed is to kill (`seccomp_attr_set(3)`, `SCMP_FLTATR_ACT_BADARCH`)

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::offset;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use std::collections::BTreeSet;

use super::program::{admitted, knowing, listed, path, runs};
use crate::document::Document;
use crate::finding::Findings;
use crate::finding::Witness;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("BPF003", "unlisted-arch-allowed", Severity::Error, check);

/// A filter that lists no architecture is `arch-unchecked`'s.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    /// No machine has it.
    const UNKNOWN: u32 = 0x0fff_ffff;
    let Some(filter) = admitted(document) else { return Ok(()) };
    let listed = listed(filter);
    if listed.is_empty() {
        return Ok(());
    }
    let tokens: BTreeSet<u32> = listed.iter().map(|abi| abi.token()).collect();
    let others = Abi::ALL.iter().filter(|abi| abi.endian() == filter.endian && !tokens.contains(&abi.token()));
    for (abi, token) in others.map(|&abi| (Some(abi), abi.token())).chain([(None, UNKNOWN)]) {
        let program = knowing(&filter.program, offset::ARCH, token);
        let Some(mut call) = runs(&program, filter.endian)? else { continue };
        call.arch = token;
        let end = path(filter, &call).pop();
        let place = end.map_or_else(|| document.start(), |at| document.instruction(at));
        let name = abi.map_or_else(|| "an unknown architecture".to_owned(), |abi| abi.to_string());
        let names: Vec<_> = listed.iter().map(|abi| abi.name()).collect();
        let mut finding = findings
            .new_at(place, "calls of architectures that the filter doesn't list go through")
            .here(format!("those of {name}, for instance"))
            .because(format!("listed are {}", names.join(", ")))
            .help("kill what comes from an architecture that isn't listed");
        if let Some(abi) = abi {
            finding = finding.shown_by(Witness { abi, nr: call.nr, args: call.args, action: Action::Allow });
        }
        findings.push(finding);
        break;
    }
    Ok(())
}
