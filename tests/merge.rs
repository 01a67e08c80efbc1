//! `callgate merge`: several policies as one, in files and in the running kernel.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{callgate, root, told};

const ONE: &str = "arch: x86_64\ndeny: all\n\
    allow: read, write, socket(family in {AF_UNIX, AF_INET}), personality(persona in {0, 8})\n";
const TWO: &str = "arch: x86_64, x86\ndeny: all\n\
    allow: read, close, socket(family in {AF_UNIX, AF_INET6})\nallow: personality(persona == 8)\nerrno(ENOSYS): clone3\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

/// Exit status, standard output and standard error.
fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = callgate().args(arguments).current_dir(folder.path()).output().expect("callgate runs");
    let status = output.status.code().unwrap_or_else(|| panic!("{}", told(&output)));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status, text(output.stdout), text(output.stderr))
}

/// Merges `one.gate` and `two.gate` and holds the result against a policy, in every format that says it all.
#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let folder = folder(&[("one.gate", ONE), ("two.gate", TWO), ("expected.gate", expected)]);
    for format in ["gate", "bpf"] {
        let merge = [&["merge", "one.gate", "two.gate", "--to", format, "-o", "merged"], arguments].concat();
        let (status, _, said) = run(&folder, &merge);
        assert_eq!(status, 0, "{said}");
        let (status, difference, said) = run(&folder, &["diff", "merged", "expected.gate"]);
        assert_eq!((status, difference.as_str()), (0, "the same\n"), "{format}: {said}");
    }
}

#[test]
fn the_union_allows_what_one_allows() {
    let expected = "arch: x86_64, x86\ndeny: all\nallow: read, close\nerrno(ENOSYS): clone3\n\
        when arch x86_64 {\n allow: write, socket(family in {AF_UNIX, AF_INET, AF_INET6}), personality(persona in {0, 8})\n}\n\
        when arch x86 {\n allow: socket(family in {AF_UNIX, AF_INET6}), personality(persona == 8)\n}\n";
    check(&[], expected);
    check(&["--union"], expected);
}

#[test]
fn the_intersection_allows_what_all_allow() {
    // The smaller errno of clone3: EPERM.
    let expected = "arch: x86_64\ndeny: all\nallow: read, socket(family == AF_UNIX), personality(persona == 8)\n";
    check(&["--intersect"], expected);
}

#[test]
fn a_stack_has_the_data_of_the_last_file() {
    let expected = "arch: x86_64\ndeny: all\nallow: read, socket(family == AF_UNIX), personality(persona == 8)\n";
    check(&["--stack"], &format!("{expected}errno(ENOSYS): clone3\n"));
    let folder = folder(&[("one.gate", ONE), ("two.gate", TWO), ("expected.gate", expected)]);
    let (status, _, said) = run(&folder, &["merge", "--stack", "two.gate", "one.gate", "--to", "gate", "-o", "merged"]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(run(&folder, &["diff", "merged", "expected.gate"]).0, 0, "one.gate comes last, and denies with EPERM");
}

#[test]
fn what_each_file_decided_is_said() {
    let folder = folder(&[("one.gate", ONE), ("two.gate", TWO)]);
    let (status, _, said) =
        run(&folder, &["merge", "one.gate", "two.gate", "--to", "bpf", "-o", "out.bpf", "--arch", "x86_64"]);
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains(" calls\nnote: one.gate decides 3 of the other 5\nnote: two.gate decides 3 of the other 5\n"),
        "{said}"
    );
    let arguments =
        ["merge", "one.gate", "two.gate", "--to", "bpf", "-o", "out.bpf", "--arch", "x86_64", "--stack", "--json"];
    let (status, text, _) = run(&folder, &arguments);
    assert_eq!(status, 0);
    let said: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(said["rule"], "stack");
    assert_eq!(
        said["inputs"],
        serde_json::json!([{"file": "one.gate", "decides": 2}, {"file": "two.gate", "decides": 4}])
    );
    let disputed = said["disputed"].as_array().expect("a list");
    let calls: Vec<_> = disputed.iter().map(|one| one["call"].as_str().expect("a call")).collect();
    assert_eq!(
        calls,
        ["write(0x0, 0x0, 0x0)", "close(0x0)", "socket(0x2, 0x0, 0x0)", "personality(0x0)", "clone3(0x0, 0x0)"]
    );
    assert_eq!(disputed[4]["actions"], serde_json::json!(["errno(EPERM)", "errno(ENOSYS)"]));
    assert_eq!(disputed[4]["merged"], "errno(ENOSYS)");
}

#[test]
fn one_file_comes_out_without_what_changes_nothing() {
    let folder = folder(&[(
        "long.gate",
        "arch: x86_64\ndeny: all\nallow: read, socket(family == AF_UNIX), socket(family in {AF_UNIX, AF_INET})\n\
         errno(EPERM): mount, ptrace(request == 4)\nkill: arch x86\n",
    )]);
    let (status, text, said) = run(&folder, &["merge", "long.gate", "--to", "gate"]);
    assert_eq!(status, 0, "{said}");
    for gone in ["mount", "ptrace", "x86\n", "== AF_UNIX"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    fs::write(folder.path().join("short.gate"), &text).expect("a file");
    assert_eq!(run(&folder, &["diff", "long.gate", "short.gate"]).0, 0, "{text}");
    let (_, again, _) = run(&folder, &["merge", "short.gate", "--to", "gate"]);
    assert_eq!(again, text);
    let (_, compiled, _) = run(&folder, &["compile", "long.gate", "--to", "gate"]);
    assert_eq!(compiled, text);
}

#[test]
fn files_of_other_formats_merge() {
    let docker = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["read", "clone3"], "action": "SCMP_ACT_ALLOW"}]}"#;
    let folder = folder(&[("docker.json", docker), ("one.gate", ONE)]);
    let (status, text, said) = run(&folder, &["merge", "docker.json", "one.gate", "--to", "oci", "--arch", "x86_64"]);
    assert_eq!(status, 0, "{said}");
    let oci: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(oci["syscalls"][0]["names"], serde_json::json!(["clone3", "read", "write"]));
}

#[test]
fn raw_filters_stack() {
    let folder = folder(&[("one.gate", ONE), ("two.gate", TWO), ("bad.bpf", "\0")]);
    for name in ["one", "two"] {
        let (status, _, said) =
            run(&folder, &["compile", &format!("{name}.gate"), "--to", "bpf", "-o", &format!("{name}.bpf")]);
        assert_eq!(status, 0, "{said}");
    }
    for rule in ["--stack", "--union", "--intersect"] {
        for (left, right) in [("one.bpf", "two.bpf"), ("one.gate", "two.bpf")] {
            let (status, _, said) = run(&folder, &["merge", rule, left, right, "--to", "gate", "-o", "raw.gate"]);
            assert_eq!(status, 0, "{said}");
            let (status, _, said) =
                run(&folder, &["merge", rule, "one.gate", "two.gate", "--to", "gate", "-o", "merged.gate"]);
            assert_eq!(status, 0, "{said}");
            let (status, text, _) = run(&folder, &["diff", "raw.gate", "merged.gate"]);
            assert_eq!((status, text.as_str()), (0, "the same\n"), "{rule} {left} {right}");
        }
    }
    let (status, _, said) = run(&folder, &["merge", "one.gate", "bad.bpf"]);
    assert_eq!(status, 2);
    assert!(said.contains("bad.bpf is no filter"), "{said}");
}

#[test]
fn what_does_not_stack_says_why() {
    let listener = |path: &str| format!("arch: x86_64\nallow: all\nnotify: mount\nlistener: \"{path}\"\n");
    let (a, b) = (listener("/run/a.sock"), listener("/run/b.sock"));
    let logged = "arch: x86_64\nallow: all\nflags: LOG\n";
    let folder = folder(&[("a.gate", &a), ("b.gate", &b), ("log.gate", logged), ("one.gate", ONE)]);
    for (arguments, why) in [
        (["--stack", "a.gate", "b.gate"], "EBUSY"),
        (["--union", "a.gate", "b.gate"], "different listeners"),
        (["--stack", "log.gate", "one.gate"], "flags: LOG"),
    ] {
        let (status, _, said) = run(&folder, &[&["merge", "--to", "bpf"], &arguments[..]].concat());
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(why) && said.contains("= help: "), "{said}");
    }
    let (status, ..) = run(&folder, &["merge", "a.gate", "--union", "--stack"]);
    assert_eq!(status, 2, "one rule at a time");
    let (status, ..) = run(&folder, &["merge", "a.gate", "--json"]);
    assert_eq!(status, 2, "the object and the policy would both be on standard output");
}

#[test]
fn docker_s_default_and_a_refinement() {
    let policy = root().join("profiles/policies/docker-default.gate");
    let policy = policy.to_str().expect("text");
    let refined = "arch: x86_64, x86, x32\nallow: all\nerrno(EPERM): @keyring\nerrno(ENOSYS): io_uring_setup\n\
        deny: socket(family == AF_VSOCK), socket(family == AF_ALG), ioctl(cmd in {TIOCSTI, TIOCLINUX})\n";
    let folder = folder(&[("refined.gate", refined)]);
    let arch = ["--arch", "x86_64,x86,x32"];
    let merge = ["merge", "--stack", policy, "refined.gate", "--to", "gate", "-o", "merged.gate"];
    let (status, _, said) = run(&folder, &[&merge[..], &arch].concat());
    assert_eq!(status, 0, "{said}");
    for within in [policy, "refined.gate"] {
        let (status, text, _) = run(&folder, &[&["diff", "--subset", "merged.gate", within], &arch[..]].concat());
        assert_eq!(status, 0, "{text}");
    }
    // Twice the same is the same.
    let twice = ["merge", "--stack", "merged.gate", "merged.gate", "--to", "gate", "-o", "twice.gate"];
    assert_eq!(run(&folder, &twice).0, 0);
    assert_eq!(run(&folder, &["diff", "merged.gate", "twice.gate"]).0, 0);
}

/// Real policies, under every rule: each is proven as it is merged; here, that the result lies where it has to.
#[test]
fn real_policies_merge() {
    let Some(corpus) = std::env::var_os("CALLGATE_CORPUS").map(PathBuf::from) else {
        assert_ne!(std::env::var_os("CALLGATE_REQUIRE").as_deref(), Some("all".as_ref()), "CALLGATE_CORPUS is missing");
        eprintln!("skipped: CALLGATE_CORPUS names no folder with the policies");
        return;
    };
    let path = |name: &str| corpus.join(name).display().to_string();
    let firecracker = |thread| path(&format!("firecracker/x86_64-unknown-linux-musl.json#{thread}"));
    let mut devices: Vec<String> = fs::read_dir(corpus.join("crosvm"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .filter(|name| name.ends_with("_device.policy"))
        .collect();
    devices.sort();
    let groups = [
        vec![path("oci/moby-default.json"), path("oci/containers-common.json")],
        vec![firecracker("vmm"), firecracker("api"), firecracker("vcpu")],
        devices,
    ];
    let folder = folder(&[]);
    for group in &groups {
        let files: Vec<&str> = group.iter().map(String::as_str).collect();
        for rule in ["--union", "--intersect", "--stack"] {
            let target = ["--arch", "x86_64", "--to", "bpf", "-o", "merged.bpf"];
            let (status, _, said) = run(&folder, &[&["merge", rule], &files[..], &target].concat());
            assert_eq!(status, 0, "{files:?} {rule}: {said}");
            for &file in &files {
                let (left, right) = if rule == "--union" { (file, "merged.bpf") } else { ("merged.bpf", file) };
                let (status, text, said) = run(&folder, &["diff", "--subset", left, right, "--arch", "x86_64"]);
                assert_eq!(status, 0, "{rule} {file}: {text}{said}");
            }
        }
    }
}
