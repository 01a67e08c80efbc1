//! `derive --verify`, and programs that die under a policy learnt from their good days.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Need, callgate, have, root, told};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    callgate().args(arguments).current_dir(folder).output().expect("callgate runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn works(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
}

#[test]
fn what_was_recorded_is_verified() {
    let folder = TempDir::new().expect("a folder");
    works(&run(folder.path(), &["record", "-o", "r.json", "--", "ls", "/"]));
    for args in ["none", "safe", "all"] {
        let verify = ["derive", "r.json", "--args", args, "-o", "p.gate", "--verify", "3", "--", "ls", "/"];
        let output = run(folder.path(), &verify);
        works(&output);
        assert!(said(&output).contains("verified: all 3 runs under the policy"), "{}", told(&output));
        assert!(fs::read_to_string(folder.path().join("p.gate")).expect("a policy").contains("deny: all"));
    }
}

/// The call, the program that made it, how it was answered, and the statement that would let it through.
#[test]
fn what_is_refused_is_said() {
    let folder = TempDir::new().expect("a folder");
    works(&run(folder.path(), &["record", "-o", "r.json", "--", "sh", "-c", "ls /"]));
    let verify = ["derive", "r.json", "-o", "p.gate", "--verify", "2", "--", "sh", "-c", "umask 22; mkdir d; ls /"];
    let output = run(folder.path(), &verify);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = said(&output);
    assert!(said.contains("run 1 of 2: ended as recorded (exit 0)"), "{said}");
    assert!(said.contains("  umask of /") && said.contains(" times: add `allow: umask`"), "{said}");
    let by_mkdir = said.lines().any(|line| line.contains("  mkdir of ") && line.contains("mkdir on x86_64"));
    assert!(by_mkdir || cfg!(not(target_arch = "x86_64")), "{said}");
    assert!(said.contains("error: 2 of 2 runs under the policy failed"), "{said}");
    assert!(
        said.contains("= help: record these runs too (`callgate learn`), or add `allow: mkdir`, `allow: umask`"),
        "{said}"
    );
    assert!(!folder.path().join("d").exists(), "the refusal was carried out");
    assert!(folder.path().join("p.gate").exists());
}

/// Of a call that is allowed with some values, the statement names the value.
#[test]
fn a_refused_value_is_named() {
    if !have(&[Need::Tool("python3")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let script = "import socket, sys; socket.socket(int(sys.argv[1]), socket.SOCK_STREAM)";
    works(&run(folder.path(), &["record", "-o", "r.json", "--", "python3", "-I", "-c", script, "1"]));
    let verify = ["derive", "r.json", "--args", "safe", "-o", "p.gate", "--verify", "1", "--"];
    let output = run(folder.path(), &[&verify[..], &["python3", "-I", "-c", script, "2"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = said(&output);
    assert!(said.contains("ended with exit 1, and was recorded with exit 0"), "{said}");
    assert!(said.contains("add `allow: socket(family == 0x2)`"), "{said}");
}

#[test]
fn verifying_takes_a_file_and_a_command() {
    let folder = TempDir::new().expect("a folder");
    for arguments in
        [&["derive", "r.json", "--verify", "1", "--", "ls"][..], &["derive", "r.json", "-o", "p", "--", "ls"]]
    {
        assert_eq!(run(folder.path(), arguments).status.code(), Some(2));
    }
}

const WAYS_TO_DIE: [&str; 6] = ["abort", "assert", "free", "stack", "thread", "fault"];

/// What it says when it dies is what it says without a filter, and it dies by the same signal: a policy learnt from a good day
/// has what a bad one takes. The list in `profiles/src/derive.rs` is measured here: what a dying program calls besides.
#[test]
fn programs_die_as_they_should() {
    if !have(&[Need::Tool("gcc")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let source = root().join("tests/cases/dies.c").display().to_string();
    let options = ["-w", "-O1", "-pthread", "-fstack-protector-all", "-o", "dies", &source];
    let built = Command::new("gcc").args(options).current_dir(folder.path()).status().expect("gcc runs");
    assert!(built.success());
    works(&run(folder.path(), &["record", "--repeat", "3", "-o", "good.json", "--", "./dies"]));
    // Whether it waits for its thread is left to chance, and with `--siblings none` a lock that nobody held while it was recorded
    // is refused.
    works(&run(folder.path(), &["derive", "good.json", "-o", "p.gate"]));
    for how in WAYS_TO_DIE {
        let free = Command::new("./dies").arg(how).current_dir(folder.path()).output().expect("it starts");
        let held = run(folder.path(), &["run", "p.gate", "--", "./dies", how]);
        assert_eq!(held.status.signal(), free.status.signal(), "{how}: {}", told(&held));
        assert!(free.status.signal().is_some(), "{how}: {}", told(&free));
        let names = |output: &Output| said(output).replace("./dies", "dies");
        assert_eq!(names(&held), names(&free), "{how}");
    }

    let calls = |file: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(folder.path().join(file)).expect("a recording");
        let recording: Value = serde_json::from_str(&text).expect("JSON");
        let rows = recording["rows"].as_array().expect("rows").iter();
        rows.filter_map(|row| row["syscall"].as_str().map(str::to_owned)).collect()
    };
    let good = calls("good.json");
    let mut besides = BTreeSet::new();
    for how in WAYS_TO_DIE {
        run(folder.path(), &["record", "-o", "bad.json", "--", "./dies", how]);
        besides.extend(calls("bad.json").difference(&good).cloned());
    }
    // Threads wait for each other or don't.
    for by_chance in ["futex", "madvise", "munmap"] {
        besides.remove(by_chance);
    }
    let listed = ["getpid", "gettid", "rt_sigaction", "rt_sigprocmask", "tgkill", "tkill", "write", "writev"];
    assert!(besides.iter().all(|call| listed.contains(&call.as_str())), "{besides:?}");
    assert!(besides.contains("tgkill") && besides.contains("writev"), "{besides:?}");
}
