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
    assert!(text.ends_with("\n1 call differs\n"), "{text}");
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
    let same = serde_json::json!({
        "relation": "equal", "holds": true, "complete": true, "differences": [], "settings": [],
    });
    assert_eq!((status, serde_json::from_str(&text).ok()), (0, Some(same)));
}

/// What `diff` says about two policies, a statement a line.
fn of(left: &str, right: &str, arguments: &[&str]) -> (i32, String) {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in [("l.gate", left), ("r.gate", right)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    diff(&folder, &[&["l.gate", "r.gate"], arguments].concat())
}

#[test]
fn calls_with_the_same_pair_of_answers_are_one_line() {
    let (status, text) = of(
        "arch: x86_64\ndeny: all\nallow: read\n",
        "arch: x86_64\ndeny: all\nallow: read, @file-system, socket(family == AF_UNIX)\nerrno(ENOSYS): clone3\n",
        &[],
    );
    assert_eq!(status, 1);
    assert_eq!(text.lines().count(), 11, "{text}");
    let first = text.lines().next().expect("a line");
    assert!(first.starts_with("open, close, ") && first.contains(" more on x86_64"), "{text}");
    assert!(
        text.contains(
            "\nclone3 on x86_64\n  l.gate: errno(EPERM)\n    because of l.gate:2:7: all\n  r.gate: errno(ENOSYS)\n"
        ),
        "{text}"
    );
    let last = text.lines().last().expect("a line");
    let counted: usize = last.strip_suffix(" calls differ").expect("a count").parse().expect("a number");
    let (_, json) = of(
        "arch: x86_64\ndeny: all\nallow: read\n",
        "arch: x86_64\ndeny: all\nallow: read, @file-system, socket(family == AF_UNIX)\nerrno(ENOSYS): clone3\n",
        &["--json"],
    );
    let shown: Value = serde_json::from_str(&json).expect("JSON");
    let differences = shown["differences"].as_array().expect("a list");
    let named: usize = differences.iter().map(|one| one["names"].as_array().map_or(0, Vec::len)).sum();
    assert!(counted > 50 && counted == named, "{counted} {named}");
    let socket = differences.iter().find(|one| one["names"][0] == "socket").expect("socket differs");
    assert_eq!((&socket["call"], &socket["always"]), (&"socket(0x1, 0x0, 0x0)".into(), &false.into()));
}

#[test]
fn a_call_that_differs_both_ways_is_told_both_ways() {
    let (_, text) = of(
        "arch: x86_64\ndeny: all\nallow: socket(family == AF_UNIX)\n",
        "arch: x86_64\ndeny: all\nallow: socket(family == AF_INET)\n",
        &[],
    );
    assert!(text.contains("socket(0x1, 0x0, 0x0) on x86_64\n  l.gate: allow\n"), "{text}");
    assert!(text.contains("socket(0x2, 0x0, 0x0) on x86_64\n  l.gate: errno(EPERM)\n"), "{text}");
}

#[test]
fn an_abi_that_one_side_lacks_is_a_few_lines() {
    let one = "arch: x86_64\ndeny: all\nallow: read\n";
    let two = "arch: x86_64, x86\ndeny: all\nallow: read\n";
    let (status, text) = of(one, two, &[]);
    assert_eq!(status, 1);
    assert!(text.contains(" more on x86\n  l.gate: kill\n    because of the policy doesn't list x86\n"), "{text}");
    assert!(text.contains("read on x86\n"), "{text}");
    assert_eq!(text.lines().count(), 11, "{text}");
    assert_eq!(of(one, two, &["--subset"]).0, 0);
    assert_eq!(of(two, one, &["--subset"]).0, 1);
    // Alike on every call of it.
    let (_, text) = of("arch: x86_64\nallow: all\n", "arch: x86_64, x86\nallow: all\n", &[]);
    assert!(text.starts_with("every call on x86\n"), "{text}");
    // An ABI that the tables don't know, and all that neither lists.
    let (_, text) = of("arch: x86_64\nallow: all\nerrno(EPERM): arch other\n", "arch: x86_64\nallow: all\n", &[]);
    assert!(text.starts_with("every call on x86, x32, aarch64, arm and "), "{text}");
    let (_, json) =
        of("arch: x86_64\nallow: all\nerrno(EPERM): arch other\n", "arch: x86_64\nallow: all\n", &["--json"]);
    let shown: Value = serde_json::from_str(&json).expect("JSON");
    let last = shown["differences"].as_array().and_then(|all| all.last()).expect("a difference");
    assert!(last["arch"].as_str().is_some_and(|arch| arch.starts_with("ABIs with tokens ")), "{last}");
    assert_eq!(last["numbers"], serde_json::json!([0, u32::MAX]));
}

#[test]
fn flags_and_listeners_are_compared() {
    let with = |more: &str| format!("arch: x86_64\nallow: all\n{more}");
    let (status, text) = of(&with("flags: LOG\n"), &with("listener: \"/run/x.sock\"\n"), &[]);
    assert_eq!(status, 1);
    assert_eq!(text, "flags\n  l.gate: LOG\n  r.gate: none\nlistener\n  l.gate: none\n  r.gate: /run/x.sock\n");
    assert_eq!(of(&with("flags: LOG\n"), &with(""), &["--subset"]).0, 0);
    let (_, json) = of(&with("flags: LOG\n"), &with(""), &["--json"]);
    let shown: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(shown["settings"], serde_json::json!([{"setting": "flags", "left": ["LOG"], "right": []}]));
    assert_eq!(shown["holds"], false);
}

/// `struct sock_filter`, little-endian.
fn filter(instructions: &[(u16, u8, u8, u32)]) -> Vec<u8> {
    let bytes =
        |&(code, jt, jf, k): &(u16, u8, u8, u32)| [&code.to_le_bytes()[..], &[jt, jf], &k.to_le_bytes()].concat();
    instructions.iter().flat_map(bytes).collect()
}

#[test]
fn raw_filters_that_look_at_odd_things_are_compared() {
    let folder = folder();
    // Odd numbers are allowed, even ones aren't: two billion ranges.
    let odd = filter(&[(0x20, 0, 0, 0), (0x45, 0, 1, 1), (0x06, 0, 0, 0x7fff_0000), (0x06, 0, 0, 0x0005_0001)]);
    fs::write(folder.path().join("odd.bpf"), odd).expect("a file");
    let all = filter(&[(0x06, 0, 0, 0x7fff_0000)]);
    fs::write(folder.path().join("all.bpf"), all).expect("a file");
    let (status, text) = diff(&folder, &["odd.bpf", "all.bpf"]);
    assert_eq!(status, 1);
    assert!(text.lines().last().is_some_and(|line| line.starts_with("at least ")), "{text}");
    assert!(text.lines().count() < 20, "{text}");
    let (_, json) = diff(&folder, &["odd.bpf", "all.bpf", "--json"]);
    let shown: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(shown["complete"], false);
    // The instruction pointer decides.
    let pointer = filter(&[(0x20, 0, 0, 8), (0x15, 0, 1, 7), (0x06, 0, 0, 0x0005_0001), (0x06, 0, 0, 0x7fff_0000)]);
    fs::write(folder.path().join("pointer.bpf"), pointer).expect("a file");
    let (_, text) = diff(&folder, &["pointer.bpf", "all.bpf"]);
    assert!(text.contains("(0x0, 0x0, 0x0) from 0x7"), "{text}");
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
