//! # podman-only-errno
//!
//! ## What
//! `errno` or `defaultErrno`, the name of an errno, where Docker or a runtime reads another number than it says.
//!
//! ## Why
//! Only containers/common (Podman, CRI-O) knows these keys. To Docker and to runtimes they are unknown: the number in `errnoRet`
//! counts, and EPERM where there is none. A libc that is answered EPERM instead of ENOSYS doesn't fall back to an older call.
//!
//! ## Example
//! ```docker engine=docker at="ENOSYS"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker at="ENOSYS"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "defaultErrnoRet": 1, "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker engine=docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "defaultErrnoRet": 38, "syscalls": []}
//! ```
//! ```docker engine=podman
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Write the number as well, in `errnoRet` or `defaultErrnoRet`.
//!
//! ## Sources
//! - containers/common, `pkg/seccomp/types.go`, `Errno` and `DefaultErrno`
//! - moby/profiles, `seccomp/seccomp.go`, which has no such fields

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;
use callgate_profiles::import::Format;
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM004", "podman-only-errno", Severity::Error, check);

/// Without an engine it isn't known who reads the file.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Form::Profile(format, profile)) = &document.form else { return Ok(()) };
    let engine = document.reading.engine;
    if engine == Engine::Podman || *format == Format::Podman {
        return Ok(());
    }
    let most = if engine == Engine::Document { Severity::Warning } else { Severity::Error };
    let actions = profile.default.iter().chain(profile.entries.iter().map(|entry| &entry.action));
    for action in actions.filter(|action| action.name.value == ActionName::Errno) {
        let Some(name) = &action.errno.name else { continue };
        // What there is without a number is EPERM.
        let others = action.errno.number.map_or(1, |number| u32::from(number.value));
        let named = tables::errno(document.reading.host.machine, &name.value).map(u32::from);
        if named == Some(others) {
            continue;
        }
        let shown =
            u16::try_from(others).ok().and_then(|number| tables::errno_name(document.reading.host.machine, number));
        let shown = shown.map_or_else(|| others.to_string(), str::to_owned);
        let mut finding = findings
            .new_at(name.span, format!("only Podman and CRI-O answer `{}` here", name.value))
            .here(format!("Docker and runtimes answer {shown}"))
            .at_most(most);
        if let Some(number) = action.errno.number {
            finding = finding.and_at(number.span, "their number");
        }
        let number = named.map_or_else(String::new, |number| format!(": {number} here"));
        findings.push(finding.help(format!("write its number as well{number}")));
    }
    Ok(())
}
