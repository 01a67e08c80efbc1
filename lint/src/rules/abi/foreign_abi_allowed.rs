//! # foreign-abi-allowed
//!
//! ## What
//! Calls made through an ABI that the profile says nothing about are run.
//!
//! ## Why
//! A process chooses its ABI for each call: `int 0x80` makes 32-bit calls from a 64-bit program. Refusals that hold for
//! the machine's own ABI alone are passed like that. systemd without `SystemCallArchitectures=native` and firejail
//! without `seccomp.block-secondary` leave other ABIs open.
//!
//! ## Example
//! ```gate at="arch other"
//! arch: x86_64
//! deny: all
//! allow: read
//! allow: arch other
//! ```
//! ```systemd
//! [Service]
//! SystemCallFilter=@system-service
//! ```
//!
//! ## Near miss
//! ```systemd
//! [Service]
//! SystemCallFilter=@system-service
//! SystemCallArchitectures=native
//! ```
//!
//! ## Fix
//! Kill other ABIs: `SystemCallArchitectures=native`, `seccomp.block-secondary`, in the language `arch:` alone.
//!
//! ## Sources
//! - systemd.exec(5), `SystemCallArchitectures=`; systemd, src/shared/seccomp-util.c, `seccomp_init_for_arch`
//! - firejail(1), `--seccomp.block-secondary`

use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::Cause;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("ABI011", "foreign-abi-allowed", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["open-abis"]);
    let Some(meaning) = &document.meaning else { return Ok(()) };
    // With everything allowed there is nothing to pass by.
    if meaning.policy.actions().iter().all(|action| action.permits()) {
        return Ok(());
    }
    let foreign: Vec<_> = meaning.policy.foreign.iter().filter(|(_, decision)| decision.action.permits()).collect();
    let other = Some(&meaning.policy.other).filter(|decision| decision.action.permits());
    let names: Vec<_> = foreign.iter().map(|(abi, _)| abi.name()).chain(other.map(|_| "every other ABI")).collect();
    let Some(decision) = other.or(foreign.first().map(|(_, decision)| *decision)) else { return Ok(()) };
    let place = match decision.cause {
        Cause::Statement(span) | Cause::Known(span) => span,
        Cause::UnlistedAbi => document.start(),
    };
    findings.push(
        findings
            .new_at(place, "calls made through other ABIs are not filtered")
            .here("lets them through")
            .because(format!("open: {}", names.join(", ")))
            .help("kill other ABIs: SystemCallArchitectures=native, seccomp.block-secondary, in the language `arch:` alone"),
    );
    Ok(())
}
