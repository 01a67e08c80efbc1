//! # docker-dialect-in-oci-consumer
//!
//! ## What
//! `includes`, `excludes` or `archMap` in a profile that a runtime, containerd or the kubelet reads as it is.
//!
//! ## Why
//! These keys are Docker's and Podman's. containerd (`Localhost` profiles of Kubernetes, `ctr`) and runtimes pass over them: a
//! rule that Docker applies with `CAP_SYS_ADMIN` alone is applied always, and without `archMap` the filter is for the machine's own
//! ABI. Read so, moby's default.json allows bpf, mount, `init_module` and unrestricted clone.
//!
//! A file by itself is taken for Docker's. `--from oci` says that it is for a runtime; a whole config.json is one by its form.
//!
//! ## Example
//! ```oci at="CAP_SYS_ADMIN"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}
//! ```
//! ```oci at="SCMP_ARCH_X86"
//! {"defaultAction": "SCMP_ACT_ERRNO",
//!   "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}], "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}
//! ```
//! ```oci
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {}, "excludes": {}}]}
//! ```
//!
//! ## Fix
//! `callgate compile FILE --to oci --cap … --arch …` writes the profile for one target.
//!
//! ## Sources
//! - containerd, `contrib/seccomp/seccomp.go`, `WithProfile`: the file is decoded into runtime-spec's type
//! - kubernetes#52827

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::Span;
use callgate_profiles::import::Format;
use callgate_profiles::import::profile::ActionName;
use callgate_profiles::import::profile::Conditions;
use callgate_profiles::import::profile::Entry;
use std::collections::BTreeSet;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM003", "docker-dialect-in-oci-consumer", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Form::Profile(Format::Oci, profile)) = &document.form else { return Ok(()) };
    let conditional: Vec<(&Entry, Span)> =
        profile.entries.iter().filter_map(|entry| Some((entry, place(entry)?))).collect();
    let allows = |entry: &Entry| matches!(entry.action.name.value, ActionName::Allow | ActionName::Log);
    let gated = |entry: &Entry| allows(entry) && !entry.includes.capabilities.is_empty();
    let first = conditional.iter().find(|(entry, _)| gated(entry)).or(conditional.first());
    if let Some(&(entry, at)) = first {
        let names: BTreeSet<&str> = conditional
            .iter()
            .filter(|(entry, _)| allows(entry))
            .flat_map(|(entry, _)| &entry.names)
            .map(|name| name.value.as_str())
            .collect();
        let names: Vec<_> = names.into_iter().collect();
        let mut finding = findings
            .new_at(at, format!("runtimes pass over the conditions of {} rules", conditional.len()))
            .here("no runtime reads this")
            .and_at(entry.action.name.span, "so this is done always");
        if !names.is_empty() {
            finding = finding.because(format!("allowed without their condition: {}", names.join(", ")));
        }
        findings.push(finding.help("`callgate compile FILE --to oci --cap …` writes the profile for one target"));
    }
    if let Some(at) = profile.map_at.filter(|_| !profile.machines.is_empty()) {
        findings.push(
            findings
                .new_at(at, "runtimes pass over `archMap`")
                .here("without `architectures` the filter is for the machine's own ABI")
                .help("list the ABIs of one machine in `architectures`"),
        );
    }
    Ok(())
}

/// Where the first condition of an entry stands that says something.
fn place(entry: &Entry) -> Option<Span> {
    let says = |conditions: &&Conditions| {
        !conditions.capabilities.is_empty() || !conditions.machines.is_empty() || conditions.kernel.is_some()
    };
    [&entry.includes, &entry.excludes].into_iter().filter(says).find_map(|conditions| conditions.span)
}
