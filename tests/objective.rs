//! `compile --optimize`, `--exhaustive` and `--weights`: what people give, and what they are told when it is wrong.

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::support::{callgate, told};

const POLICY: &str = "arch: x86_64\ndeny: all\nallow: read, write, close, fstat, lseek, socket(family == AF_UNIX), getpid, \
                      futex, openat, getrandom\nerrno(ENOSYS): clone3\n";
const MIXES: &str = r#"{"web": {"futex": 0.9, "read": 0.1}, "shell": {"openat": 3, "nosuchcall": 1}}"#;

fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in [("p.gate", POLICY), ("mixes.json", MIXES), ("one.json", r#"{"close": 7}"#), ("no.json", "[1]")]
    {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn compile(folder: &Path, options: &[&str]) -> Output {
    let arguments = ["compile", "p.gate", "--to", "bpf"];
    callgate().args(arguments).args(options).current_dir(folder).output().expect("callgate runs")
}

#[track_caller]
fn filter(folder: &Path, options: &[&str]) -> Vec<u8> {
    let output = compile(folder, options);
    assert!(output.status.success(), "{}", told(&output));
    output.stdout
}

#[test]
fn filters_for_other_objectives_differ_in_nothing_but_cost() {
    let folder = folder();
    let folder = folder.path();
    let size = filter(folder, &["--optimize", "size", "--exhaustive"]);
    let speed = filter(folder, &["--optimize", "speed", "--exhaustive"]);
    assert!(size.len() < speed.len());
    assert_eq!(filter(folder, &[]), filter(folder, &["--optimize", "balanced"]));
    for (name, bytes) in [("size.bpf", &size), ("speed.bpf", &speed)] {
        fs::write(folder.join(name), bytes).expect("a file");
    }
    let output =
        callgate().args(["diff", "size.bpf", "speed.bpf"]).current_dir(folder).output().expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
}

/// What a kernel caches counts only for kernels that don't.
#[test]
fn weights_come_from_mixes_by_name() {
    let folder = folder();
    let folder = folder.path();
    let old = ["--optimize", "speed", "--kernel", "5.10", "--weights"];
    let web = filter(folder, &[&old[..], &["mixes.json#web"]].concat());
    let one = filter(folder, &[&old[..], &["one.json"]].concat());
    assert_ne!(web, one);
    let new = ["--optimize", "speed", "--kernel", "5.11", "--weights"];
    let web = filter(folder, &[&new[..], &["mixes.json#web"]].concat());
    let one = filter(folder, &[&new[..], &["one.json"]].concat());
    assert_eq!(web, one);
}

#[test]
fn wrong_weights_say_what_to_do() {
    let folder = folder();
    for (weights, wanted) in [
        ("mixes.json", "name one, `FILE#MIX`: shell, web"),
        ("mixes.json#db", "there is no mix `db`"),
        ("one.json#db", "leave out what follows the `#`"),
        ("mixes.json#shell", "no call is named `nosuchcall`"),
        ("no.json", "neither a recording nor a count of calls"),
        ("nothing.json", "can't read nothing.json"),
    ] {
        let output = compile(folder.path(), &["--weights", weights]);
        assert_eq!(output.status.code(), Some(2), "{weights}: {}", told(&output));
        assert!(told(&output).contains(wanted), "{weights}: {}", told(&output));
    }
}
