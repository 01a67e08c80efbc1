//! docs/formats.md: what is read of the corpus' files, written back in their own format and in the language, and proven to
//! mean the same. The files stay outside of the repository, in the folder that `CALLGATE_CORPUS` names; their names and what
//! came of them are in the page. `UPDATE_EXPECT=1` writes it anew.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::lower::target::DOCKER_CAPABILITIES;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{self, Budget, Overlap, Verdict};
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Sources, parse};
use callgate_profiles::engine::{Engine, Host, Libseccomp, read_as};
use callgate_profiles::export::{self, ExportOptions, export};
use callgate_profiles::import::{Document, Format, Imported};

const KERNEL: Version = Version { major: 6, minor: 18 };

const HEAD: &str = "\
# Formats, held to real files

Every file of the corpus (see `tests/corpus.rs` for what that is) is read, written back in its own format, and written in the
policy language. *equal* is a proof over all calls; *equal on named calls* is one over every call that has a name, on every ABI of
the file: a format that can only name calls can't say more. JSON profiles and SPO's are read as crun does on x86-64, with Docker's
capabilities; the other formats for x86-64.

Written by `profiles/tests/formats_table.rs`:
`CALLGATE_CORPUS=… UPDATE_EXPECT=1 cargo nextest run -p callgate-profiles --test formats_table`

| file | format | read | back in its format | back in the language |
|---|---|---|---|---|
";

fn imported(path: &Path, format: Format, text: &str, selector: Option<&str>) -> Imported {
    let host = Host {
        machine: Abi::X86_64,
        capabilities: DOCKER_CAPABILITIES.iter().copied().collect(),
        kernel: KERNEL,
        libseccomp: Libseccomp::Newest,
    };
    let mut sources = Sources::default();
    let source = sources.add("the file", text);
    let mut includes = |name: &str, at| {
        let beside = path.with_file_name(Path::new(name).file_name().unwrap_or_default());
        let missing = |_| {
            Diagnostic::error("unreadable-use", format!("no {name} beside the file")).at(at, "").help("put it there")
        };
        let text = fs::read_to_string(beside).map_err(missing)?;
        Ok((sources.add(name, text.clone()), text))
    };
    read_as(Engine::Crun, &host, format, &Document { text, source, selector }, &mut includes)
}

fn lowered(gate: &str) -> Policy {
    let mut sources = Sources::default();
    let source = sources.add("gate", gate);
    let (file, diagnostics) = parse(source, gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let target = Target::new(vec![Abi::X86_64], KERNEL);
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

/// `None`: some call with a name differs.
fn relation(one: &Policy, other: &Policy) -> Option<&'static str> {
    if prove::policies_equal(one, other, Budget::default()) == Verdict::Holds {
        return Some("equal");
    }
    let same = one.abis.iter().all(|(abi, calls)| {
        calls.calls.iter().filter(|(nr, _)| tables::name(*abi, **nr).is_some()).all(|(nr, call)| {
            let other = other.abis.get(abi).and_then(|calls| calls.calls.get(nr));
            other.is_some_and(|other| prove::call_difference(call, other, Budget::default()) == Overlap::Never)
        })
    });
    same.then_some("equal on named calls")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace('|', "\\|")
}

/// A policy written in a format and read back. Where the ABIs need a file each, they get one.
fn back(path: &Path, policy: &Policy, from: Format) -> Result<String, String> {
    match written(path, policy, from)? {
        Ok(relation) => Ok(relation.to_owned()),
        Err(refusal) if policy.abis.len() > 1 => {
            for abi in policy.abis.keys() {
                let mut alone = policy.clone();
                alone.abis.retain(|other, _| other == abi);
                if let Err(refusal) = written(path, &alone, from)? {
                    return Ok(format!("refused: {refusal}"));
                }
            }
            Ok(format!("equal on named calls with a file for each ABI; one for all is refused: {refusal}"))
        }
        Err(refusal) => Ok(format!("refused: {refusal}")),
    }
}

/// How what is read back stands to the policy, or why nothing is written. A difference is an error.
fn written(path: &Path, policy: &Policy, from: Format) -> Result<Result<&'static str, String>, String> {
    let Ok(to) = from.name().parse::<export::Format>() else { return Ok(Ok("(only read)")) };
    let options = ExportOptions { allow_lossy: false, strict: false };
    let exported = match export(policy, &Program::default(), to, &options) {
        Ok(exported) => exported,
        Err(error) => return Ok(Err(first_line(&error.to_string()))),
    };
    let text = String::from_utf8(exported.bytes).unwrap();
    let read = imported(path, from, &text, None);
    let gate = read.gate().ok_or_else(|| format!("not read back: {:#?}\n{text}", read.diagnostics))?;
    relation(policy, &lowered(&gate)).map(Ok).ok_or_else(|| format!("differs:\n{text}"))
}

fn in_the_language(policy: &Policy) -> Result<String, String> {
    let text = match export::gate::gate(policy) {
        Ok(text) => text,
        Err(error) => return Ok(format!("refused: {}", first_line(&error.to_string()))),
    };
    relation(policy, &lowered(&text)).map(str::to_owned).ok_or_else(|| format!("differs:\n{text}"))
}

/// The rows of one file: one for each of its profiles.
fn rows(folder: &Path, file: &Path) -> Result<Vec<String>, String> {
    let name = file.strip_prefix(folder).unwrap().display().to_string();
    let text = fs::read_to_string(file).unwrap();
    let Some(format) = Format::of(&text) else {
        return Ok(vec![format!("| {name} | – | not a profile | – | – |")]);
    };
    let whole = imported(file, format, &text, None);
    let selectors: Vec<Option<String>> = match whole.diagnostics.iter().find(|finding| finding.code == "which-filter") {
        Some(finding) => {
            let help = finding.help.clone().unwrap_or_default();
            help.split('#').skip(1).map(|name| Some(name.trim_end_matches([',', ' ']).to_owned())).collect()
        }
        None => vec![None],
    };
    let mut rows = Vec::new();
    for selector in selectors {
        let read = imported(file, format, &text, selector.as_deref());
        let shown = selector.map_or(name.clone(), |selector| format!("{name}#{selector}"));
        let Some(gate) = read.gate() else {
            let error = read.diagnostics.iter().find(|finding| finding.is_error()).unwrap();
            rows.push(format!("| {shown} | {format} | no: {} | – | – |", first_line(&error.message)));
            continue;
        };
        let policy = lowered(&gate);
        let own = back(file, &policy, format).map_err(|wrong| format!("{shown}: {wrong}"))?;
        let language = in_the_language(&policy).map_err(|wrong| format!("{shown}: {wrong}"))?;
        rows.push(format!("| {shown} | {format} | yes | {own} | {language} |"));
    }
    Ok(rows)
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

#[test]
fn the_page_says_what_comes_of_the_corpus_files() {
    let Some(folder) = std::env::var_os("CALLGATE_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: CALLGATE_CORPUS names no folder with the originals");
        return;
    };
    let mut page = HEAD.to_owned();
    let mut wrong = Vec::new();
    for file in files(&folder) {
        if file.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        match rows(&folder, &file) {
            Ok(rows) => rows.iter().for_each(|row| writeln!(page, "{row}").unwrap()),
            Err(problem) => wrong.push(problem),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), page, "UPDATE_EXPECT=1 writes the page anew");
}
