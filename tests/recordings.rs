//! Recordings as files: compressed ones, many of them, and what they say of a call.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Need, callgate, have, told};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    callgate().args(arguments).current_dir(folder).output().expect("callgate runs")
}

#[track_caller]
fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn compressed_recordings_are_recordings() {
    let folder = TempDir::new().expect("a folder");
    text(&run(folder.path(), &["record", "--repeat", "2", "-o", "r.json.zst", "--", "true"]));
    let compressed = fs::read(folder.path().join("r.json.zst")).expect("a file");
    assert_eq!(compressed[..4], [0x28, 0xb5, 0x2f, 0xfd], "zstd's magic number");
    let of_compressed = text(&run(folder.path(), &["derive", "r.json.zst"]));

    // zstd(1) reads what we write, and we read what it writes, whatever the file is called.
    if have(&[Need::Tool("zstd")]) {
        let zstd = |arguments: &[&str]| {
            assert!(Command::new("zstd").args(arguments).current_dir(folder.path()).status().expect("zstd").success());
        };
        zstd(&["-q", "-d", "r.json.zst", "-o", "r.json"]);
        assert!(compressed.len() * 4 < fs::read(folder.path().join("r.json")).expect("a file").len());
        assert_eq!(text(&run(folder.path(), &["derive", "r.json"])), of_compressed);
        zstd(&["-q", "-19", "r.json", "-o", "theirs"]);
        assert_eq!(text(&run(folder.path(), &["derive", "theirs"])), of_compressed);
        text(&run(folder.path(), &["compile", "-e", "deny:all", "-e", "allow:read", "--weights", "theirs"]));
    }

    // In a folder they stand beside the others; what is in both is there once.
    fs::create_dir(folder.path().join("seen")).expect("a folder");
    fs::copy(folder.path().join("r.json.zst"), folder.path().join("seen/a.json.zst")).expect("a file");
    text(&run(folder.path(), &["learn", "--into", "seen", "--", "true"]));
    let derived = text(&run(folder.path(), &["derive", "seen", "r.json.zst"]));
    assert!(derived.starts_with("# Derived by callgate from 3 runs of `true`"), "{derived}");

    fs::write(folder.path().join("cut.json.zst"), &compressed[..compressed.len() / 2]).expect("a file");
    let cut = run(folder.path(), &["derive", "cut.json.zst"]);
    assert_eq!(cut.status.code(), Some(2));
    assert!(told(&cut).contains("can't be decompressed"), "{}", told(&cut));
}

#[test]
fn a_recording_says_why_a_call_is_allowed() {
    let folder = TempDir::new().expect("a folder");
    text(&run(folder.path(), &["record", "--repeat", "2", "-o", "r.json", "--", "ls", "/"]));
    let all = text(&run(folder.path(), &["explain", "r.json"]));
    assert!(all.lines().any(|line| line.contains(" openat ") && line.contains("in 2 of 2 runs")), "{all}");
    let why = |arguments: &[&str]| text(&run(folder.path(), &[&["explain", "r.json"], arguments].concat()));

    let openat = why(&["openat", "--args", "all"]);
    assert!(openat.contains("in 2 of 2 runs") && openat.contains("  command    ls /\n"), "{openat}");
    assert!(
        openat.contains("  argument   flags: 0x") && openat.contains("  policy     allow: openat(flags lacks"),
        "{openat}"
    );
    assert!(openat.contains("  because    observed\n"), "{openat}");
    let open = why(&["open"]);
    assert!(open.contains("  recorded   never\n") && open.contains("since glibc 2.26"), "{open}");
    let clone3 = why(&["clone3"]);
    assert!(clone3.contains("  policy     errno(ENOSYS): clone3\n"), "{clone3}");
    let runtime = why(&["capset", "--runtime", "crun"]);
    assert!(runtime.contains("because    crun: "), "{runtime}");

    let json = why(&["read", "--json"]);
    let read: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&read["call"], &read["runs"], &read["of_runs"]), (&"read".into(), &2.into(), &2.into()));
    assert_eq!(read["policy"][0]["statement"], "allow: read");

    let nowhere = run(folder.path(), &["explain", "r.json", "mount"]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", told(&nowhere));
    assert!(told(&nowhere).contains("mount was not recorded"), "{}", told(&nowhere));
    let misspelt = run(folder.path(), &["explain", "r.json", "opennat"]);
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(told(&misspelt).contains("did you mean `openat`?"), "{}", told(&misspelt));
}

/// What holding arguments costs, said where it is chosen.
#[test]
fn a_recording_with_stacks_says_where_a_call_was_made() {
    if !have(&[Need::Root]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    text(&run(folder.path(), &["record", "--stacks", "-o", "r.json", "--", "sleep", "0.3"]));
    let why = text(&run(folder.path(), &["explain", "r.json", "clock_nanosleep"]));
    let frames: Vec<_> = why.lines().filter_map(|line| line.trim_start().strip_prefix("from ")).collect();
    let [innermost, .., outermost] = frames[..] else { panic!("no stack: {why}") };
    assert!(innermost.contains("nanosleep") && innermost.contains("libc"), "{why}");
    assert!(outermost.contains("/sleep+0x"), "{why}");
    let json = text(&run(folder.path(), &["explain", "r.json", "clock_nanosleep", "--json"]));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["first"]["stack"].as_array().map(Vec::len), Some(frames.len()));
    // A profile is the same with them and without.
    let with = text(&run(folder.path(), &["derive", "r.json"]));
    text(&run(folder.path(), &["record", "-o", "without.json", "--", "sleep", "0.3"]));
    assert_eq!(with, text(&run(folder.path(), &["derive", "without.json"])));
    // A test's, too.
    text(&run(folder.path(), &["learn", "--stacks", "--into", "seen", "--", "sleep", "0.3"]));
    assert!(text(&run(folder.path(), &["explain", "seen", "clock_nanosleep"])).contains("/sleep+0x"));

    let other = run(folder.path(), &["record", "--stacks", "--backend", "notify", "-o", "p.json", "--", "true"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(told(&other).contains("notify can't keep stacks"), "{}", told(&other));
    assert!(!folder.path().join("p.json").exists());
}

#[test]
fn the_cost_of_held_arguments_is_said() {
    let folder = TempDir::new().expect("a folder");
    text(&run(folder.path(), &["record", "-o", "r.json", "--", "ls", "/"]));
    let cost = |args: &str| {
        let output = run(folder.path(), &["derive", "r.json", "--args", args, "-o", "p.gate"]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!cost("none").contains("held arguments"));
    let safe = cost("safe");
    assert!(safe.contains("note: held arguments run the filter for ") && safe.contains("mmap "), "{safe}");
    assert!(cost("all").contains("openat "));
    // The older spelling.
    let old = run(folder.path(), &["derive", "r.json", "--arguments"]);
    let new = run(folder.path(), &["derive", "r.json", "--args", "safe"]);
    assert_eq!(text(&old), text(&new));
    assert!(text(&new).contains("mmap(prot lacks"));
}

/// Of a folder of runs or of one, which are the same thing to `--learned`.
#[test]
fn what_was_learned_is_let_through_and_not_counted() {
    let folder = TempDir::new().expect("a folder");
    for _ in 0..2 {
        text(&run(folder.path(), &["learn", "--into", "seen", "--", "mkdir", "-p", "."]));
    }
    text(&run(folder.path(), &["record", "-o", "one.json", "--", "mkdir", "-p", "."]));
    for learned in ["seen", "one.json"] {
        let link = format!("{learned}-link");
        let record = ["record", "--backend", "notify", "--learned", learned, "-o", "r.json"];
        text(&run(folder.path(), &[&record[..], &["--", "ln", "-s", "a", &link]].concat()));
        let recording = fs::read(folder.path().join("r.json")).expect("a file");
        let recording: Value = serde_json::from_slice(&recording).expect("JSON");
        assert_eq!(recording["calls_exact"], false);
        let rows = recording["rows"].as_array().expect("rows").iter();
        let names: Vec<_> = rows.filter_map(|row| row["syscall"].as_str()).collect();
        assert!(names.contains(&"symlinkat") && !names.contains(&"close"), "{learned}: {names:?}");
    }

    // The folder that is learned into: the first run adds all it does, the next what it does besides.
    for (words, calls) in [(&["mkdir", "-p", "."][..], true), (&["ln", "-s", "a", "again"][..], false)] {
        let learn = ["learn", "--backend", "notify", "--only-new", "--into", "new", "--"];
        text(&run(folder.path(), &[&learn[..], words].concat()));
        let why = text(&run(folder.path(), &["explain", "new", "close"]));
        assert!(why.contains(if calls { "in 1 of 1 runs" } else { "in 1 of 2 runs" }), "{why}");
    }
    assert!(text(&run(folder.path(), &["explain", "new", "symlinkat"])).contains("in 1 of 2 runs"));
}

#[test]
fn a_folder_is_explained_whatever_its_files_are_called() {
    let folder = TempDir::new().expect("a folder");
    for word in ["a", "b", "c"] {
        text(&run(folder.path(), &["learn", "--into", "seen", "--", "echo", word]));
    }
    fs::create_dir(folder.path().join("renamed")).expect("a folder");
    let mut names: Vec<_> = fs::read_dir(folder.path().join("seen"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    for (index, path) in names.iter().rev().enumerate() {
        fs::copy(path, folder.path().join(format!("renamed/{index}.json"))).expect("a file");
        // The same run twice is once.
        fs::copy(path, folder.path().join(format!("renamed/{index}-again.json"))).expect("a file");
    }
    let [seen, renamed] = ["seen", "renamed"].map(|place| text(&run(folder.path(), &["explain", place, "--json"])));
    assert!(seen.contains("\"of_runs\":3"), "{seen}");
    assert_eq!(seen, renamed);
}
