//! What cargo-nextest asks of a target runner, asked without it: list the tests of each binary, then run each test by itself, all at
//! once. Held to what the real one asks where it is installed (0.9.143 when this was written).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::learning_examples::{as_a_person, copy};
use crate::support::{Need, have, root, told, tool};

/// The example's test binaries, each with the name that nextest has for it.
fn binaries(folder: &Path) -> Vec<(String, String)> {
    let mut build = Command::new("cargo");
    as_a_person(build.args(["test", "--no-run", "--message-format", "json"]), folder);
    let output = build.output().expect("cargo runs");
    assert!(output.status.success(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a message"));
    let tests = messages.filter(|message| message["profile"]["test"] == true);
    tests
        .filter_map(|message| {
            let id = if message["target"]["kind"][0] == "test" { "notes::notes" } else { "notes" };
            Some((id.to_owned(), message["executable"].as_str()?.to_owned()))
        })
        .collect()
}

/// One process that nextest starts.
fn asked(folder: &Path, runner: &[&str], phase: &str, (id, binary): &(String, String), words: &[&str]) -> Command {
    let mut command = Command::new(runner[0]);
    as_a_person(command.args(&runner[1..]).arg(binary).args(words), folder);
    command.env("NEXTEST", "1").env("NEXTEST_BINARY_ID", id).env("NEXTEST_TEST_PHASE", phase);
    command
}

/// Lists the tests under the runner, and runs them under it. Each test's name, and how it ended.
fn nextest(folder: &Path, runner: &[&str], archive: bool) -> Vec<(String, Output)> {
    let mut tests = Vec::new();
    for binary in binaries(folder) {
        for words in [&["--list", "--format", "terse"][..], &["--list", "--format", "terse", "--ignored"]] {
            let output = asked(folder, runner, "list", &binary, words).output().expect("the runner runs");
            assert!(output.status.success(), "{}", told(&output));
            let listed = String::from_utf8(output.stdout).expect("text");
            if words.last() != Some(&"--ignored") {
                tests.extend(
                    listed.lines().filter_map(|line| Some((binary.clone(), line.strip_suffix(": test")?.to_owned()))),
                );
            }
        }
    }
    thread::scope(|scope| {
        let one = |(binary, test): (_, String)| {
            scope.spawn(move || {
                let mut command = asked(folder, runner, "run", &binary, &["--exact", &test, "--nocapture"]);
                command.env("NEXTEST_TEST_NAME", &test);
                if archive {
                    command.env("ARCHIVE", "1");
                }
                (test, command.output().expect("the runner runs"))
            })
        };
        let threads: Vec<_> = tests.into_iter().map(one).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    })
}

fn example() -> (TempDir, PathBuf) {
    let place = TempDir::new().expect("a folder");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    let folder = place.path().join("cargo");
    copy(&root().join("examples/cargo"), &folder);
    (place, folder)
}

/// The test that every row with a witness names, in each recording of a folder.
fn marked(seen: &Path) -> BTreeSet<String> {
    let recordings = fs::read_dir(seen).expect("a folder").map(|entry| {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a recording");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let of_one = |recording: Value| {
        let rows = recording["runs"][0]["rows"].as_array().expect("rows").iter();
        let tests: BTreeSet<String> = rows
            .filter(|row| row["first"].is_object())
            .map(|row| row["first"]["test"].as_str().expect("a test").to_owned())
            .collect();
        assert_eq!(tests.len(), 1, "one process is one test: {tests:?}");
        tests
    };
    recordings.flat_map(of_one).collect()
}

#[test]
fn each_test_is_learned_and_held_by_its_name() {
    if !have(&[Need::Tool("cargo"), Need::Tool("rustc")]) {
        return;
    }
    let (_place, folder) = example();
    let learned = nextest(&folder, &["callgate", "learn", "--into", "seen", "--"], false);
    let names: BTreeSet<&str> = learned.iter().map(|(test, _)| test.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["archives", "saves"]));
    learned.iter().for_each(|(_, output)| assert!(output.status.success(), "{}", told(output)));
    // A recording a test, and none of the listing.
    assert_eq!(fs::read_dir(folder.join("seen")).expect("a folder").count(), 2);
    let expected = ["notes::notes archives", "notes::notes saves"].map(str::to_owned);
    assert_eq!(marked(&folder.join("seen")), BTreeSet::from(expected));

    let mut derive = Command::new("callgate");
    as_a_person(derive.args(["derive", "seen", "-o", "seen.gate"]), &folder);
    let derived = derive.output().expect("callgate runs");
    assert!(derived.status.success(), "{}", told(&derived));
    let locked = ["callgate", "learn", "--locked", "--into", "seen.gate", "--"];
    for (_, output) in nextest(&folder, &locked, false) {
        assert!(output.status.success(), "{}", told(&output));
    }
    for (test, output) in nextest(&folder, &locked, true) {
        let said = told(&output);
        assert_eq!(output.status.success(), test == "saves", "{said}");
        if test == "archives" {
            assert!(
                said.contains("the test notes::notes archives (`") && said.contains("add `allow: mkdir`"),
                "{said}"
            );
        }
    }
}

/// What a runner is asked: the words after its own, and what the environment says of the test.
const NOTES_WHAT_IT_IS_ASKED: &str = r#"#!/bin/sh
echo "$NEXTEST/$NEXTEST_BINARY_ID/$NEXTEST_TEST_PHASE/$NEXTEST_TEST_NAME $*" >"$(dirname "$0")/asked-$$"
exec "$@"
"#;

#[test]
fn nextest_asks_so() {
    if tool("cargo-nextest").is_none() {
        eprintln!("skipped: needs cargo-nextest");
        return;
    }
    let (place, folder) = example();
    let runner = place.path().join("runner.sh");
    fs::write(&runner, NOTES_WHAT_IT_IS_ASKED).expect("a script");
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o755)).expect("permissions");
    let runner = runner.display().to_string();
    let asked = || -> BTreeSet<String> {
        let files = fs::read_dir(place.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let notes = files.filter(|path| path.display().to_string().contains("/asked-"));
        notes
            .map(|path| {
                let text = fs::read_to_string(&path).expect("a note");
                fs::remove_file(path).expect("it is there");
                text
            })
            .collect()
    };
    nextest(&folder, &[&runner], false);
    let by_us = asked();

    let mut rustc = Command::new("rustc");
    as_a_person(rustc.arg("-vV"), &folder);
    let said = String::from_utf8(rustc.output().expect("rustc runs").stdout).expect("text");
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let mut real = Command::new("cargo");
    as_a_person(real.args(["nextest", "run"]), &folder);
    real.env(format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace('-', "_")), &runner);
    let output = real.output().expect("cargo runs");
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(by_us, asked());
}
