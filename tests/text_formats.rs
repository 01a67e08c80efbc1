//! Policies of real projects in the text formats: each is read, written back into its own format and into callgate's, and
//! proven the same after the round trip. What can't be is listed with its reason, and a reason that no longer holds fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, policies_equal};
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, parse};
use callgate_profiles::export::{self, ExportOptions, export};
use callgate_profiles::import::{self, Document, import};

use crate::support::{Need, callgate, have, told};

/// A file of the corpus that doesn't make the round trip: by the code of the finding or the words of the refusal.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("kafel/sample_and_cmp_var.policy", "two-arguments", "compares two arguments"),
    ("kafel/sample_and_eq_var_long_set.policy", "two-arguments", "compares two arguments"),
    ("kafel/sample_and_eq_var_short_top.policy", "two-arguments", "compares two arguments"),
    ("kafel/sample_var_cmp.policy", "two-arguments", "compares two arguments"),
    ("minijail/invalid_arg_filter.policy", "bad-filter", "no policy: `argnn` is no argument"),
    ("minijail/invalid_syscall_name.policy", "unknown-syscall", "no policy: no such call"),
    ("minijail/nested.policy", "use-cycle", "no policy: it includes itself"),
];

/// What came of one file.
struct Row {
    name: String,
    format: import::Format,
    outcome: Result<(), String>,
}

fn corpus() -> Option<PathBuf> {
    match std::env::var_os("CALLGATE_CORPUS") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => {
            eprintln!("skipped: CALLGATE_CORPUS names no folder with the originals");
            None
        }
    }
}

fn read(from: import::Format, path: &Path, text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let mut includes = |name: &str, at| {
        // The corpus' README: an include is the file of that name beside the including one.
        let path = path.with_file_name(Path::new(name).file_name().expect("a file's name"));
        let text = fs::read_to_string(&path)
            .map_err(|error| Diagnostic::error("unreadable-use", error.to_string()).at(at, ""))?;
        Ok((sources.add(path.display().to_string(), text.clone()), text))
    };
    let imported = import(from, &Document { text, source, selector: None }, &mut includes);
    imported.gate().ok_or(imported.diagnostics)
}

fn lowered(gate: &str, abis: &[Abi]) -> Policy {
    let mut sources = Sources::default();
    let source = sources.add("gate", gate);
    let (file, diagnostics) = parse(source, gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let mut target = Target::new(abis.to_vec(), Version { major: 6, minor: 18 });
    target.abis = Some(abis.to_vec());
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

/// Reads, writes, reads again, and asks the prover; by way of the format itself and of callgate's language.
fn round_trip(from: import::Format, to: export::Format, path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a file");
    let found = import::Format::of(&text);
    if found != Some(from) {
        return Err(format!("it looks like {found:?}"));
    }
    let codes = |diagnostics: Vec<Diagnostic>| {
        let errors = diagnostics.iter().filter(|finding| finding.is_error());
        errors.map(|finding| finding.code).collect::<Vec<_>>().join(", ")
    };
    let gate = read(from, path, &text).map_err(codes)?;
    for abi in [Abi::X86_64, Abi::Aarch64] {
        let original = lowered(&gate, &[abi]);
        for to in [to, export::Format::Gate] {
            let written = export(&original, &Program::default(), to, &ExportOptions::default())
                .map_err(|error| format!("{to} on {abi}: {error}"))?;
            let written = String::from_utf8(written.bytes).expect("text");
            let again = match to {
                export::Format::Gate => written.clone(),
                _ => {
                    read(from, path, &written).map_err(|found| format!("{to} on {abi}: {}\n{written}", codes(found)))?
                }
            };
            let back = lowered(&again, &[abi]);
            if policies_equal(&original, &back, Budget::default()) != Verdict::Holds {
                return Err(format!("{to} on {abi}: not the same\n{written}"));
            }
        }
    }
    Ok(())
}

fn rows(corpus: &Path) -> Vec<Row> {
    let folders = [
        ("kafel", import::Format::Kafel, export::Format::Kafel),
        ("minijail", import::Format::Minijail, export::Format::Minijail),
        ("crosvm", import::Format::Minijail, export::Format::Minijail),
    ];
    let mut rows = Vec::new();
    for (folder, from, to) in folders {
        let entries = fs::read_dir(corpus.join(folder)).expect("the folder");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        // Frequencies order the checks of a policy; they are none.
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "policy")) {
            let name = format!("{folder}/{}", path.file_name().expect("a name").to_string_lossy());
            rows.push(Row { name, format: from, outcome: round_trip(from, to, &path) });
        }
    }
    rows
}

#[test]
fn every_policy_makes_the_round_trip_or_has_its_reason() {
    let Some(corpus) = corpus() else { return };
    let exceptions: BTreeMap<&str, (&str, &str)> =
        EXCEPTIONS.iter().map(|(name, code, reason)| (*name, (*code, *reason))).collect();
    let rows = rows(&corpus);
    for Row { name, format, outcome } in &rows {
        match (outcome, exceptions.get(name.as_str())) {
            (Ok(()), None) => println!("| {name} | {format} | proven equal |"),
            (Err(codes), Some((code, reason))) if codes.contains(code) => println!("| {name} | {format} | {reason} |"),
            (outcome, expected) => panic!("{name}: {outcome:?}, expected {expected:?}"),
        }
    }
    for name in exceptions.keys() {
        assert!(rows.iter().any(|row| row.name == *name), "{name} isn't in the corpus any more");
    }
}

#[test]
fn systemds_sets_are_those_that_it_prints() {
    let Some(corpus) = corpus() else { return };
    let text = fs::read_to_string(corpus.join("systemd/syscall-filter-sets-252.txt")).expect("the sets");
    let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if line.starts_with('@') {
            current = Some(line.trim());
            sets.entry(line.trim()).or_default();
        } else if line.starts_with('#') {
            current = None;
        } else if let Some(set) = current.filter(|_| !line.trim().is_empty() && !line.trim().starts_with('#')) {
            sets.entry(set).or_default().push(line.trim());
        }
    }
    assert!(sets.len() > 25, "{}", sets.len());
    for (set, members) in sets {
        // One drop-in with the set, one with what the printed list says is in it.
        let of = |list: &str| {
            let unit = format!("[Service]\nSystemCallArchitectures=native\nSystemCallFilter=~{list}\n");
            let gate = read(import::Format::Systemd, Path::new("unit"), &unit)
                .unwrap_or_else(|found| panic!("{set}: {found:#?}"));
            lowered(&gate, &[Abi::X86_64])
        };
        let verdict = policies_equal(&of(set), &of(&members.join(" ")), Budget::default());
        assert_eq!(verdict, Verdict::Holds, "{set}");
    }
}

#[test]
fn systemd_takes_what_is_written_for_it() {
    if !have(&[Need::Tool("systemd-analyze")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("callgate-test.service");
    let statements =
        ["-e", "deny: all", "-e", "allow: read, write, openat", "-e", "errno(ENOSYS): clone3", "-e", "log: mknodat"];
    let output = callgate().args(["compile", "--to", "systemd"]).args(statements).output().expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    let dropin = String::from_utf8(output.stdout).expect("text");
    fs::write(&unit, format!("[Unit]\nDescription=test\n\n{dropin}ExecStart=/bin/true\n")).expect("a file");
    let output = Command::new("systemd-analyze").arg("verify").arg("--man=no").arg(&unit).output().expect("it runs");
    let said = told(&output);
    // A name that this machine's libseccomp is too old for is passed over, as the ABI has no such call there.
    let complaints = said.lines().filter(|line| !line.contains("Failed to parse system call, ignoring: "));
    let about_it: Vec<&str> =
        complaints.filter(|line| line.contains("SystemCall") || line.contains("system call")).collect();
    assert!(about_it.is_empty(), "{dropin}\n{said}");
}

#[test]
fn includes_are_looked_for_in_the_folders_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("shared/deep")).expect("folders");
    fs::write(at("main.policy"), "@include /usr/share/policy/base.policy\nread: 1\n").expect("a file");
    fs::write(at("shared/base.policy"), "@include ./deep/more.policy\nwrite: 1\n").expect("a file");
    fs::write(at("shared/deep/more.policy"), "close: 1\n").expect("a file");
    let eval = |options: &[&str]| {
        let mut command = callgate();
        command
            .arg("eval")
            .arg(at("main.policy"))
            .args(["read", "write", "close", "open", "--arch", "x86_64"])
            .args(options);
        command.output().expect("callgate runs")
    };
    let missing = eval(&[]);
    assert_eq!(missing.status.code(), Some(2), "{}", told(&missing));
    assert!(told(&missing).contains("--include-dir"), "{}", told(&missing));
    let found = eval(&["--include-dir", &at("shared").display().to_string()]);
    let said = told(&found);
    assert!(found.status.success(), "{said}");
    for line in ["read on x86_64: allow", "write on x86_64: allow", "close on x86_64: allow", "open on x86_64: kill"] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(said.contains("shared/base.policy") && said.contains("it isn't where this says"), "{said}");
}
