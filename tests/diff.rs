//! `callgate diff` on everything it reads: policies, profiles, raw filters.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{callgate, root, told};

const GATE: &str = "arch: x86_64\ndeny: all\nallow: read, personality(persona in {0, 8})\n";
const DOCKER: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}"#;

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in
        [("a.gate", GATE), ("docker.json", DOCKER), ("b.gate", "arch: x86_64\ndeny: all\nallow: read\n")]
    {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    for name in ["a", "b"] {
        let arguments = ["compile", &format!("{name}.gate"), "--to", "bpf", "-o", &format!("{name}.bpf")];
        let output = callgate().args(arguments).current_dir(folder.path()).output().expect("callgate runs");
        assert!(output.status.success(), "{}", told(&output));
    }
    folder
}

/// Exit status and standard output.
fn diff(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let output = callgate().arg("diff").args(arguments).current_dir(folder.path()).output().expect("callgate runs");
    let status = output.status.code().unwrap_or_else(|| panic!("{}", told(&output)));
    assert_ne!(status, 2, "{}", told(&output));
    (status, String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn a_policy_is_what_its_filter_does() {
    let folder = folder();
    let same = (0, "the same\n".to_owned());
    assert_eq!(diff(&folder, &["a.gate", "a.bpf"]), same);
    assert_eq!(diff(&folder, &["a.bpf", "a.bpf", "--from", "bpf"]), same);
    let (status, text) = diff(&folder, &["b.bpf", "a.bpf"]);
    assert_eq!(status, 1);
    assert!(text.starts_with("personality(0x0) on x86_64\n  b.bpf: errno(EPERM)\n  a.bpf: allow\n"), "{text}");
    assert_eq!(diff(&folder, &["b.bpf", "a.gate", "--subset"]).0, 0);
    assert_eq!(diff(&folder, &["a.gate", "b.bpf", "--subset"]).0, 1);
}

#[test]
fn a_profile_that_compares_whole_words_is_not_the_typed_policy() {
    let folder = folder();
    let (status, text) = diff(&folder, &["docker.json", "a.gate"]);
    assert_eq!(status, 1);
    assert!(text.starts_with("personality(0x100000000) on x86_64\n"), "{text}");
    assert!(text.ends_with("1 range of calls differs\n"), "{text}");
    assert_eq!(diff(&folder, &["docker.json", "a.gate", "--subset"]).0, 0, "the typed one permits more");
}

#[test]
fn the_differences_as_json() {
    let folder = folder();
    let (status, text) = diff(&folder, &["b.gate", "a.gate", "--json"]);
    assert_eq!(status, 1);
    let shown: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(shown["holds"], false);
    let difference = &shown["differences"][0];
    assert_eq!(difference["call"], "personality(0x0)");
    assert_eq!(difference["arch"], "x86_64");
    assert_eq!(difference["numbers"], serde_json::json!([135, 135]));
    assert_eq!(difference["right"]["action"], "allow");
    assert_eq!(difference["right"]["because"], "a.gate:3:14: personality(persona in {0, 8})");
    let (status, text) = diff(&folder, &["a.gate", "a.bpf", "--json"]);
    assert_eq!((status, text.as_str()), (0, "{\"differences\":[],\"holds\":true,\"relation\":\"equal\"}\n"));
}

#[test]
fn many_differences_are_counted_and_some_shown() {
    let folder = folder();
    fs::write(folder.path().join("c.gate"), "arch: x86_64\ndeny: all\nallow: @file-system\n").expect("a file");
    let (status, text) = diff(&folder, &["b.gate", "c.gate"]);
    assert_eq!(status, 1);
    assert_eq!(text.matches(" on x86_64").count(), 20, "{text}");
    assert!(text.lines().last().is_some_and(|line| line.contains("20 are shown, --json has all")), "{text}");
}

/// Every policy of this checkout, as Docker's JSON and back again.
#[test]
fn what_is_exported_is_read_back_the_same() {
    let folder = folder();
    let mut policies = vec![root().join("profiles/policies/docker-default.gate")];
    for part in ["examples", "tests/corpus", "tests/corpus/crosvm", "tests/corpus/firecracker"] {
        let entries = fs::read_dir(root().join(part)).expect("the folder").map(|entry| entry.expect("an entry").path());
        policies.extend(entries.filter(|path| path.extension().is_some_and(|name| name == "gate")));
    }
    for policy in policies {
        let name = policy.to_str().expect("text");
        if name.ends_with("common.gate") || name.ends_with("common.raw.gate") {
            continue;
        }
        // Whole words can't be compared on x32, where libseccomp ignores the high half; so these are for one ABI.
        let only: &[&str] = if name.ends_with(".raw.gate") { &["--arch", "x86_64"] } else { &[] };
        let compile = [&["compile", name, "-o", "back.json"], only].concat();
        let output = callgate().args(compile).current_dir(folder.path()).output().expect("callgate runs");
        assert!(output.status.success(), "{name}: {}", told(&output));
        assert_eq!(diff(&folder, &[&[name, "back.json"], only].concat()), (0, "the same\n".to_owned()), "{name}");
    }
}
