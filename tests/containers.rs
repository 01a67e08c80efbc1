//! Real containers, recorded: from outside, by what starts them, and by their runtimes' hooks. What is counted is what the
//! container's filter sees, and what the filter refuses is named with the line to add.

mod containerd;
mod docker;
mod podman;
mod yard;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Need, have, told};
use yard::{Recorder, Yard, name, profile, said, succeeds, until};

/// What runc and crun do between loading the filter and the program, with `no_new_privs`: measured with both runtimes' versions
/// of Debian 12 to 14, and a superset for all of them. Rare calls of runc's Go runtime are in it.
const RUNC_BASELINE: &[&str] = &[
    "close",
    "epoll_ctl",
    "execve",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getdents64",
    "getpid",
    "mmap",
    "openat",
    "openat2",
    "rt_sigreturn",
    "statx",
    "tgkill",
    "write",
];
const CRUN_BASELINE: &[&str] = &["close", "close_range", "execve"];

#[test]
fn what_runc_and_crun_start_is_recorded_from_its_filter_on() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc"), Need::Tool("crun")]) {
        return;
    }
    let yard = Yard::new();
    let bundle =
        yard.bundle("bundle", "mkdir /tmp/new || cat /proc/self/status >/dev/null", Some(&profile("SCMP_ACT_ERRNO")));
    for (runtime, baseline) in [("runc", RUNC_BASELINE), ("crun", CRUN_BASELINE)] {
        let file = format!("{runtime}.json");
        let mut command = yard.callgate();
        command.args(["record", "-o"]).arg(yard.path(&file)).args(["--", runtime, "--root"]).arg(yard.path(runtime));
        let output = command.args(["run", "--bundle"]).arg(&bundle).arg(name(runtime)).output().expect("callgate runs");
        succeeds(&output);
        let recorded = yard.recording(&file);
        recorded.assert_complete().assert_baseline(baseline);
        assert_eq!(recorded.run()["since"], "filter");
        assert_eq!(recorded.denied(), [("mkdir".to_owned(), json!({"errno": 1}), 1)], "{runtime}");
        assert!(said(&output).contains("add: `allow: mkdir`"), "{}", told(&output));
        assert!(said(&output).contains("errno(EPERM)"), "{}", told(&output));
        // Nothing of what sets a container up.
        let names: BTreeSet<_> = recorded.names("exec").union(&recorded.names("run")).copied().collect();
        assert!(["mount", "pivot_root", "unshare", "setns"].iter().all(|name| !names.contains(name)), "{names:?}");
    }
}

#[test]
fn a_container_without_a_profile_has_nothing_to_count_from() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc")]) {
        return;
    }
    let yard = Yard::new();
    let bundle = yard.bundle("bundle", "true", None);
    let mut command = yard.callgate();
    command.args(["record", "-o"]).arg(yard.path("r.json")).args(["--", "runc", "--root"]).arg(yard.path("state"));
    let output = command.args(["run", "--bundle"]).arg(&bundle).arg(name("open")).output().expect("callgate runs");
    succeeds(&output);
    assert!(said(&output).contains("--since start"), "{}", told(&output));
}

#[test]
fn hooks_of_runc_and_crun_record_the_container() {
    if !have(&[Need::Root, Need::Tool("busybox"), Need::Tool("runc"), Need::Tool("crun")]) {
        return;
    }
    let yard = Yard::new();
    let mut config = yard.callgate();
    config.args(["hook", "--print-config=oci", "--into"]).arg(yard.path("recordings"));
    let hooks: Value = serde_json::from_slice(&config.output().expect("callgate runs").stdout).expect("JSON");
    for (runtime, baseline) in [("runc", RUNC_BASELINE), ("crun", CRUN_BASELINE)] {
        // With a profile, calls are counted from the filter on; without one, from the program on.
        for (kind, profile, baseline) in
            [("p", Some(profile("SCMP_ACT_ERRNO")), baseline), ("n", None, &["execve"][..])]
        {
            let bundle = yard.bundle(&format!("{runtime}-{kind}"), "mkdir /tmp/$$ ; id", profile.as_ref());
            let path = bundle.join("config.json");
            let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a config")).expect("JSON");
            config["hooks"] = hooks.clone();
            fs::write(&path, config.to_string()).expect("a file");
            let id = name(&format!("{runtime}-hook-{kind}"));
            let mut command = yard.in_namespace(runtime);
            command.arg("--root").arg(yard.path(runtime)).args(["run", "--bundle"]).arg(&bundle).arg(&id);
            let output = command.output().expect("it runs");
            succeeds(&output);
            let recorded = yard.recording(&format!("recordings/{id}.json"));
            recorded.assert_complete().assert_baseline(baseline);
            assert_eq!(recorded.run()["scope"]["container"], json!(id));
            assert_eq!(recorded.run()["command"], json!(["sh", "-c", "mkdir /tmp/$$ ; id"]));
            let denied = if profile.is_some() { vec!["mkdir".to_owned()] } else { vec![] };
            assert_eq!(recorded.denied().into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), denied, "{id}");
            assert_eq!(recorded.calls("run", "mkdir"), u64::from(profile.is_none()), "{id}");
            assert!(recorded.calls("run", "getuid") > 0, "{id}");
        }
    }
    let left: Vec<_> =
        fs::read_dir(yard.path("recordings")).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(left.len(), 4, "recordings and nothing else: {left:?}");
}

#[test]
fn a_hook_that_is_not_called_by_a_runtime_says_how() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callgate"));
    let output = command.args(["hook", "--into", "/nowhere"]).stdin(Stdio::null()).output().expect("callgate runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--print-config"), "{}", told(&output));
}

#[test]
fn a_recorder_that_is_killed_leaves_the_last_checkpoint() {
    if !have(&[Need::Root]) {
        return;
    }
    let yard = Yard::empty();
    // Nothing that stays may hold the pipe that the recorder's words are read from.
    let script = "echo; exec sleep 30 >/dev/null 2>&1";
    let recorder = Recorder::start(&yard, "r.json", &["--", "sh", "-c", script]);
    until("the shell's echo", || (yard.recording("r.json").calls("run", "write") > 0).then_some(()));
    // The namespace's shell has become callgate.
    let killed = Command::new("kill").args(["-9", &recorder.process.id().to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    recorder.finish();
    let recorded = yard.recording("r.json");
    assert_eq!((&recorded.0["complete"], &recorded.run()["in_progress"]), (&json!(false), &json!(true)));
    assert!(recorded.calls("run", "write") > 0, "{}", recorded.0);
    let output = Command::new(env!("CARGO_BIN_EXE_callgate")).arg("derive").arg(yard.path("r.json")).output();
    let output = output.expect("callgate runs");
    assert_eq!(output.status.code(), Some(2), "nothing is derived from it: {}", told(&output));
}

#[test]
fn a_signal_says_that_it_serves_and_another_that_it_is_over() {
    if !have(&[Need::Root]) {
        return;
    }
    let yard = Yard::empty();
    let script = "echo ready; read line; pwd >/dev/null; umask 077; read line";
    let mut shell =
        Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
    let mut line = String::new();
    BufReader::new(shell.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let recorder = Recorder::start(&yard, "r.json", &["--pid", &shell.id().to_string()]);
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &recorder.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
    };
    signal("-USR1");
    until("serving", || yard.recording("r.json").run()["serving_after"].as_u64());
    let mut input = shell.stdin.take().expect("a pipe");
    input.write_all(b"go on\n").expect("written");
    until("umask", || (yard.recording("r.json").calls("serving", "umask") > 0).then_some(()));
    signal("-TERM");
    succeeds(&recorder.finish());
    drop(input);
    shell.wait().expect("a child");
    let recorded = yard.recording("r.json");
    recorded.assert_complete();
    assert_eq!((&recorded.run()["ended"], &recorded.run()["still_running"]), (&json!("stopped"), &json!(1)));
    assert_eq!(recorded.calls("run", "umask"), 0);
}
