//! # permissive-default
//!
//! ## What
//! The default action runs a call: every call that no rule names is allowed.
//!
//! ## Why
//! A list of what is forbidden is never complete. Every call that a later kernel adds is allowed from the day it boots,
//! and so is each other way to the same power: flatpak's list left the new mount calls out (CVE-2021-41133).
//!
//! ## Example
//! ```docker at="SCMP_ACT_ALLOW"
//! {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//! ```gate at="all"
//! allow: all
//! deny: mount
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Deny by default, and allow what the program needs: `callgate record -- CMD` finds that out.
//!
//! ## Sources
//! - seccomp(2), DESCRIPTION: "It is strongly recommended to use an allow-list approach"
//! - flatpak GHSA-67h7-w3jq-vh4q (CVE-2021-41133)

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::Cause;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RUL001", "permissive-default", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    // The numbers that no table and no rule has a name for take the default.
    let open: Vec<_> = meaning.policy.abis.iter().filter(|(_, listed)| listed.rest.action == Action::Allow).collect();
    let Some((_, first)) = open.first() else { return Ok(()) };
    let place = match first.rest.cause {
        Cause::Statement(span) | Cause::Known(span) => span,
        Cause::UnlistedAbi => document.start(),
    };
    let names: Vec<_> = open.iter().map(|(abi, _)| abi.name()).collect();
    findings.push(
        findings
            .new_at(place, "every call that no rule names is allowed")
            .here("the default")
            .because(format!("on {}", names.join(", ")))
            .help("deny by default, and allow what `callgate record` sees the program do"),
    );
    Ok(())
}
