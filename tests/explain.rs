//! Filters read back: raw ones, listings, those of a living process.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Sleeper, callgate, told};

const GATE: &str = "\
arch: x86_64, x86
deny: all
allow: read, write, close, clock_nanosleep, execve, brk, exit_group
allow: socket(family in {AF_UNIX, AF_INET}, type & 0xf != SOCK_RAW)
allow: ioctl(cmd == TCGETS)
errno(ENOSYS): clone3
kill: arch x32
";

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = callgate().args(arguments).current_dir(folder).output().expect("callgate runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn prints(folder: &Path, arguments: &[&str]) -> String {
    let (status, stdout, stderr) = run(folder, arguments);
    assert_eq!(status, Some(0), "{arguments:?}\n{stdout}\n{stderr}");
    stdout
}

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("p.gate"), GATE).expect("a file");
    for format in ["bpf", "asm"] {
        prints(folder.path(), &["compile", "p.gate", "--to", format, "-o", &format!("p.{format}")]);
    }
    folder
}

#[test]
fn a_filter_is_read_wherever_a_policy_is() {
    let folder = folder();
    let here = folder.path();
    for file in ["p.bpf", "p.asm"] {
        let text = prints(here, &["compile", file, "--to", "gate", "-o", "-"]);
        assert!(text.contains("allow: ioctl(cmd == TCGETS)\n"), "{text}");
        assert!(text.contains("errno(ENOSYS): clone3\n"), "{text}");
        fs::write(here.join("back.gate"), &text).expect("a file");
        assert_eq!(prints(here, &["diff", "p.gate", "back.gate"]), "the same\n");
        assert_eq!(prints(here, &["diff", "p.bpf", "back.gate"]), "the same\n");
        assert_eq!(prints(here, &["diff", file, "p.gate"]), "the same\n");
        let read = prints(here, &["eval", file, "socket(AF_UNIX, SOCK_RAW)", "ioctl(0, TCGETS)"]);
        assert!(read.contains("errno(EPERM)") && read.contains("allow"), "{read}");
        let docker = prints(here, &["compile", file, "--to", "docker"]);
        assert!(docker.contains("SCMP_ACT_ERRNO"), "{docker}");
    }
    let bytes = fs::read(here.join("p.bpf")).expect("the filter");
    let again = callgate().args(["compile", "p.asm", "--to", "bpf"]).current_dir(here).output().expect("callgate runs");
    assert!(again.status.success(), "{}", told(&again));
    assert_eq!(again.stdout, bytes, "the same policy is the same program");
}

#[test]
fn a_listing_names_the_statements() {
    let folder = folder();
    let text = prints(folder.path(), &["compile", "p.gate", "--to", "asm"]);
    let returned =
        |value: &str| text.lines().find(|line| line.contains(&format!("ret #{value} "))).expect("a return").to_owned();
    assert!(returned("0x50026").ends_with("p.gate:6"), "{text}");
    assert!(returned("0x7fff0000").contains("p.gate:3, p.gate:4, p.gate:5"), "{text}");
    let load = text.lines().find(|line| line.contains("ld [24]")).expect("a load");
    assert!(load.contains("args[1]") && load.contains("p.gate:"), "{load}");
}

#[test]
fn what_is_explained_is_a_policy() {
    let folder = folder();
    let here = folder.path();
    for file in ["p.bpf", "p.asm", "p.gate"] {
        let text = prints(here, &["explain", file]);
        assert!(text.starts_with(&format!("# {file}: ")), "{text}");
        assert!(
            text.contains("# x86_64: allow 7 calls, 2 by their arguments (ioctl, socket), errno(ENOSYS) 1"),
            "{text}"
        );
        assert!(text.contains("# every other ABI: kill every call\n"), "{text}");
        fs::write(here.join("back.gate"), &text).expect("a file");
        assert_eq!(prints(here, &["diff", "p.gate", "back.gate"]), "the same\n");
        let facts: Value = serde_json::from_str(&prints(here, &["explain", file, "--json"])).expect("JSON");
        assert_eq!((&facts["filter"], &facts["exact"], &facts["other"]), (&file.into(), &true.into(), &"kill".into()));
        assert_eq!(facts["abis"][0]["by_arguments"], serde_json::json!(["ioctl", "socket"]));
    }
    assert_eq!(
        prints(here, &["explain", "p.bpf", "--to", "asm"]).lines().count(),
        prints(here, &["explain", "p.asm", "--to", "asm"]).lines().count()
    );
}

#[test]
fn a_filter_without_a_policy_is_listed() {
    let folder = folder();
    let pointer = "ld [8]\njeq #0, no\nret #0x7fff0000\nno: ret #0\n";
    fs::write(folder.path().join("ip.asm"), pointer).expect("a file");
    let (status, text, _) = run(folder.path(), &["explain", "ip.asm"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("; the filter decides by where a call is made from"), "{text}");
    assert!(text.contains("ld [8]") && text.contains("ret #0x7fff0000"), "{text}");
    let (status, _, error) = run(folder.path(), &["compile", "ip.asm"]);
    assert_eq!(status, Some(2));
    assert!(error.contains("help"), "{error}");
    for (text, line) in [("ld [0]\nfly\n", "bad.asm:2"), ("ld [0]\nret a\nja nowhere\n", "bad.asm:3")] {
        fs::write(folder.path().join("bad.asm"), text).expect("a file");
        let (status, _, error) = run(folder.path(), &["compile", "bad.asm"]);
        assert!(status == Some(2) && error.contains(line) && error.contains("help"), "{error}");
    }
    fs::write(folder.path().join("none.bpf"), [0; 12]).expect("a file");
    let (status, _, error) = run(folder.path(), &["explain", "none.bpf", "--from", "bpf"]);
    assert!(status == Some(2) && error.contains("12 bytes") && error.contains("help"), "{error}");
}

#[test]
fn what_no_policy_says_is_said_beside_it() {
    let folder = folder();
    // As other compilers write it: x32 is a bit of the number.
    let text = "ld [4]\njne #0xc000003e, kill\nld [0]\njset #0x40000000, kill, next\nnext: jeq #0, yes\nret #0x50026\n\
                yes: ret #0x7fff0000\nkill: ret #0x80000000\n";
    fs::write(folder.path().join("bit.asm"), text).expect("a file");
    let text = prints(folder.path(), &["explain", "bit.asm"]);
    assert!(text.contains("# not said here: ") && text.contains("numbers 0x80000000 to 0xbfffffff of x32"), "{text}");
    assert!(text.contains("\narch: x86_64\nerrno(ENOSYS): all\n\nallow: read\nkill: 0xffffffff\n"), "{text}");
    let (status, _, error) = run(folder.path(), &["compile", "bit.asm", "--to", "gate"]);
    assert!(status == Some(0) && error.contains("warning[left-out]"), "{error}");
}

#[test]
fn the_filters_of_a_process() {
    let folder = TempDir::new().expect("a folder");
    let here = folder.path();
    fs::write(
        here.join("p.gate"),
        "arch: x86_64, aarch64\nallow: all\nerrno(ENOSYS): kexec_load\ndeny: ioctl(cmd == TIOCSTI)\n",
    )
    .expect("a file");
    prints(here, &["compile", "p.gate", "--to", "bpf", "-o", "p.bpf"]);
    let Some(sleeper) = Sleeper::under("p.gate", here) else { return };
    let pid = &sleeper.pid;
    let text = prints(here, &["explain", "--pid", pid]);
    assert!(text.starts_with(&format!("# filter 0 of process {pid}: ")), "{text}");
    assert!(text.contains("errno(ENOSYS): kexec_load\n"), "{text}");
    prints(here, &["explain", "--pid", pid, "--index", "0", "--to", "bpf", "-o", "live.bpf"]);
    assert_eq!(prints(here, &["diff", "p.gate", "live.bpf"]), "the same\n");
    let facts: Value = serde_json::from_str(&prints(here, &["explain", "--pid", pid, "--json"])).expect("JSON");
    assert_eq!(facts["exact"], true);
    for (arguments, message) in [
        (vec!["--pid", pid, "--index", "1"], "has no filter 1"),
        (vec!["--pid", "8388608"], "there is no process"),
        (vec!["--pid", "1"], "process 1"),
    ] {
        let arguments: Vec<&str> = ["explain"].into_iter().chain(arguments).collect();
        let (status, _, error) = run(here, &arguments);
        assert!(
            arguments[2] == "1" || status == Some(2) && error.contains(message) && error.contains("help"),
            "{error}"
        );
    }
}
