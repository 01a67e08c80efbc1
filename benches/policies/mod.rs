//! Real policies to measure compilers on: those of other projects, from the folder that `CALLGATE_CORPUS` names, and the
//! shipped ones. Shared by the benchmarks and by tests/bars.rs.

pub(crate) mod earlier;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_compiler::generate::Weights;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Sources, parse};
use callgate_profiles::import::{Document, Format, import};

/// The kernel that everything is resolved for.
pub(crate) const KERNEL: Version = Version { major: 6, minor: 18 };

/// A policy and what it is called.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) policy: Policy,
}

/// The folder with the policies of other projects.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CALLGATE_CORPUS")?);
    assert!(folder.is_dir(), "CALLGATE_CORPUS={} is no folder", folder.display());
    Some(folder)
}

/// One of other projects' policies for x86-64 alone, by the name it has in the tables of figures. `None`: the corpus hasn't it.
pub(crate) fn of_corpus(corpus: &Path, name: &str, abis: &[Abi]) -> Option<Policy> {
    let text = match name {
        "docker" => gate_of(&corpus.join("oci/moby-default.json"), None),
        "podman" => gate_of(&corpus.join("oci/containers-common.json"), None),
        "spo-runc-base" => base_profile(&corpus.join("spo/baseprofile-runc.yaml")),
        "spo-crun-base" => base_profile(&corpus.join("spo/baseprofile-crun.yaml")),
        "spo-operator" => gate_of(&corpus.join("spo/security-profiles-operator.json"), None),
        "spo-bpfrec" => gate_of(&corpus.join("spo/bpf-recorder.json"), None),
        "sd-system-service" => service(corpus, false),
        "sd-sysservice-nopriv" => service(corpus, true),
        _ => match (name.strip_prefix("fc-"), name.strip_prefix("crosvm-")) {
            (Some(thread), _) => gate_of(&corpus.join("firecracker/x86_64-unknown-linux-musl.json"), Some(thread)),
            (_, Some(device)) => gate_of(&corpus.join(format!("crosvm/{device}.policy")), None),
            _ => None,
        },
    };
    resolved(&text?, abis)
}

/// The names [`of_corpus`] knows, in the order of the tables; crosvm's other devices and minijail's examples come after them.
pub(crate) fn names(corpus: &Path) -> Vec<String> {
    let first: Vec<_> = earlier::EARLIER.iter().map(|row| row.policy.to_owned()).collect();
    let devices: BTreeSet<String> = fs::read_dir(corpus.join("crosvm"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".policy")?.to_owned()))
        .map(|device| format!("crosvm-{device}"))
        .filter(|name| !first.contains(name))
        .collect();
    first.into_iter().chain(devices).collect()
}

/// Every policy of the corpus for these ABIs.
pub(crate) fn all_of_corpus(corpus: &Path, abis: &[Abi]) -> Vec<Named> {
    let named = |name: String| of_corpus(corpus, &name, abis).map(|policy| Named { name, policy });
    names(corpus).into_iter().filter_map(named).collect()
}

/// The shipped policies for these ABIs.
pub(crate) fn shipped(abis: &[Abi]) -> Vec<Named> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/policies");
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let policy = resolved(&fs::read_to_string(&path).ok()?, abis)?;
        Some(Named { name, policy })
    };
    paths.into_iter().filter_map(named).collect()
}

/// How often each call is made under a load, by name: shares of 1 in the blend of all loads.
pub(crate) fn mix(corpus: &Path, name: &str) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(corpus.join("mixes/mixes.json")).expect("the mixes");
    let mut mixes: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(&text).expect("mixes");
    mixes.remove(name).expect("the mix")
}

/// A mix as the compiler takes it: x86-64's calls, in millionths.
pub(crate) fn weights(mix: &BTreeMap<String, f64>) -> Weights {
    let total: f64 = mix.values().sum();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most a million
    let millionths = |share: f64| (share / total * 1e6).round() as u64;
    let numbered = mix.iter().filter_map(|(name, &share)| Some((tables::number(Abi::X86_64, name)?, share)));
    Weights::of(numbered.map(|(nr, share)| ((Abi::X86_64, nr), millionths(share))))
}

/// A policy for Docker's default capabilities.
pub(crate) fn resolved(text: &str, abis: &[Abi]) -> Option<Policy> {
    let mut sources = Sources::default();
    let source = sources.add("policy", text);
    let (file, _) = parse(source, text);
    let mut target = Target::new(abis.to_vec(), KERNEL);
    target.abis = Some(abis.to_vec());
    lower(&[Unit { source, file, layer: 1, scope: 1 }], &groups(), &target).policy
}

fn groups() -> Groups {
    let members = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    callgate_profiles::groups::groups()
        .iter()
        .map(|(&name, group)| (name.to_owned(), members(&group.members)))
        .collect()
}

/// Another format's file, in the language. Includes are the files of that name beside it.
fn gate_of(path: &Path, selector: Option<&str>) -> Option<String> {
    let mut sources = Sources::default();
    let text = fs::read_to_string(path).ok()?;
    let format = Format::of(&text)?;
    let source = sources.add("original", text.clone());
    let mut includes = |include: &str, _| {
        let beside = Path::new(include).file_name().map(|name| path.with_file_name(name));
        let text = beside.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        Ok((sources.add(include, text.clone()), text))
    };
    import(format, &Document { text: &text, source, selector }, &mut includes).gate()
}

/// A list of names in a `SeccompProfile`: all allowed, the rest EPERM.
fn base_profile(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).filter(|item| {
        let is_name = item.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name && !item.is_empty()
    });
    Some(allowing(&names.collect()))
}

/// systemd's `SystemCallFilter=@system-service`, with or without `~@privileged`.
fn service(corpus: &Path, without_privileged: bool) -> Option<String> {
    let text = fs::read_to_string(corpus.join("systemd/syscall-filter-sets-252.txt")).ok()?;
    let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = "";
    for line in text.lines() {
        let item = line.trim();
        if line.starts_with('@') {
            current = item;
        } else if !item.is_empty() && !item.starts_with('#') {
            sets.entry(current).or_default().push(item);
        }
    }
    let mut names = members(&sets, "@system-service");
    if without_privileged {
        let privileged = members(&sets, "@privileged");
        names.retain(|name| !privileged.contains(name));
    }
    // What systemd always allows.
    names.extend(members(&sets, "@default"));
    Some(allowing(&names))
}

fn members<'a>(sets: &BTreeMap<&str, Vec<&'a str>>, set: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for &item in sets.get(set).into_iter().flatten() {
        if item.starts_with('@') {
            found.extend(members(sets, item));
        } else {
            found.insert(item);
        }
    }
    found
}

fn allowing(names: &BTreeSet<&str>) -> String {
    let known: Vec<_> = names.iter().copied().filter(|name| tables::number(Abi::X86_64, name).is_some()).collect();
    format!("deny: all\nallow: {}\n", known.join(", "))
}
