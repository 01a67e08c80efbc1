//! The JSON of OCI bundles (`linux.seccomp`, opencontainers/runtime-spec config-linux.md) and Docker's extension of it
//! (moby's seccomp profile: `archMap`, `includes`).

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::{FilterFlag, Policy};
use callgate_compiler::tables;
use serde::Serialize;

use super::rules::{Plan, Rule, Test, plan};
use super::{Export, ExportError, ExportOptions, Format, notes, proof, spo};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    default_action: &'static str,
    /// Always there when the action takes one: what its absence means has changed between versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_errno_ret: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_errno: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architectures: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch_map: Option<Vec<Architecture>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener_metadata: Option<&'a str>,
    syscalls: Vec<Entry>,
}

/// Docker takes the entry of the machine it runs on, so that a filter holds no other machine's ABIs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Architecture {
    architecture: &'static str,
    sub_architectures: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    names: Vec<&'static str>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u16>,
    /// Podman takes it before the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Argument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    includes: Option<Includes>,
}

#[derive(Serialize)]
struct Includes {
    arches: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: usize,
    /// What the argument equals, or the mask of a masked comparison.
    value: u64,
    /// What the masked argument equals.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_two: Option<u64>,
    op: &'static str,
}

impl Argument {
    fn of(test: &Test) -> Self {
        if test.mask == u64::MAX {
            Self { index: test.index, value: test.value, value_two: None, op: "SCMP_CMP_EQ" }
        } else {
            Self { index: test.index, value: test.mask, value_two: Some(test.value), op: "SCMP_CMP_MASKED_EQ" }
        }
    }
}

pub(super) fn export(policy: &Policy, format: Format, options: &ExportOptions) -> Result<Export, ExportError> {
    let plan = plan(policy, format, options.allow_lossy)?;
    let (default_action, default_errno_ret) = action(plan.default);
    let docker = !format.is_one_list();
    let document = Document {
        default_action,
        default_errno_ret,
        default_errno: errno_name(policy, plan.default, format),
        architectures: (!docker).then(|| policy.abis.keys().map(|abi| abi.oci_name()).collect()),
        arch_map: docker.then(|| arch_map(policy)),
        flags: flags(policy, format),
        listener_path: policy.listener.as_deref(),
        listener_metadata: policy.listener_metadata.as_deref(),
        syscalls: entries(policy, &plan, format),
    };
    let always = "strings and numbers in structs always serialise";
    let mut bytes = match format {
        Format::Spo => spo::resource(serde_json::to_value(&document).expect(always))?.into_bytes(),
        _ => serde_json::to_vec_pretty(&document).expect(always),
    };
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    proof::prove(policy, &plan, format, &bytes)?;
    Ok(Export { bytes, notes: notes::of_document(policy, &plan, format) })
}

fn arch_map(policy: &Policy) -> Vec<Architecture> {
    let machines: BTreeSet<Abi> = policy.abis.keys().map(|abi| abi.native()).collect();
    let entry = |machine: Abi| Architecture {
        architecture: machine.oci_name(),
        sub_architectures: policy
            .abis
            .keys()
            .filter(|&&abi| abi != machine && abi.native() == machine)
            .map(|abi| abi.oci_name())
            .collect(),
    };
    machines.into_iter().map(entry).collect()
}

/// A list that isn't there is not an empty one: without it runc and crun turn on `SPEC_ALLOW`. Docker drops empty lists on the
/// way to the runtime, so there it makes no difference.
fn flags(policy: &Policy, format: Format) -> Option<Vec<String>> {
    if policy.flags.is_empty() && !format.is_one_list() {
        return None;
    }
    let names = FilterFlag::ALL.iter().filter(|(flag, ..)| policy.flags.contains(flag));
    Some(names.map(|(_, name, _)| format!("SECCOMP_FILTER_FLAG_{name}")).collect())
}

/// The calls with the same rule share an entry. Rules without conditions come first.
fn entries(policy: &Policy, plan: &Plan, format: Format) -> Vec<Entry> {
    let mut names: BTreeMap<(Option<Abi>, &Rule), Vec<&'static str>> = BTreeMap::new();
    for (&(machine, name), rules) in &plan.rules {
        for rule in rules {
            names.entry((machine, rule)).or_default().push(name);
        }
    }
    // Stable, so that within each half the order stays that of machines and rules.
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|((_, rule), _)| !rule.tests.is_empty());
    let entry = |((machine, rule), names): ((Option<Abi>, &Rule), Vec<&'static str>)| {
        let (action, errno_ret) = action(rule.action);
        Entry {
            names,
            action,
            errno_ret,
            errno: errno_name(policy, rule.action, format),
            args: rule.tests.iter().map(Argument::of).collect(),
            includes: machine.map(|machine| Includes { arches: hosts(machine, policy, format) }),
        }
    };
    names.into_iter().map(entry).collect()
}

/// The action's name and, where it takes one, its number.
fn action(action: Action) -> (&'static str, Option<u16>) {
    match action {
        Action::KillProcess => ("SCMP_ACT_KILL_PROCESS", None),
        Action::KillThread => ("SCMP_ACT_KILL_THREAD", None),
        Action::Trap(_) => ("SCMP_ACT_TRAP", None),
        Action::Errno(number) => ("SCMP_ACT_ERRNO", Some(number)),
        Action::Notify => ("SCMP_ACT_NOTIFY", None),
        Action::Trace(number) => ("SCMP_ACT_TRACE", Some(number)),
        Action::Log => ("SCMP_ACT_LOG", None),
        Action::Allow => ("SCMP_ACT_ALLOW", None),
    }
}

/// An errno's name in Podman's files, where it is that number on every machine of the policy: Podman asks its own.
fn errno_name(policy: &Policy, action: Action, format: Format) -> Option<&'static str> {
    let Action::Errno(number) = action else { return None };
    let name = tables::errno_name(Abi::X86_64, number).filter(|_| format == Format::Podman)?;
    policy.abis.keys().all(|abi| tables::errno(abi.native(), name) == Some(number)).then_some(name)
}

/// What `includes.arches` calls the hosts of a machine's ABIs that the policy lists: the machine itself, and the 32-bit ones
/// whose own ABI it also runs, so that the rules hold there too.
fn hosts(machine: Abi, policy: &Policy, format: Format) -> Vec<&'static str> {
    let others = policy.abis.keys().copied().filter(|&abi| abi != machine && abi.native() == machine);
    let name = if format == Format::Podman { libseccomp_name } else { moby_name };
    std::iter::once(machine).chain(others).filter_map(name).collect()
}

/// What libseccomp-golang calls a host (`ScmpArch.String`), which is what Podman compares with.
fn libseccomp_name(host: Abi) -> Option<&'static str> {
    match host {
        Abi::Mips => Some("mips"),
        Abi::Mipsn32el => Some("mipsel64n32"),
        Abi::Loongarch64 => Some("loong64"),
        other => moby_name(other),
    }
}

/// What moby calls a host (`goToNative` in its `profiles/seccomp/seccomp_linux.go`); `None` for ABIs that are no host's own to it.
fn moby_name(host: Abi) -> Option<&'static str> {
    match host {
        Abi::X32 | Abi::Mips => None,
        Abi::X86_64 => Some("amd64"),
        Abi::Aarch64 => Some("arm64"),
        Abi::Mips64el => Some("mipsel64"),
        Abi::Mipsn32 => Some("mips64n32"),
        Abi::Mipsn32el => Some("mips3l64n32"),
        same => Some(same.name()),
    }
}
