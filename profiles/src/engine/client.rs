//! What Docker and Podman make of a file before a runtime sees it: an OCI profile for one machine, kernel and set of
//! capabilities (moby, `profiles/seccomp/seccomp_linux.go`; containers/common, `pkg/seccomp/seccomp_linux.go`).

use callgate_compiler::abi::Abi;
use callgate_compiler::policy::FilterFlag;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Span};

use super::Host;
use crate::import::docker;
use crate::import::profile::{Action, ActionName, Architecture, Argument, At, Conditions, Entry, Profile};

/// Who resolves the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// As Docker, but that nothing is lost on the way: someone else makes the bundle.
    Bundle,
    Docker,
    Podman,
}

/// An action with the number that counts.
#[derive(Clone, Debug)]
pub(super) struct Verb {
    pub(super) action: ActionName,
    pub(super) number: u16,
    /// As the language writes it.
    pub(super) text: String,
}

/// One entry of the OCI profile.
pub(super) struct SpecRule<'p> {
    pub(super) span: Span,
    pub(super) names: &'p [At<String>],
    pub(super) verb: Verb,
    pub(super) arguments: &'p [Argument],
}

/// The OCI profile.
pub(super) struct Spec<'p> {
    pub(super) span: Span,
    pub(super) default: Verb,
    pub(super) default_span: Span,
    /// In the file's order. The machine's own need not be among them.
    pub(super) architectures: Vec<Architecture>,
    pub(super) flags: Vec<FilterFlag>,
    pub(super) profile: &'p Profile,
    pub(super) rules: Vec<SpecRule<'p>>,
}

/// The OCI profile that a client hands on.
pub(super) fn resolve<'p>(
    client: Client,
    host: &Host,
    profile: &'p Profile,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Spec<'p>> {
    let Some(default) = &profile.default else {
        diagnostics.push(docker::missing_default(profile.span));
        return None;
    };
    let rules = profile.entries.iter().filter(|entry| counts(client, host, entry));
    Some(Spec {
        span: profile.span,
        default: verb(client, host, default),
        default_span: default.name.span,
        architectures: of_machine(client, host, profile),
        flags: flags(client, profile),
        profile,
        rules: rules
            .map(|entry| SpecRule {
                span: entry.action.name.span,
                names: &entry.names,
                verb: verb(client, host, &entry.action),
                arguments: &entry.arguments,
            })
            .collect(),
    })
}

/// Whether Podman looks into `archMap` on a machine: it needs a name for it (`nativeToSeccomp`).
pub(crate) fn reads_arch_map(machine: Abi) -> bool {
    [Abi::X86_64, Abi::Aarch64, Abi::Mips64, Abi::Mips64el, Abi::S390x].contains(&machine)
}

/// Of `archMap` the machine's own entry counts, and no other. Where Podman doesn't look the list stays empty, which leaves the
/// machine's own ABI.
fn of_machine(client: Client, host: &Host, profile: &Profile) -> Vec<Architecture> {
    if profile.machines.is_empty() {
        return profile.architectures.clone();
    }
    if client == Client::Podman && !reads_arch_map(host.machine) {
        return Vec::new();
    }
    let is_own = |own: &Architecture| own.value == Ok(host.machine);
    let machine = profile.machines.iter().find(|machine| machine.architecture.as_ref().is_some_and(is_own));
    machine.map_or_else(Vec::new, |machine| machine.architecture.iter().chain(&machine.others).copied().collect())
}

/// Whether a rule counts on the host: every included capability must be there, none of the excluded ones may.
fn counts(client: Client, host: &Host, entry: &Entry) -> bool {
    let held = |name: &&str| host.capabilities.contains(name);
    let (includes, excludes) = (&entry.includes, &entry.excludes);
    let included = includes.capabilities.iter().all(&held)
        && (includes.machines.is_empty() || includes.names_machine(host.machine));
    let excluded = excludes.capabilities.iter().any(held) || excludes.names_machine(host.machine);
    included && !excluded && kernel_allows(client, host, includes, excludes)
}

/// Podman passes over `minKernel` (measured on 4.3 and 5.8); Docker honours it.
fn kernel_allows(client: Client, host: &Host, includes: &Conditions, excludes: &Conditions) -> bool {
    let reached = |kernel: (u16, u16)| (host.kernel.major, host.kernel.minor) >= kernel;
    client == Client::Podman || (includes.kernel.is_none_or(reached) && !excludes.kernel.is_some_and(reached))
}

/// Podman takes an errno's name before its number, as the machine numbers it; Docker passes over names. Without either it is
/// EPERM, for traces too.
fn verb(client: Client, host: &Host, action: &Action) -> Verb {
    let named = action.errno.name.as_ref().filter(|_| client == Client::Podman);
    let named = named.and_then(|name| tables::errno(host.machine, &name.value));
    let number = named.or(action.errno.number.map(|number| number.value)).unwrap_or(1);
    Verb { action: action.name.value, number, text: action.name.value.verb(number) }
}

/// A file without flags gets `SPEC_ALLOW` from runc and crun, and one with an empty list doesn't; but Docker and Podman drop an
/// empty list on the way.
fn flags(client: Client, profile: &Profile) -> Vec<FilterFlag> {
    match &profile.flags {
        Some(flags) if !flags.is_empty() || client == Client::Bundle => flags.clone(),
        _ => vec![FilterFlag::SpecAllow],
    }
}
