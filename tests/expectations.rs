//! `callgate test`: expectations, coverage and mutants, as a person sees them.

use std::fs;
use std::process::Output;

use crate::support::{callgate, told};

const POLICY: &str = "\
arch: x86_64
deny: all
allow: read , write
allow: socket(family == AF_UNIX, type & 0xf != SOCK_RAW)
when cap SYS_ADMIN { expect: read => allow }
expect: read , write => allow
expect: socket(AF_UNIX, SOCK_STREAM) => allow
";

fn test(policy: &str, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("web.gate"), policy).expect("the folder can be written to");
    callgate().current_dir(folder.path()).args(["test", "web.gate"]).args(options).output().expect("callgate starts")
}

#[track_caller]
fn check(policy: &str, options: &[&str], status: i32, expected: &str) {
    let output = test(policy, options);
    assert_eq!(output.status.code(), Some(status), "{}", told(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", told(&output));
}

const PASSED: &str = "\
ok   web.gate:6: read on x86_64 => allow
     because of web.gate:3:8: read
ok   web.gate:6: write on x86_64 => allow
     because of web.gate:3:15: write
ok   web.gate:7: socket(AF_UNIX, SOCK_STREAM) on x86_64 => allow
     because of web.gate:4:8: socket(family == AF_UNIX, type & 0xf != SOCK_RAW)
";

#[test]
fn each_line_says_what_happened_and_why() {
    check(POLICY, &[], 0, &format!("{PASSED}3 passed, 0 failed, 1 not for this target\n"));
    check(
        "arch: x86_64\ndeny: all\nexpect: read => allow\n",
        &[],
        1,
        "FAIL web.gate:3: read on x86_64 => allow\n     read(0x0, 0x0, 0x0) is errno(EPERM)\n     \
         because of web.gate:2:7: all\n0 passed, 1 failed\n",
    );
}

#[test]
fn coverage_names_the_targets_no_expectation_reaches() {
    let shown = format!(
        "{PASSED}UNREACHED web.gate:2:7: all\n3 passed, 0 failed, 1 not for this target\n3 of 4 targets reached\n"
    );
    check(POLICY, &["--coverage"], 0, &shown);
    check(POLICY, &["--coverage=require"], 1, &shown);
    let complete = format!("{POLICY}expect: getpid => deny\n");
    assert_eq!(test(&complete, &["--coverage=require"]).status.code(), Some(0));
}

#[test]
fn mutants_name_the_changes_no_expectation_notices() {
    let output = test(POLICY, &["--mutants"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let stdout = String::from_utf8_lossy(&output.stdout);
    for line in [
        "SURVIVED web.gate:2:7: all\n     with this allowed: ",
        "     without its condition `family == AF_UNIX`: socket(0x0, 0x0, 0x0) on x86_64 is now allow, was errno(EPERM)\n",
        "     without its condition `type & 0xf != SOCK_RAW`: socket(0x1, 0x3, 0x0) on x86_64 is now allow, was errno(EPERM)\n",
        "3 survived, 0 that change no call\n",
    ] {
        assert!(stdout.contains(line), "{line}\n{}", told(&output));
    }
    let complete = format!("{POLICY}expect: getpid, socket(AF_INET), socket(AF_UNIX, SOCK_RAW) => deny\n");
    assert_eq!(test(&complete, &["--mutants"]).status.code(), Some(0));
}

#[test]
fn facts_come_as_one_json_object_a_line() {
    let output = test(POLICY, &["--coverage", "--mutants", "--format", "json"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let objects: Vec<serde_json::Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    assert_eq!(of("expectation").len(), 3);
    assert_eq!(of("expectation")[1]["because"][0], "web.gate:3:15: write");
    assert_eq!(of("target").len(), 4);
    assert_eq!(of("target")[0]["reach"], "unreached");
    let survived = of("mutant").into_iter().filter(|mutant| mutant["fate"] == "survived").count();
    assert_eq!(survived, 3);
    let summary = objects.last().unwrap();
    assert_eq!(summary["kind"], "summary");
    assert_eq!(summary["passed"], 3);
    assert_eq!(summary["mutants"]["survived"], 3);
}
