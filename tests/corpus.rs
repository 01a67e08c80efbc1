//! Policies of real projects, rewritten in the language and proven equal to the originals.
//!
//! The originals stay outside of the repository, in the folder that `CALLGATE_CORPUS` names. For each there are two files:
//! `X.raw.gate` decides every call as the original does; `X.gate`, the one people want, compares parameters as the kernel
//! reads them. The two may differ only where the half of a word that the kernel doesn't read isn't zero, or where the
//! original looks at half of a word that it reads whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::target::{CAPABILITIES, DOCKER_CAPABILITIES};
use callgate_compiler::lower::{Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Filter, Relation, Verdict, differences, policies_equal};
use callgate_compiler::tables;
use callgate_grammar::tree::{StatementKind, UseTarget, Version};
use callgate_grammar::{Diagnostic, Sources, parse};
use callgate_profiles::import::{Document, Format, import};
use serde_json::value::RawValue;

use crate::support::{callgate, root, told};

const KERNEL: Version = Version { major: 6, minor: 18 };

/// An original and what stands for it.
struct Pair {
    original: &'static str,
    format: Format,
    selector: Option<&'static str>,
    /// The typed file, from the checkout's root; the other is `tests/corpus/` and the same name with `.raw`.
    typed: &'static str,
    raw: &'static str,
    abis: &'static [Abi],
    /// The calls on which the typed form differs on x86-64.
    differs: &'static [&'static str],
}

const CONTAINERS: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32, Abi::Aarch64];
const MACHINE: &[Abi] = &[Abi::X86_64];

fn firecracker(thread: &'static str, [typed, raw]: [&'static str; 2], differs: &'static [&'static str]) -> Pair {
    let original = "firecracker/x86_64-unknown-linux-musl.json";
    Pair { original, format: Format::Seccompiler, selector: Some(thread), typed, raw, abis: MACHINE, differs }
}

fn crosvm(original: &'static str, [typed, raw]: [&'static str; 2], differs: &'static [&'static str]) -> Pair {
    Pair { original, format: Format::Minijail, selector: None, typed, raw, abis: MACHINE, differs }
}

fn pairs() -> Vec<Pair> {
    const DEVICE: &[&str] = &["ioctl", "madvise", "prctl", "tgkill"];
    let container = |original, typed, raw, differs| Pair {
        original,
        format: Format::Docker,
        selector: None,
        typed,
        raw,
        abis: CONTAINERS,
        differs,
    };
    vec![
        container(
            "oci/moby-default.json",
            "profiles/policies/docker-default.gate",
            "tests/corpus/docker-default.raw.gate",
            &["personality", "socket"],
        ),
        container(
            "oci/containers-common.json",
            "tests/corpus/podman-default.gate",
            "tests/corpus/podman-default.raw.gate",
            &["personality"],
        ),
        firecracker(
            "vmm",
            ["tests/corpus/firecracker/vmm.gate", "tests/corpus/firecracker/vmm.raw.gate"],
            &["fcntl", "mmap"],
        ),
        firecracker("api", ["tests/corpus/firecracker/api.gate", "tests/corpus/firecracker/api.raw.gate"], &["mmap"]),
        firecracker(
            "vcpu",
            ["tests/corpus/firecracker/vcpu.gate", "tests/corpus/firecracker/vcpu.raw.gate"],
            &["ioctl", "mmap"],
        ),
        crosvm(
            "crosvm/block_device.policy",
            ["tests/corpus/crosvm/block.gate", "tests/corpus/crosvm/block.raw.gate"],
            DEVICE,
        ),
        crosvm(
            "crosvm/net_device.policy",
            ["tests/corpus/crosvm/net.gate", "tests/corpus/crosvm/net.raw.gate"],
            DEVICE,
        ),
        crosvm("crosvm/fs_device.policy", ["tests/corpus/crosvm/fs.gate", "tests/corpus/crosvm/fs.raw.gate"], DEVICE),
        crosvm(
            "crosvm/vhost_net_device.policy",
            ["tests/corpus/crosvm/vhost_net.gate", "tests/corpus/crosvm/vhost_net.raw.gate"],
            DEVICE,
        ),
        crosvm(
            "crosvm/swap_monitor.policy",
            ["tests/corpus/crosvm/swap_monitor.gate", "tests/corpus/crosvm/swap_monitor.raw.gate"],
            DEVICE,
        ),
    ]
}

/// The folder of the originals. Tests are required to have it only where it is named.
fn corpus() -> Option<PathBuf> {
    match std::env::var_os("CALLGATE_CORPUS") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            assert!(folder.is_dir(), "CALLGATE_CORPUS={} is no folder", folder.display());
            Some(folder)
        }
        None => {
            eprintln!("skipped: CALLGATE_CORPUS names no folder with the originals");
            None
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text read on the way, for its size.
pub(crate) type Read = BTreeMap<PathBuf, usize>;

/// An original as a policy in the language.
fn translate(path: &Path, format: Format, selector: Option<&str>, sizes: &mut Read) -> Result<String, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let text = read(path);
    sizes.insert(path.to_path_buf(), text.len());
    let source = sources.add("original", text.clone());
    let mut includes = |include: &str, _| {
        // The corpus' README: an include is the file of that name beside the including one.
        let name = Path::new(include).file_name().expect("a file's name");
        let path = path.with_file_name(name);
        let text = read(&path);
        sizes.insert(path, text.len());
        Ok((sources.add(include, text.clone()), text))
    };
    let imported = import(format, &Document { text: &text, source, selector }, &mut includes);
    imported.gate().ok_or(imported.diagnostics)
}

/// A file of the language and what it uses.
pub(crate) fn units(path: &Path, sizes: &mut Read) -> Vec<Unit> {
    let mut sources = Sources::default();
    let mut units: Vec<Unit> = Vec::new();
    let mut waiting = vec![(path.to_path_buf(), 1)];
    while let Some((path, layer)) = waiting.pop() {
        let text = read(&path);
        sizes.insert(path.clone(), text.len());
        let source = sources.add(path.display().to_string(), text.clone());
        let (file, diagnostics) = parse(source, &text);
        assert!(diagnostics.is_empty(), "{}: {diagnostics:#?}", path.display());
        for statement in &file.statements {
            let StatementKind::Use(targets) = &statement.node else { continue };
            for target in targets {
                let UseTarget::Path(used) = &target.node else { panic!("{}: only files here", path.display()) };
                waiting.push((path.parent().expect("a folder").join(used), layer + 1));
            }
        }
        units.push(Unit { source, file, layer, scope: source.0 });
    }
    units
}

pub(crate) fn policy(units: &[Unit], target: &Target, name: &str) -> Policy {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups = callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect();
    let lowered = lower(units, &groups, target);
    lowered.policy.unwrap_or_else(|| panic!("{name}: {:#?}", lowered.diagnostics))
}

fn of_text(text: &str, target: &Target, name: &str) -> Policy {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let (file, diagnostics) = parse(source, text);
    assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
    policy(&[Unit { source, file, layer: 1, scope: 1 }], target, name)
}

/// What a policy can be asked for: capabilities and kernels that matter to it. Files without conditions have one.
fn targets(pair: &Pair) -> Vec<Target> {
    let plain = |abis: &[Abi]| {
        let mut target = Target::new(abis.to_vec(), KERNEL);
        target.abis = Some(abis.to_vec());
        target
    };
    let mut targets = vec![plain(pair.abis)];
    if pair.format != Format::Docker {
        return targets;
    }
    targets.push(plain(MACHINE));
    let one_by_one = CAPABILITIES.iter().map(std::slice::from_ref);
    let sets = [&[][..], CAPABILITIES, &["SYS_ADMIN", "PERFMON"], &["BPF", "AUDIT_WRITE"]];
    for held in sets.into_iter().chain(one_by_one) {
        let mut target = plain(MACHINE);
        target.capabilities = held.iter().copied().collect();
        targets.push(target);
    }
    for kernel in [Version { major: 4, minor: 7 }, Version { major: 4, minor: 8 }] {
        let mut target = plain(pair.abis);
        target.kernel = Some(kernel);
        target.capabilities = DOCKER_CAPABILITIES.iter().copied().collect();
        targets.push(target);
    }
    targets
}

#[test]
fn policies_of_real_projects_are_rewritten_and_proven_equal() {
    let Some(corpus) = corpus() else { return };
    for pair in pairs() {
        let mut theirs = Read::new();
        let path = corpus.join(pair.original);
        let gate = translate(&path, pair.format, pair.selector, &mut theirs)
            .unwrap_or_else(|diagnostics| panic!("{}: {diagnostics:#?}", pair.original));
        let raw = units(&root().join(pair.raw), &mut Read::new());
        let targets = targets(&pair);
        for target in &targets {
            let original = of_text(&gate, target, pair.original);
            let rewritten = policy(&raw, target, pair.raw);
            let verdict = policies_equal(&original, &rewritten, Budget::default());
            assert_eq!(verdict, Verdict::Holds, "{} for {target:?}", pair.raw);
        }
        let mut ours = Read::new();
        let typed = units(&root().join(pair.typed), &mut ours);
        let mut target = targets[0].clone();
        target.abis = Some(MACHINE.to_vec());
        // Without any, so that no rule is left out.
        target.capabilities = BTreeSet::new();
        let shown = typed_differences(&of_text(&gate, &target, pair.original), &policy(&typed, &target, pair.typed));
        let names: Vec<_> = shown.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected(&pair), "{}: {shown:#?}", pair.typed);
        println!(
            "{}{}: equal for {} targets; {} as {}; typed, {} differ in a half that one of them doesn't read",
            pair.original,
            pair.selector.map(|name| format!("#{name}")).unwrap_or_default(),
            targets.len(),
            size(&theirs, &path, pair.selector),
            size(&ours, &path, None),
            names.join(", "),
        );
    }
}

#[test]
fn the_rewritten_policies_do_what_they_expect() {
    for pair in pairs() {
        for arguments in [&["test"][..], &["fmt", "--check"]] {
            let output = callgate().args(arguments).arg(root().join(pair.typed)).output().expect("callgate runs");
            assert!(output.status.success(), "{}: {}", pair.typed, told(&output));
        }
    }
}

/// Calls that differ when no capability is held: Podman's rule about the audit socket is one more.
fn expected(pair: &Pair) -> Vec<&'static str> {
    let mut names = pair.differs.to_vec();
    if pair.original == "oci/containers-common.json" {
        names.push("socket");
    }
    names
}

/// The calls on which two policies differ, by name. Each must show it by the high half of a word alone.
fn typed_differences(original: &Policy, typed: &Policy) -> Vec<(String, [u64; 6])> {
    let (left, right) = (Filter::Policy(original), Filter::Policy(typed));
    let found = differences(Relation::Equal, left, right, usize::MAX, Budget::default()).expect("an answer");
    let mut shown = Vec::new();
    for difference in found.ranges {
        let witness = difference.witness;
        let abi = Abi::of_call(witness.data.arch, witness.data.nr).expect("a call of a known ABI");
        let mut low = witness.data;
        low.args = low.args.map(|word| word & u64::from(u32::MAX));
        assert_ne!(low, witness.data, "the difference isn't in a high half");
        assert_eq!(original.decide(&low).action, typed.decide(&low).action, "nor does it end with it: {low:?}");
        let name = tables::name(abi, witness.data.nr).expect("a call with a name").to_owned();
        shown.push((name, witness.data.args));
    }
    shown.sort();
    shown
}

/// Lines and bytes of what was read; of a file with several filters, of the one.
fn size(read_files: &Read, path: &Path, selector: Option<&str>) -> String {
    let texts: Vec<String> = match selector {
        Some(thread) => {
            let filters: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&read(path)).expect("filters");
            vec![filters[thread].get().to_owned()]
        }
        None => read_files.keys().map(|path| read(path)).collect(),
    };
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    let bytes: usize = texts.iter().map(String::len).sum();
    format!("{lines} lines, {bytes} bytes")
}

/// What isn't a profile, or isn't a sound one.
const NO_PROFILES: &[(&str, &str)] = &[
    ("minijail/invalid_arg_filter.policy", "`argnn` is no argument"),
    ("minijail/invalid_syscall_name.policy", "no such call"),
    ("minijail/nested.policy", "it includes itself"),
    ("spo/json-enricher-log-volume-source.json", "a volume"),
];

#[test]
fn every_file_of_a_known_format_is_read() {
    let Some(corpus) = corpus() else { return };
    let mut read_files = 0;
    for folder in ["crosvm", "firecracker", "minijail", "oci", "spo"] {
        let mut paths: Vec<_> = fs::read_dir(corpus.join(folder))
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        for path in paths {
            let name = format!("{folder}/{}", path.file_name().expect("a name").to_string_lossy());
            if name.ends_with(".frequency") || name.ends_with(".yaml") {
                continue;
            }
            let known = NO_PROFILES.iter().any(|(known, _)| *known == name);
            let format = Format::of(&read(&path));
            let selectors: &[Option<&str>] =
                if format == Some(Format::Seccompiler) { &[Some("vmm"), Some("api"), Some("vcpu")] } else { &[None] };
            for selector in selectors {
                let gate = format.map(|format| translate(&path, format, *selector, &mut Read::new()));
                match gate {
                    Some(Ok(gate)) if !known => {
                        let target = Target::new(Abi::ALL.to_vec(), KERNEL);
                        of_text(&gate, &target, &name);
                        assert_eq!(callgate_grammar::format(&gate).as_ref(), Ok(&gate), "{name} isn't canonical");
                        read_files += 1;
                    }
                    Some(Err(_)) | None if known => {}
                    other => panic!("{name}: {other:#?}"),
                }
            }
        }
    }
    println!("{read_files} policies read");
}
