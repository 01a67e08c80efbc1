//! Files of engines on the command line: whose reading counts, and what two engines make of one file.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{callgate, told};

const DEFAULT_ERRNO: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
    {"names": ["read", "write", "cachestat"], "action": "SCMP_ACT_ALLOW"}]}"#;

fn run(file: &str, arguments: &[&str]) -> (i32, String) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("profile.json"), file).expect("a file");
    fs::write(folder.path().join("base.yaml"), OPERATORS).expect("a file");
    let output = callgate().args(arguments).current_dir(folder.path()).output().expect("callgate runs");
    (output.status.code().unwrap_or_else(|| panic!("{}", told(&output))), String::from_utf8_lossy(&output.stdout).into_owned())
}

const OPERATORS: &str = "apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nmetadata: {name: base}\n\
                         spec:\n  defaultAction: SCMP_ACT_ERRNO\n  architectures: [SCMP_ARCH_X86_64]\n";

#[test]
fn new_numbers_are_answered_by_runc_and_not_by_crun() {
    let arch = ["--arch", "x86_64"];
    let asks = |engine: &str, call: &str| {
        let arguments = ["eval", "profile.json", call, "--json", "--engine", engine];
        let (status, text) = run(DEFAULT_ERRNO, &[&arguments[..], &arch].concat());
        assert_eq!(status, 0, "{text}");
        serde_json::from_str::<Value>(&text).expect("one object")["action"].clone()
    };
    assert_eq!(asks("runc", "999"), "errno(ENOSYS)");
    assert_eq!(asks("docker", "mseal"), "errno(ENOSYS)");
    assert_eq!(asks("crun", "999"), "errno(EPERM)");
    assert_eq!(asks("document", "mseal"), "errno(EPERM)");
    // Below the highest number that the file names, both have the default.
    assert_eq!(asks("runc", "open"), "errno(EPERM)");

    let (status, text) = run(DEFAULT_ERRNO, &[&["diff", "profile.json", "--engines", "runc,crun"], &arch[..]].concat());
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("runc: errno(ENOSYS)") && text.contains("crun: errno(EPERM)"), "{text}");
    let (status, text) = run(DEFAULT_ERRNO, &[&["diff", "profile.json", "--engines", "crun,podman"], &arch[..]].concat());
    assert_eq!((status, text.as_str()), (0, "the same\n"));
}

#[test]
fn a_file_that_one_engine_refuses_is_a_difference() {
    let arguments = ["diff", "profile.json", "--engines", "runc,crun", "--arch", "x86_64"];
    let (status, text) = run("{}", &arguments);
    assert_eq!((status, text.as_str()), (1, "crun refuses the file; the other takes it\n"));
    let (status, text) = run("{}", &[&arguments[..], &["--json"]].concat());
    assert_eq!((status, serde_json::from_str::<Value>(&text).expect("JSON")["refuses"].as_str()), (1, Some("crun")));
    assert_eq!(run("{}", &["diff", "profile.json", "--engines", "runc"]).0, 2);
    assert_eq!(run("{}", &["eval", "profile.json", "read", "--engine", "docker", "--arch", "x86_64,aarch64"]).0, 2);
}

#[test]
fn a_profile_of_the_operators_stands_on_a_file_beside_it() {
    let file = OPERATORS.replace("name: base", "name: top").replace("spec:\n", "spec:\n  baseProfileName: base\n");
    let (status, text) = run(&file, &["diff", "profile.json", "base.yaml"]);
    assert_eq!((status, text.as_str()), (0, "the same\n"));
    let (status, text) = run(&file, &["compile", "profile.json", "--to", "spo"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("kind: SeccompProfile\n"), "{text}");
}
