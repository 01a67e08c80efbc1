//! What is derived from recordings starts every time: real programs under runc and crun, while both processors are busy, as
//! root and as another user, with and without `no_new_privileges`.
//!
//! `CALLGATE_STARTS=100` starts each a hundred times; without it, often enough to notice what never starts.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, available_parallelism, spawn};

use serde_json::Value;
use tempfile::TempDir;

use crate::bundle::{Bundle, Setting};
use crate::programs::nginx::pid;
use crate::programs::{End, Program, go, jvm, nginx, node, python, redis};
use crate::support::{Need, callgate, have, told};

/// How often each is recorded: what is left to chance differs from run to run.
const RECORDED: &str = "3";

fn starts() -> usize {
    std::env::var("CALLGATE_STARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Keeps every processor busy until it is dropped.
struct Load {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn new() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let count = available_parallelism().map_or(1, std::num::NonZero::get);
        let busy = |over: Arc<AtomicBool>| move || while !over.load(Ordering::Relaxed) {};
        Self { threads: (0..count).map(|_| spawn(busy(Arc::clone(&over)))).collect(), over }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawned(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Records the program at work. A server is recorded as often by starting it as often.
fn record(program: &Program, folder: &Path) -> Vec<String> {
    let alone = program.end == End::Itself && program.name != "redis";
    let times = if alone { 1 } else { RECORDED.parse().expect("a number") };
    let mut recordings = Vec::new();
    for time in 0..times {
        let recording = folder.join(format!("recording-{time}.json"));
        let mut command = callgate();
        command.args(["record", "-o"]).arg(&recording);
        if alone {
            command.args(["--repeat", RECORDED]);
        }
        let mut child = spawned(command.arg("--").args(&program.arguments));
        program.drive(&mut child);
        if let End::Signal(signal) = program.end {
            assert!(
                Command::new("kill").args([&format!("-{signal}"), &pid(folder)]).status().expect("kill runs").success()
            );
        }
        let output = child.wait_with_output().expect("a child");
        assert!(output.status.success(), "{}", told(&output));
        recordings.push(recording.display().to_string());
    }
    recordings
}

/// Takes away what runs leave behind: it belongs to the user they ran as.
fn clear(folder: &Path) {
    for left in ["pid", "access", "dump.rdb", "client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = fs::remove_file(folder.join(left));
        let _ = fs::remove_dir_all(folder.join(left));
    }
}

fn starts_every_time(prepare: fn(&Path) -> Program, tools: &[&str]) {
    let tools: Vec<_> = ["runc", "crun", "unshare"].iter().chain(tools).map(|tool| Need::Tool(tool)).collect();
    if !have(&[Need::Root]) || !have(&tools) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let place = folder.path();
    fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("permissions");
    let program = prepare(place);
    let recordings = record(&program, place);
    clear(place);
    let load = Load::new();
    let arguments: Vec<_> = program.arguments.iter().map(String::as_str).collect();
    let mut told_all = Vec::new();
    for runtime in ["runc", "crun"] {
        let derived = callgate().arg("derive").args(&recordings).args(["--to", "oci", "--runtime", runtime]).output();
        let derived = derived.expect("callgate runs");
        assert!(derived.status.success(), "{}", told(&derived));
        let profile: Value = serde_json::from_slice(&derived.stdout).expect("JSON");
        for (uid, no_new_privileges) in [(0, false), (0, true), (1000, false), (1000, true)] {
            let setting = Setting { runtime, uid, no_new_privileges };
            let mut bundle = Bundle::of(setting, &profile, &arguments, place);
            let mut failed = 0;
            let mut said = String::new();
            for _ in 0..starts() {
                let mut child = spawned(&mut bundle.command());
                program.drive(&mut child);
                if let End::Signal(signal) = program.end {
                    bundle.signal(signal);
                }
                let output = child.wait_with_output().expect("a child");
                if !output.status.success() {
                    failed += 1;
                    said = told(&output);
                }
            }
            clear(place);
            eprintln!("{}: {setting:?}: {} of {} start", program.name, starts() - failed, starts());
            if failed > 0 {
                told_all.push(format!("{setting:?}: {failed} of {} don't start: {said}", starts()));
            }
        }
    }
    drop(load);
    assert!(told_all.is_empty(), "{}: {}", program.name, told_all.join("\n"));
}

#[test]
fn nginx_starts() {
    starts_every_time(nginx, &["nginx"]);
}

#[test]
fn redis_starts() {
    starts_every_time(redis, &["redis-server"]);
}

#[test]
fn python_starts() {
    starts_every_time(python, &["python3"]);
}

#[test]
fn node_starts() {
    starts_every_time(node, &["node"]);
}

#[test]
fn go_starts() {
    starts_every_time(go, &["go"]);
}

#[test]
fn the_jvm_starts() {
    starts_every_time(jvm, &["java", "javac"]);
}
