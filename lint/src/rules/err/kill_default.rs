//! # kill-default
//!
//! ## What
//! The default kills: every call that no rule names ends the process or a thread.
//!
//! ## Why
//! Libraries probe for new calls and expect an errno. An update of libc, a newer runtime or a rare error path is then a
//! crash without a message. For one program that is tested whole it is the strictest choice, and meant so; for a
//! container it seldom is.
//!
//! ## Example
//! ```docker at="SCMP_ACT_KILL_PROCESS"
//! {"defaultAction": "SCMP_ACT_KILL_PROCESS", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"}]}
//! ```
//!
//! ## Fix
//! Answer ENOSYS or EPERM by default, and kill for calls that only an attacker makes.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_KILL_PROCESS`
//! - runtime-spec, config-linux.md, "Seccomp"

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ERR004", "kill-default", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let kills = |action: Action| matches!(action, Action::KillProcess | Action::KillThread);
    let Some(listed) = meaning.policy.abis.values().find(|listed| kills(listed.rest.action)) else { return Ok(()) };
    // A filter for one program is often meant so.
    let severity = if document.profile().is_some() { Severity::Warning } else { Severity::Note };
    findings.push(
        findings
            .new_at(place(&listed.rest).unwrap_or_else(|| document.start()), "every call that no rule names kills")
            .here("the default")
            .at_most(severity)
            .help("answer ENOSYS or EPERM by default, and kill for what only an attacker calls"),
    );
    Ok(())
}
