//! Bad input gives one clear error with a next step, exit status 2, and no half-written file.

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::support::{callgate, told};

/// Runs callgate in a folder of its own and checks the three promises.
#[track_caller]
fn check(files: &[(&str, &[u8])], arguments: &[&str], expected: &[&str]) -> Output {
    let folder = TempDir::new().expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    let output = callgate().args(arguments).current_dir(folder.path()).output().expect("callgate runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(output.stdout.is_empty(), "{}", told(&output));
    assert!(stderr.contains("error"), "{stderr}");
    assert!(stderr.contains("help") || stderr.contains("For more information"), "no next step: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for text in expected {
        assert!(stderr.contains(text), "`{text}` is not in:\n{stderr}");
    }
    assert_eq!(
        left_over(folder.path()),
        files.len(),
        "{:?}",
        fs::read_dir(folder.path()).map(Iterator::collect::<Vec<_>>)
    );
    output
}

fn left_over(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

#[test]
fn an_unknown_call_gets_the_nearest_name_and_its_line() {
    let policy = b"arch: x86_64\ndeny: all\nallow: read, gtcwd\nallow: opne\n";
    check(
        &[("web.gate", policy)],
        &["compile", "web.gate", "-o", "web.json"],
        &["gtcwd", "did you mean `getcwd`", "opne", "did you mean `open`", "web.gate:3", "web.gate:4", "2 errors"],
    );
}

#[test]
fn an_unknown_abi_in_the_file_or_on_the_command_line() {
    check(&[("p.gate", b"arch: x86_46\ndeny: all\n")], &["compile", "p.gate"], &["did you mean `x86_64`", "p.gate:1"]);
    check(&[("p.gate", b"deny: all\n")], &["compile", "p.gate", "--arch", "vax"], &["vax", "x86_64"]);
}

#[test]
fn every_error_of_a_file_in_one_run() {
    let policy = b"deny: all\nallow read\nalow: write\nallow: socket(famly == AF_UNIX)\nerrno(ENOSUCH): open\nallow: @nonsense\n";
    check(
        &[("p.gate", policy)],
        &["compile", "p.gate"],
        &["p.gate:2", "p.gate:3", "p.gate:4", "p.gate:5", "p.gate:6", "did you mean `allow`", "did you mean `family`"],
    );
}

#[test]
fn a_policy_without_a_default() {
    check(&[("p.gate", b"allow: read\n")], &["compile", "p.gate"], &["deny: all"]);
}

#[test]
fn statements_that_disagree() {
    let policy = b"arch: x86_64\ndeny: all\nallow: socket(family == AF_UNIX)\nkill: socket(type == SOCK_RAW)\n";
    check(
        &[("p.gate", policy)],
        &["compile", "p.gate"],
        &["3 | allow: socket(family", "4 | kill: socket(type", "socket(0x1, 0x3)"],
    );
}

#[test]
fn a_pointer_is_not_compared() {
    check(&[("p.gate", b"deny: all\nallow: open(filename == 0)\n")], &["compile", "p.gate"], &["pointer", "raw(arg0)"]);
}

#[test]
fn files_that_are_not_there_or_not_text() {
    check(&[], &["compile", "none.gate"], &["none.gate", "No such file"]);
    check(&[("p.gate", b"deny: all\n\xff\xfe\n")], &["compile", "p.gate"], &["line 2", "UTF-8"]);
    check(&[], &["derive", "none.json"], &["none.json"]);
}

#[test]
fn json_that_is_no_profile() {
    check(&[("p.json", b"{\"volume\": 1}")], &["compile", "p.json"], &["JSON", "--from"]);
    check(&[("p.json", b"{\"defaultAction\": ")], &["compile", "p.json", "--from", "docker"], &["p.json:1:", "JSON"]);
    check(&[("p.json", b"{\"defaultAction\": ")], &["compile", "p.json"], &["JSON"]);
}

#[test]
fn every_wrong_key_of_a_profile() {
    let profile = br#"{
  "defaultaction": "SCMP_ACT_ERORR",
  "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "arg": []}]
}"#;
    let expected = ["p.json:2:3", "write `defaultAction`", "p.json:2:20", "did you mean `SCMP_ACT_ERRNO`"];
    check(&[("p.json", profile)], &["compile", "p.json"], &expected);
    let twice = br#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultAction": "SCMP_ACT_ALLOW"}"#;
    check(&[("p.json", twice)], &["compile", "p.json"], &["p.json:1:37", "stands here twice"]);
    let sound = br#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "arg": []}]}"#;
    check(&[("p.json", sound)], &["compile", "p.json"], &["`arg`", "did you mean `args`"]);
}

#[test]
fn one_of_several_filters() {
    let file: &[(&str, &[u8])] = &[(
        "f.json",
        br#"{"a": {"default_action": "trap", "filter_action": "allow", "filter": []},
             "b": {"default_action": "trap", "filter_action": "allow", "filter": []}}"#,
    )];
    check(file, &["compile", "f.json"], &["2 filters", "#a, #b"]);
    check(file, &["compile", "f.json#c"], &["`c`", "#a, #b"]);
    check(
        &[("m.policy", b"@include ./none.policy\nread: 1\n")],
        &["compile", "m.policy"],
        &["m.policy:1", "none.policy"],
    );
}

#[test]
fn instructions_that_are_no_filter() {
    check(&[("f.bpf", &[0; 9]), ("p.gate", b"deny: all\n")], &["diff", "f.bpf", "p.gate"], &["f.bpf", "8-byte"]);
    check(&[("f.bpf", &[0; 8])], &["compile", "f.bpf", "--from", "bpf"], &["f.bpf", "isn't a RET"]);
}

#[test]
fn recordings_that_are_not_recordings() {
    check(&[("r.json", b"{\"schema\": 1, \"runs\": [")], &["derive", "r.json"], &["r.json", "line 1"]);
    check(&[("r.json", b"{\"schema\": 99}")], &["derive", "r.json"], &["r.json"]);
    check(&[("r.json", b"")], &["derive", "r.json"], &["r.json"]);
}

#[test]
fn folders_that_can_not_be_written() {
    check(
        &[("p.gate", b"deny: all\n")],
        &["compile", "p.gate", "-o", "no/such/folder/p.json"],
        &["no/such/folder/p.json"],
    );
    check(&[], &["record", "-o", "no/such/folder/r.json", "--", "true"], &["no/such/folder/r.json"]);
}

#[test]
fn commands_that_are_not_there() {
    check(
        &[("p.gate", b"allow: all\n")],
        &["run", "p.gate", "--", "callgate-no-such-command"],
        &["callgate-no-such-command"],
    );
    check(&[], &["record", "--", "callgate-no-such-command"], &["callgate-no-such-command"]);
    check(&[("data", b"text")], &["record", "--", "./data"], &["./data"]);
}

#[test]
fn a_policy_that_lets_nothing_start() {
    check(&[("p.gate", b"deny: all\nallow: read\n")], &["run", "p.gate", "--", "true"], &["allow: execve"]);
}

#[test]
fn calls_that_are_not_calls() {
    let policy: &[(&str, &[u8])] = &[("p.gate", b"deny: all\n")];
    check(policy, &["eval", "p.gate", "sokcet(1)"], &["did you mean `socket`"]);
    check(policy, &["eval", "p.gate", "socket(AF_UNXI)"], &["did you mean `AF_UNIX`"]);
    check(policy, &["eval", "p.gate", "socket(1"], &["CALL:1"]);
    check(policy, &["eval", "p.gate", "read(0, 0, 0, 0)"], &["3 parameters"]);
}

#[test]
fn no_policy_at_all() {
    check(&[], &["compile"], &["no policy"]);
    check(&[], &["compile", "--to", "yaml", "-e", "deny:all"], &["yaml"]);
    check(
        &[("a.gate", b"deny: all\nuse: \"b.gate\"\n"), ("b.gate", b"use: \"a.gate\"\n")],
        &["compile", "a.gate"],
        &["b.gate:1", "a.gate:2"],
    );
}
