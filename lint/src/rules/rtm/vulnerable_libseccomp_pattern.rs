//! # vulnerable-libseccomp-pattern
//!
//! ## What
//! Rules that libseccomp before 2.6.1 can compile to a filter which lets denied calls through: two rules of one call that
//! compare the same argument, do different things, and one of which uses `SCMP_CMP_LT` or `SCMP_CMP_LE`.
//!
//! ## Why
//! Where it merged the comparisons of such rules on a 64-bit ABI, libseccomp before 2.6.1 could leave one of them with the
//! other's action (GHSA-4q85-33p6-j5g6). Before 2.4.0 it compiled every 64-bit `LT`, `LE`, `GT` and `GE` wrongly (CVE-2019-9893).
//!
//! Asked with `--engine`, when `--libseccomp` names an older one.
//!
//! ## Example
//! ```docker engine=docker libseccomp=2.5.5 at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["execve"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 17, "op": "SCMP_CMP_LT"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker engine=docker libseccomp=2.5.5
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["execve"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 39, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Run libseccomp 2.6.1, or write the rules with `SCMP_CMP_EQ` and `SCMP_CMP_MASKED_EQ`, as `callgate compile --to docker` does;
//! `callgate compile --to bpf` leaves libseccomp out.
//!
//! ## Sources
//! - GHSA-4q85-33p6-j5g6 (libseccomp 2.6.1)
//! - CVE-2019-9893, seccomp/libseccomp#139 (libseccomp 2.4.0)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;
use callgate_profiles::engine::Libseccomp;
use callgate_profiles::import::profile::{Action, ActionName, Argument, At, Comparison, Entry};
use std::collections::BTreeMap;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM009", "vulnerable-libseccomp-pattern", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let reading = &document.reading;
    let is_old = reading.engine != Engine::Document && reading.host.libseccomp < Libseccomp::Newest;
    let Some(profile) = document.profile().filter(|_| is_old) else { return Ok(()) };
    // A rule that does what the default does is left out by the runtimes.
    let default = profile.default.as_ref().map(done);
    let mut compared: BTreeMap<&str, Vec<(&Entry, &At<String>)>> = BTreeMap::new();
    for entry in profile.entries.iter().filter(|entry| Some(done(&entry.action)) != default) {
        for name in entry.names.iter().filter(|_| !entry.arguments.is_empty()) {
            compared.entry(&name.value).or_default().push((entry, name));
        }
    }
    for (call, rules) in compared {
        let pairs = rules.iter().flat_map(|one| rules.iter().map(move |other| (one, other)));
        let Some((one, other)) = pairs.into_iter().find(|(one, other)| are_merged(one.0, other.0)) else { continue };
        findings.push(
            findings
                .new_at(one.1.span, format!("libseccomp before 2.6.1 may give rules of `{call}` each other's action"))
                .here("compared with `<` or `<=` here")
                .and_at(other.1.span, "and the same argument here, to another end")
                .help("run libseccomp 2.6.1, or compare with `SCMP_CMP_EQ` and `SCMP_CMP_MASKED_EQ`"),
        );
    }
    Ok(())
}

fn done(action: &Action) -> (ActionName, Option<u16>) {
    (action.name.value, action.errno.number.map(|number| number.value))
}

fn are_merged(one: &Entry, other: &Entry) -> bool {
    let below = |argument: &&Argument| matches!(argument.comparison, Comparison::Less | Comparison::LessOrEqual);
    let both = |argument: &Argument| other.arguments.iter().any(|there| there.index == argument.index);
    done(&one.action) != done(&other.action) && one.arguments.iter().filter(below).any(both)
}
