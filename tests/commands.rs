//! The commands as people type them.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{callgate, told};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    callgate().args(arguments).current_dir(folder).output().expect("callgate runs")
}

#[track_caller]
fn prints(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_file_and_options_mean_the_same() {
    let folder = folder(&[("p.gate", "deny:all\nallow:read,getcwd\n")]);
    let from_file = prints(folder.path(), &["compile", "p.gate"]);
    let from_options = prints(folder.path(), &["compile", "-e", "deny:all", "-e", "allow:read,getcwd"]);
    assert_eq!(from_file, from_options);
    let profile: Value = serde_json::from_str(&from_file).expect("JSON");
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    assert_eq!(profile["defaultErrnoRet"], 1);
    assert_eq!(profile["syscalls"][0]["names"], serde_json::json!(["getcwd", "read"]));
    assert_eq!(profile["syscalls"][0]["action"], "SCMP_ACT_ALLOW");
}

#[test]
fn a_shipped_policy_stands_where_a_file_does() {
    let folder = folder(&[("p.gate", "use: @docker-default\n")]);
    let here = folder.path();
    assert_eq!(prints(here, &["diff", "@docker-default", "p.gate"]), "the same\n");
    assert!(prints(here, &["eval", "@docker-default", "read"]).contains("because of @docker-default:"));
    let findings = told(&run(here, &["lint", "@docker-default", "--fail-on", "never", "--fix"]));
    assert!(findings.contains("ABI002") && findings.contains("@docker-default:"), "{findings}");
    // Twice is once, and nothing is written into the folder.
    prints(here, &["compile", "@docker-default", "-e", "use: @docker-default"]);
    assert!(prints(here, &["fmt", "@docker-default"]).contains("deny: all"));
    let files: Vec<_> = fs::read_dir(here).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(files, ["p.gate"]);
    let unknown = run(here, &["lint", "@docker-defualt"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(told(&unknown).contains("did you mean `@docker-default`?"), "{}", told(&unknown));
    // A file of that name comes first, even one that can't be read.
    fs::create_dir(here.join("@runc")).expect("a folder");
    let unreadable = told(&run(here, &["eval", "@runc", "read"]));
    assert!(unreadable.contains("can't read @runc"), "{unreadable}");
    fs::write(here.join("@docker-default"), "allow: all\n").expect("a file");
    assert!(prints(here, &["eval", "@docker-default", "reboot"]).contains("allow"));
}

#[test]
fn options_are_nearer_than_the_file() {
    let folder = folder(&[("p.gate", "arch: x86_64\ndeny: all\nallow: read, write\n")]);
    let said = prints(folder.path(), &["eval", "p.gate", "-e", "kill: read", "--arch", "x86_64", "read", "write"]);
    assert!(said.contains("read on x86_64: kill\n  because of -e:1:7: read"), "{said}");
    assert!(said.contains("write on x86_64: allow\n  because of p.gate:3:14: write"), "{said}");
}

#[test]
fn eval_answers_in_json_one_object_a_call() {
    let folder = folder(&[("p.gate", "arch: x86_64\ndeny: all\nallow: socket(family == AF_UNIX)\n")]);
    let said = prints(
        folder.path(),
        &["eval", "p.gate", "--json", "--arch", "x86_64", "socket(AF_UNIX, SOCK_STREAM, 0)", "socket"],
    );
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["action"], "allow");
    assert_eq!(lines[0]["arch"], "x86_64");
    assert_eq!(lines[0]["call"], "socket(AF_UNIX, SOCK_STREAM, 0)");
    assert_eq!(lines[1]["action"], "depends");
    assert_eq!(lines[1]["outcomes"][1]["action"], "errno(EPERM)");
    assert_eq!(lines[1]["outcomes"][1]["errno"], 1);
}

#[test]
fn every_format_is_written() {
    let folder = folder(&[("p.gate", "arch: x86_64\ndeny: all\nallow: read, socket(family in {1, 2})\n")]);
    for format in ["docker", "oci"] {
        let profile: Value =
            serde_json::from_str(&prints(folder.path(), &["compile", "p.gate", "--to", format])).expect("JSON");
        assert_eq!(profile["syscalls"].as_array().map(Vec::len), Some(3), "{profile}");
    }
    assert!(prints(folder.path(), &["compile", "p.gate", "--to", "asm"]).contains("ld [4]"));
    assert!(prints(folder.path(), &["compile", "p.gate", "--to", "c"]).contains("struct sock_filter"));
    let output = run(folder.path(), &["compile", "p.gate", "--to", "bpf", "-o", "p.bpf"]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(fs::read(folder.path().join("p.bpf")).expect("the filter").len() % 8, 0);
}

#[test]
fn the_commands_end_is_ours() {
    let folder = folder(&[("p.gate", "allow: all\ndeny: mkdir\n")]);
    for wrapper in [&["run", "p.gate", "--"][..], &["record", "-o", "r.json", "--"]] {
        let exit = run(folder.path(), &[wrapper, &["sh", "-c", "exit 9"]].concat());
        assert_eq!(exit.status.code(), Some(9), "{}", told(&exit));
        let killed = run(folder.path(), &[wrapper, &["sh", "-c", "kill -TERM $$"]].concat());
        assert_eq!(killed.status.signal(), Some(15), "{}", told(&killed));
    }
}

#[test]
fn kill_kills_and_errno_returns() {
    let folder = folder(&[
        ("kill.gate", "allow: all\nkill: mkdir, mkdirat\n"),
        ("deny.gate", "allow: all\nerrno(EROFS): mkdir, mkdirat\n"),
    ]);
    let killed = run(folder.path(), &["run", "kill.gate", "--", "mkdir", "new"]);
    assert_eq!(killed.status.signal(), Some(31), "{}", told(&killed));
    let refused = run(folder.path(), &["run", "deny.gate", "--", "mkdir", "new"]);
    assert!(told(&refused).contains("Read-only file system"), "{}", told(&refused));
    assert!(!folder.path().join("new").exists());
}

#[test]
fn record_can_write_a_policy_or_a_profile_at_once() {
    let folder = folder(&[]);
    let output = run(folder.path(), &["record", "--to", "docker", "--runtime", "runc", "-o", "p.json", "--", "true"]);
    assert!(output.status.success(), "{}", told(&output));
    let profile: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("p.json")).expect("a profile")).expect("JSON");
    let names = profile["syscalls"].to_string();
    assert!(names.contains("execve") && names.contains("capset"), "{names}");
    let output = run(folder.path(), &["record", "--to", "gate", "-o", "p.gate", "--", "true"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(run(folder.path(), &["run", "p.gate", "--", "true"]).status.success());
}

#[test]
fn fmt_writes_the_canonical_form_and_checks_it() {
    let folder = folder(&[("p.gate", "deny:all\nallow:read,getcwd # why\n")]);
    assert_eq!(run(folder.path(), &["fmt", "--check", "p.gate"]).status.code(), Some(1));
    assert!(run(folder.path(), &["fmt", "p.gate"]).status.success());
    assert!(run(folder.path(), &["fmt", "--check", "p.gate"]).status.success());
    let text = fs::read_to_string(folder.path().join("p.gate")).expect("the policy");
    assert!(text.starts_with("deny: all\nallow: read, getcwd") && text.contains("# why"), "{text}");
}

#[test]
fn diff_is_a_proof_or_a_call() {
    let folder = folder(&[
        ("a.gate", "arch: x86_64\ndeny: all\nallow: read, write(fd < 3)\n"),
        ("b.gate", "arch: x86_64\nallow: write(fd == 0 || fd in 1..2 || fd < 0), read\nerrno(1): all\n"),
        ("c.gate", "arch: x86_64\ndeny: all\nallow: read, write\n"),
    ]);
    assert_eq!(run(folder.path(), &["diff", "a.gate", "b.gate"]).status.code(), Some(0));
    let differs = run(folder.path(), &["diff", "a.gate", "c.gate"]);
    assert_eq!(differs.status.code(), Some(1), "{}", told(&differs));
    assert!(told(&differs).contains("write(0x3, 0x0, 0x0)"), "{}", told(&differs));
    assert_eq!(run(folder.path(), &["diff", "--subset", "a.gate", "c.gate"]).status.code(), Some(0));
    assert_eq!(run(folder.path(), &["diff", "--subset", "c.gate", "a.gate"]).status.code(), Some(1));
}

#[test]
fn the_manual_and_the_completions_name_every_command() {
    let folder = folder(&[]);
    let manual = prints(folder.path(), &["man"]);
    let completions = prints(folder.path(), &["completions", "bash"]);
    for command in ["compile", "eval", "test", "fmt", "diff", "run", "record", "derive"] {
        assert!(manual.contains(command) && completions.contains(command), "{command}");
    }
    assert!(manual.contains("setuid bits"), "what --help says is in the manual");
}
