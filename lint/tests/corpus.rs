//! Every real policy of the corpus, and every shipped one, is linted to the end, by every rule and for every engine.
//!
//! `CALLGATE_FINDINGS` names a folder for the findings, one file a policy: what is found on other projects' profiles is for
//! their people first, so nothing of it is kept here.

mod support;

use std::path::{Path, PathBuf};

use callgate_compiler::call::SyscallData;
use callgate_grammar::Severity;
use callgate_lint::{Document, Finding, Reading, lint, rules};
use callgate_profiles::engine::Engine;

/// The files below a folder that may be policies, sorted.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| ["json", "yaml", "policy", "gate", "txt"].iter().any(|one| end == *one))
        {
            found.push(path);
        }
    }
}

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("CALLGATE_CORPUS").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        assert!(
            std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"),
            "CALLGATE_REQUIRE=all, and CALLGATE_CORPUS names no folder"
        );
        eprintln!("skipped: CALLGATE_CORPUS names no folder");
    }
    folder
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/policies")
}

fn linted(path: &Path, engine: Engine) -> (Document, Vec<Finding>) {
    let text = std::fs::read_to_string(path).expect("a text");
    let reading = Reading { engine, ..Reading::default() };
    let document = Document::of_text(&path.display().to_string(), &text, &support::groups(), reading);
    let all: Vec<_> = rules().iter().collect();
    let findings = lint(&document, &all);
    (document, findings)
}

fn written(document: &Document, findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let place = finding.labels[0].span;
        let (line, column) = document.sources.line_column(place.source, place.start);
        let mut text = format!("{} {:?} {line}:{column} {}\n", finding.rule.id, finding.severity, finding.message);
        for label in &finding.labels {
            let (line, column) = document.sources.line_column(label.span.source, label.span.start);
            text.push_str(&format!("    {line}:{column} `{}` {}\n", document.sources.snippet(label.span), label.text));
        }
        finding.notes.iter().for_each(|note| text.push_str(&format!("    = {note}\n")));
        if let Some(witness) = &finding.witness {
            let args: Vec<_> = witness.args.iter().map(|word| format!("{word:#x}")).collect();
            text.push_str(&format!("    {} {} ({}) => {}\n", witness.abi, witness.nr, args.join(", "), witness.action));
        }
        text
    };
    findings.iter().map(line).collect()
}

#[test]
fn every_file_is_linted_to_the_end() {
    let mut all = Vec::new();
    files(&shipped(), &mut all);
    assert!(!all.is_empty());
    if let Some(folder) = corpus() {
        files(&folder, &mut all);
    }
    let out = std::env::var_os("CALLGATE_FINDINGS").map(PathBuf::from);
    for path in all {
        for &engine in Engine::ALL {
            let (document, findings) = linted(&path, engine);
            for finding in &findings {
                // Every place is one that can be shown, and every call that shows a finding is treated as it says.
                finding.labels.iter().for_each(|label| {
                    let _ = document.sources.snippet(label.span);
                });
                assert!(!finding.message.contains("could not be decided"), "{path:?} {engine}: {}", finding.message);
                if let (Some(witness), Some(meaning)) = (&finding.witness, &document.meaning) {
                    let data = SyscallData::new(witness.abi.token(), witness.nr, witness.args);
                    assert_eq!(meaning.policy.decide(&data).action, witness.action, "{path:?} {engine}: {finding:#?}");
                }
            }
            if let Some(out) = &out {
                let name =
                    path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>();
                let name = format!("{}.{engine}.txt", name.into_iter().rev().collect::<Vec<_>>().join("_"));
                std::fs::write(out.join(name), written(&document, &findings)).expect("written");
            }
        }
    }
}

/// What is an error on the profile that most containers run with has its defence in the docs, or isn't one.
#[test]
fn every_error_on_the_docker_default_is_defended() {
    let defended =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lint/docker-default.md"))
            .expect("the defences");
    let (_, findings) = linted(&shipped().join("docker-default.gate"), Engine::Document);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    for error in &errors {
        assert!(defended.contains(&format!("\n## {}:", error.rule.id)), "no defence of {}: {error:#?}", error.rule.id);
    }
    for id in defended.lines().filter_map(|line| line.strip_prefix("## ")?.split(':').next()) {
        assert!(errors.iter().any(|error| error.rule.id == id), "{id} isn't found any more");
    }
}

#[test]
fn the_same_file_has_the_same_findings() {
    let path = shipped().join("docker-default.gate");
    let (document, findings) = linted(&path, Engine::Document);
    let (_, again) = linted(&path, Engine::Document);
    assert_eq!(findings, again);
    assert!(!written(&document, &findings).is_empty());
}
