//! # unreachable-include
//!
//! ## What
//! A rule's `includes` and `excludes` can't hold: no machine has such a name, a capability is both asked for and
//! excluded, a kernel is too new and too old at once.
//!
//! ## Why
//! Docker compares `arches` with the name that Go gives the machine it runs on. `x32` and `x86` are ABIs and no
//! machine's name, so they match nowhere; what was meant for them has to name `amd64`. The rule is dropped without a
//! word.
//!
//! ## Example
//! ```docker at="x32"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["x86", "x32"]}}]}
//! ```
//! ```docker at="CAP_SYS_BOOT"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ALLOW",
//!   "includes": {"caps": ["CAP_SYS_BOOT"]}, "excludes": {"caps": ["CAP_SYS_BOOT"]}}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32", "x86"]}}]}
//! ```
//!
//! ## Fix
//! Name the machine: `amd64` for calls made through x86-64, x86 and x32.
//!
//! ## Sources
//! - moby, `profiles/seccomp/seccomp_linux.go`, `goToNative`

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::import::profile::{Conditions, Entry};

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::listed;

pub(super) const RULE: Rule = Rule::new("RUL011", "unreachable-include", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else { return Ok(()) };
    for entry in &profile.entries {
        let Some(name) = entry.names.first() else { continue };
        let Some(why) = why_never(entry) else { continue };
        let names = listed(entry.names.iter().map(|name| name.value.as_str()));
        let place = entry.includes.span.or(entry.excludes.span).unwrap_or(name.span);
        findings.push(
            findings
                .new_at(place, format!("the rule for {names} holds nowhere: {why}"))
                .here("never counts")
                .help("correct `includes` and `excludes`, or take the rule out"),
        );
    }
    Ok(())
}

fn why_never(entry: &Entry) -> Option<String> {
    let (includes, excludes) = (&entry.includes, &entry.excludes);
    let matches = |conditions: &Conditions| Abi::ALL.iter().any(|&abi| conditions.names_machine(abi));
    if !includes.machines.is_empty() && !matches(includes) {
        let names = listed(includes.machines.iter().map(String::as_str));
        return Some(format!("{names} {} no machine's name", if includes.machines.len() == 1 { "is" } else { "are" }));
    }
    if let Some(both) = includes.capabilities.iter().find(|name| excludes.capabilities.contains(name)) {
        return Some(format!("CAP_{both} is both included and excluded"));
    }
    let machines = Abi::ALL.iter().filter(|&&abi| includes.names_machine(abi));
    if !includes.machines.is_empty() && machines.clone().all(|&abi| excludes.names_machine(abi)) {
        return Some("every machine that is included is excluded".to_owned());
    }
    match (includes.kernel, excludes.kernel) {
        (Some(from), Some(below)) if from >= below => Some(format!(
            "kernels from {}.{} are included, and those from {}.{} excluded",
            from.0, from.1, below.0, below.1
        )),
        _ => None,
    }
}
