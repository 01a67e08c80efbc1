//! What callgate does without the rights it would like.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Need, have, told};

/// A user with no rights, by number: `nobody` on most systems.
const NOBODY: u32 = 65534;

/// Runs callgate as that user, in a folder of the user's own. The binary is copied there: the checkout may be closed to others.
fn as_nobody(folder: &TempDir, arguments: &[&str]) -> Output {
    let binary = folder.path().join("callgate");
    if !binary.exists() {
        fs::copy(env!("CARGO_BIN_EXE_callgate"), &binary).expect("a copy");
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("permissions");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("permissions");
    }
    Command::new(&binary)
        .args(arguments)
        .current_dir(folder.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("callgate runs")
}

#[test]
fn ebpf_that_was_asked_for_is_not_replaced_in_silence() {
    if !have(&[Need::Root]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let output = as_nobody(&folder, &["record", "--backend", "ebpf", "-o", "r.json", "--", "true"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(stderr.contains("CAP_BPF") && stderr.contains("help"), "{stderr}");
    assert!(!folder.path().join("r.json").exists());
}

#[test]
fn without_rights_another_backend_records_and_says_so() {
    if !have(&[Need::Root]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let command = ["sh", "-c", "echo in $PPID; exit 7"];
    let output = as_nobody(&folder, &[&["record", "-o", "r.json", "--"][..], &command].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{}", told(&output));
    assert!(stderr.contains("recorded by user notification") && stderr.contains("CAP_BPF"), "{stderr}");
    let recording: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r.json")).expect("a recording")).expect("JSON");
    assert_eq!(recording["runs"][0]["backend"], "notify");
    assert_eq!(recording["complete"], true);

    // What was learned without rights holds without rights.
    let derived = as_nobody(&folder, &["derive", "r.json", "-o", "r.gate"]);
    assert!(derived.status.success(), "{}", told(&derived));
    let again = as_nobody(&folder, &[&["run", "r.gate", "--"][..], &command].concat());
    assert_eq!(again.status.code(), Some(7), "{}", told(&again));
}

#[test]
fn privileges_are_kept_only_with_the_right_to() {
    if !have(&[Need::Root]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("all.gate"), "allow: all\ndeny: mkdir\n").expect("a policy");
    let status = ["grep", "NoNewPrivs", "/proc/self/status"];
    let plain = as_nobody(&folder, &[&["run", "all.gate", "--"][..], &status].concat());
    assert!(String::from_utf8_lossy(&plain.stdout).ends_with("1\n"), "{}", told(&plain));
    let kept = as_nobody(&folder, &[&["run", "--keep-privileges", "all.gate", "--"][..], &status].concat());
    assert_eq!(kept.status.code(), Some(2), "{}", told(&kept));
    assert!(kept.stdout.is_empty(), "nothing runs: {}", told(&kept));
}
