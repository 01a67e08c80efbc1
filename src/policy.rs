//! From what was typed to a policy and its proven program: the one path every command takes.

use std::collections::BTreeSet;
use std::fs;

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::combine::minimise;
use callgate_compiler::compile::{Compiled, compile};
use callgate_compiler::lower::target::{Target, capability};
use callgate_compiler::lower::{Groups, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, Witness, policies_equal, policy_equals_program};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Severity, Sources};
use callgate_profiles::engine::{Engine, Host, Libseccomp};

use crate::backend;
use crate::cli::{FilterBackend, HostArgs, TargetArgs};
use crate::commands::spelling;
use crate::failure::{EXIT_ERROR, Failure};
use crate::input::{Loaded, Reading};
use crate::report;

/// A policy and the texts that its causes point into.
pub(crate) struct Checked {
    pub(crate) sources: Sources,
    pub(crate) policy: Policy,
}

/// Lowers what was loaded and prints everything there is to say about it.
pub(crate) fn check(loaded: Loaded, target: &Target) -> Result<Checked, Failure> {
    let Loaded { sources, units, mut diagnostics, translated } = loaded;
    let lowered = lower(&units, &groups(), target);
    // Other formats name every ABI's calls in one list and repeat themselves; that is no news about a translation.
    let of_translation = |finding: &Diagnostic| {
        finding.severity < Severity::Error
            && finding.labels.first().is_some_and(|label| translated.contains(&label.span.source))
    };
    diagnostics.extend(lowered.diagnostics.into_iter().filter(|finding| !of_translation(finding)));
    report::print(&diagnostics, &sources);
    let errors = diagnostics.iter().filter(|diagnostic| Diagnostic::is_error(diagnostic)).count();
    match lowered.policy.filter(|_| errors == 0) {
        Some(policy) => Ok(Checked { sources, policy }),
        None => {
            eprintln!("{errors} error{}", if errors == 1 { "" } else { "s" });
            Err(Failure::said(EXIT_ERROR))
        }
    }
}

/// The policy of a text that an importer wrote, if it is one; nothing is printed.
pub(crate) fn of_translation(loaded: &Loaded) -> Option<Policy> {
    let target = Target::new(Abi::ALL.to_vec(), running_kernel());
    lower(&loaded.units, &groups(), &target).policy
}

/// The proven program of a policy.
pub(crate) fn program(policy: &Policy) -> Result<Compiled, Failure> {
    compile(policy).map_err(Failure::from)
}

/// The policy without what changes nothing, proven to be the same.
pub(crate) fn minimal(policy: &Policy) -> Result<Policy, Failure> {
    let smaller = minimise(policy)?;
    match policies_equal(policy, &smaller, Budget::default()) {
        Verdict::Holds => Ok(smaller),
        Verdict::Fails(witness) => Err(Failure::new(format!(
            "internal error: without what changes nothing, the policy differs on {:?}; it was not written",
            witness.data
        ))
        .help("please report this policy")),
        Verdict::Undecided(reason) => Err(Failure::new(format!("undecided: {reason}"))
            .help("conditions that combine many parameters are the usual reason; split them")),
    }
}

/// The program that a backend makes of a policy: proven, whoever made it.
pub(crate) fn program_by(backend: FilterBackend, policy: &Policy) -> Result<Compiled, Failure> {
    let (name, made) = match backend {
        // Its choices of an objective are `compile`'s own business.
        FilterBackend::Callgate => return program(policy),
        FilterBackend::Seccompiler => ("seccompiler", backend::by_seccompiler::of_policy(policy)),
        FilterBackend::Libseccomp => ("libseccomp", by_libseccomp(policy)?),
    };
    let program = made.map_err(|reason| {
        Failure::new(format!("{name} makes no filter of this policy: {reason}")).help("leave --backend out")
    })?;
    match policy_equals_program(policy, &program, Budget::default()) {
        Verdict::Holds => Ok(Compiled { program }),
        Verdict::Fails(Witness { data, left, right }) => {
            let abi = Abi::of_call(data.arch, data.nr);
            let call = match abi {
                Some(abi) => format!("{} on {abi}", spelling::call(abi, data.nr, &data.args)),
                None => format!("number {} of the ABI with token {:#x}", data.nr, data.arch),
            };
            let spelled = |action| spelling::action(action, abi.unwrap_or(Abi::X86_64));
            let help = match abi {
                Some(abi) if !policy.abis.contains_key(&abi) => {
                    format!("say it in the policy (`{}: arch {abi}`), or leave --backend out", spelled(right))
                }
                _ => "leave --backend out".to_owned(),
            };
            Err(Failure::new(format!(
                "{name}'s filter is not the policy, so it isn't handed out: {call} is {} by the policy and {} by the filter",
                spelled(left),
                spelled(right)
            ))
            .help(help))
        }
        Verdict::Undecided(reason) => {
            Err(Failure::new(format!("{name}'s filter could not be proven equal to the policy: {reason}"))
                .help("leave --backend out"))
        }
    }
}

#[cfg(feature = "libseccomp")]
#[allow(clippy::unnecessary_wraps)] // Without the feature there is no filter.
fn by_libseccomp(policy: &Policy) -> Result<Result<Program, String>, Failure> {
    Ok(backend::by_libseccomp::program(policy))
}

#[cfg(not(feature = "libseccomp"))]
fn by_libseccomp(_policy: &Policy) -> Result<Result<Program, String>, Failure> {
    Err(Failure::new("this callgate was built without libseccomp")
        .help("build it with `--features libseccomp`, or leave --backend out"))
}

/// What a policy is read for. `default_abis` stands in when neither the policy nor `--arch` names any.
pub(crate) fn target(args: &TargetArgs, default_abis: Vec<Abi>) -> Result<Target, Failure> {
    let mut target = host_target(&args.host, default_abis)?;
    if !args.arch.is_empty() {
        target.abis = Some(abis(&args.arch)?);
    }
    Ok(target)
}

/// As [`target`], for commands where `--arch` means something else.
pub(crate) fn host_target(args: &HostArgs, default_abis: Vec<Abi>) -> Result<Target, Failure> {
    let mut target = Target::new(default_abis, running_kernel());
    if let Some(names) = &args.cap {
        target.capabilities = capabilities(names)?;
    }
    if let Some(text) = &args.kernel {
        target.kernel = Some(kernel(text)?);
    }
    Ok(target)
}

/// A kernel's version as it was typed.
pub(crate) fn kernel(text: &str) -> Result<Version, Failure> {
    version(text)
        .ok_or_else(|| Failure::new(format!("`{text}` is not a kernel version")).help("write major.minor, like 6.12"))
}

/// How files are read for a target: an engine's host is this machine, or the one of the ABIs that are asked for.
pub(crate) fn reading(args: &HostArgs, arch: &[String]) -> Result<Reading, Failure> {
    let target = host_target(args, Vec::new())?;
    let mut machines: BTreeSet<Abi> = abis(arch)?.into_iter().map(Abi::native).collect();
    if machines.len() > 1 && args.engine != Engine::Document {
        let names: Vec<_> = machines.iter().map(|abi| abi.name()).collect();
        return Err(Failure::new(format!("an engine runs on one machine, not on {}", names.join(" and ")))
            .help("name the ABIs of one with --arch"));
    }
    let machine = match machines.pop_first() {
        Some(machine) => machine,
        // Only an engine asks which machine it is: everything else is read on machines without tables too.
        None if args.engine == Engine::Document => Abi::X86_64,
        None => host_abi()?.native(),
    };
    let host = Host {
        machine,
        capabilities: target.capabilities,
        kernel: target.kernel.unwrap_or(target.running_kernel),
        libseccomp: Libseccomp::Debian12,
    };
    Ok(Reading { from: args.from, engine: args.engine, host, include_dirs: args.include_dir.clone() })
}

/// ABIs by name.
pub(crate) fn abis(names: &[String]) -> Result<Vec<Abi>, Failure> {
    names
        .iter()
        .map(|name| {
            name.trim().parse().map_err(|()| {
                let known: Vec<_> = Abi::ALL.iter().map(|abi| abi.name()).collect();
                Failure::new(format!("no ABI is called `{name}`")).help(format!("callgate knows {}", known.join(", ")))
            })
        })
        .collect()
}

/// Capabilities by name.
pub(crate) fn capabilities(names: &[String]) -> Result<BTreeSet<&'static str>, Failure> {
    names
        .iter()
        .filter(|name| name.as_str() != "none")
        .map(|name| {
            capability(name.trim()).ok_or_else(|| {
                Failure::new(format!("no capability is called `{name}`"))
                    .help("use the names of capabilities(7), with or without CAP_; `none` for none")
            })
        })
        .collect()
}

/// This machine's own ABI.
pub(crate) fn host_abi() -> Result<Abi, Failure> {
    // Rust has one name for both byte orders.
    let name = match std::env::consts::ARCH {
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "mips64" if cfg!(target_endian = "little") => "mips64el",
        "mips" if cfg!(target_endian = "little") => "mipsel",
        name => name,
    };
    name.parse().map_err(|()| {
        Failure::new(format!("callgate has no tables for this machine ({})", std::env::consts::ARCH))
            .help("name ABIs with --arch")
    })
}

/// `/proc/sys/kernel/osrelease`; where there is none, a kernel newer than every guard.
fn running_kernel() -> Version {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    version(text.trim()).unwrap_or(Version { major: u16::MAX, minor: 0 })
}

/// `6.12` of `6.12`, `6.12.3-generic`.
fn version(text: &str) -> Option<Version> {
    let (major, rest) = text.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    Some(Version { major: major.parse().ok()?, minor: digits.parse().ok()? })
}

/// The members of each shipped `@group`.
pub(crate) fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}
