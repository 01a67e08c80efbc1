//! Learning from several runs, from tests, and from what other programs observed. Nothing here needs root: the recorder takes
//! what works.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Need, callgate, have, told};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    callgate().args(arguments).current_dir(folder).output().expect("callgate runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn runs_are_repeated_into_one_recording() {
    let folder = TempDir::new().expect("a folder");
    let output = run(folder.path(), &["record", "--repeat", "3", "-o", "r.json", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(said(&output).contains("run 3, 0 new: recorded"), "{}", told(&output));
    assert!(said(&output).contains("seen in 3 runs"), "{}", told(&output));
    let recording: Value =
        serde_json::from_slice(&fs::read(folder.path().join("r.json")).expect("a file")).expect("JSON");
    assert_eq!(recording["runs"].as_array().map(Vec::len), Some(3));
    assert!(recording["rows"].as_array().expect("rows").iter().all(|row| row["runs"] == 3));
}

/// A command that does something else each time isn't stable, and the file is there all the same.
#[test]
fn stable_or_failed() {
    let folder = TempDir::new().expect("a folder");
    let steady = run(folder.path(), &["record", "--until-stable", "2", "-o", "r.json", "--", "true"]);
    assert_eq!(steady.status.code(), Some(0), "{}", told(&steady));
    assert!(said(&steady).contains("run 3, 0 new") && !said(&steady).contains("run 4"), "{}", told(&steady));
    let script =
        "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; case $n in 0) true;; 1) mkdir d;; 2) ln -s a b;; esac";
    let arguments = ["record", "--until-stable", "2", "--repeat", "3", "-o", "s.json", "--", "sh", "-c", script];
    let changing = run(folder.path(), &arguments);
    assert_eq!(changing.status.code(), Some(3), "{}", told(&changing));
    assert!(said(&changing).contains("not stable after 3 runs"), "{}", told(&changing));
    assert!(folder.path().join("s.json").exists());
}

#[test]
fn the_first_failure_is_the_exit_status() {
    let folder = TempDir::new().expect("a folder");
    let script = "test -e second && exit 0; touch second; exit 7";
    let output = run(folder.path(), &["record", "--repeat", "2", "-o", "r.json", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{}", told(&output));
}

/// Many tests at once, each adding its run; then one that does what none did.
#[test]
fn tests_are_learned_in_parallel_and_then_held() {
    let folder = TempDir::new().expect("a folder");
    let learned: Vec<Output> = thread::scope(|scope| {
        let one = |index: usize| {
            let path = folder.path();
            scope.spawn(move || run(path, &["learn", "--into", "seen", "--", "sh", "-c", &format!("exit {index}")]))
        };
        let threads: Vec<_> = (0..8).map(one).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    for (output, index) in learned.iter().zip(0..) {
        assert_eq!(output.status.code(), Some(index), "{}", told(output));
    }
    assert_eq!(fs::read_dir(folder.path().join("seen")).expect("a folder").count(), 8);
    let derived = run(folder.path(), &["derive", "seen", "-o", "seen.gate"]);
    assert_eq!(derived.status.code(), Some(0), "{}", told(&derived));
    let policy = fs::read_to_string(folder.path().join("seen.gate")).expect("a policy");
    assert!(policy.starts_with("# Derived by callgate from 8 runs of 8 commands"), "{policy}");

    for known in ["seen", "seen.gate"] {
        let held = |script: &str| run(folder.path(), &["learn", "--locked", "--into", known, "--", "sh", "-c", script]);
        let same = held("exit 5");
        assert_eq!(same.status.code(), Some(5), "{}", told(&same));
        let other = held("umask 22; exit 0");
        assert_eq!(other.status.code(), Some(3), "{}", told(&other));
        assert!(said(&other).contains("umask") && said(&other).contains("add `allow: umask`"), "{}", told(&other));
    }
    assert_eq!(fs::read_dir(folder.path().join("seen")).expect("a folder").count(), 8);
}

#[test]
fn learn_says_what_to_do_with_a_file() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("seen"), "x").expect("a file");
    let output = run(folder.path(), &["learn", "--into", "seen", "--", "true"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(said(&output).contains("= help: `--into` takes a folder"), "{}", told(&output));
}

/// strace's text and our own recording make the same policy.
#[test]
fn strace_and_callgate_see_the_same() {
    if !have(&[Need::Tool("strace")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let command = ["sh", "-c", "ls / | sort | uniq -c"];
    let traced = Command::new("strace").args(["-f", "-o", "s.txt"]).args(command).current_dir(folder.path()).output();
    assert!(traced.expect("strace runs").status.success());
    let recorded = run(folder.path(), &[&["record", "-o", "r.json", "--"][..], &command].concat());
    assert_eq!(recorded.status.code(), Some(0), "{}", told(&recorded));
    let [ours, theirs] = ["r.json", "s.txt"].map(|file| {
        let derived = run(folder.path(), &["derive", file]);
        assert_eq!(derived.status.code(), Some(0), "{}", told(&derived));
        let text = String::from_utf8(derived.stdout).expect("text");
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(ours, theirs);
}

#[test]
fn the_doctor_tries_things_out() {
    let folder = TempDir::new().expect("a folder");
    let output = run(folder.path(), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let recorders =
        report["findings"].as_array().expect("findings").iter().filter(|finding| finding["what"] == "record");
    assert_eq!(recorders.clone().count(), 3);
    for broken in recorders.filter(|finding| finding["works"] == false) {
        assert!(broken["next"].as_str().is_some_and(|next| !next.is_empty()), "{broken}");
    }
}
