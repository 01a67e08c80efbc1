//! The circle: record a real program, derive, run the same work under `callgate run` and in a runc bundle with the
//! exported profile, twenty times each. It works, and a call outside the profile is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::bundle::Bundle;
use crate::programs::nginx::pid;
use crate::programs::{nginx, python};
use crate::support::{Need, callgate, have, told, tool};

const STARTS: usize = 20;

/// A folder that the host and the container know by the same path, with what was learned in it.
struct Learned {
    folder: TempDir,
    recording: PathBuf,
}

impl Learned {
    fn from(arguments: &[&str], folder: TempDir) -> Self {
        let recording = folder.path().join("recording.json");
        let output = callgate()
            .args(["record", "-o"])
            .arg(&recording)
            .arg("--")
            .args(arguments)
            .output()
            .expect("callgate runs");
        assert!(output.status.success(), "{}", told(&output));
        let learned = Self { folder, recording };
        learned.is_complete();
        learned
    }

    fn is_complete(&self) {
        let recording: Value =
            serde_json::from_str(&fs::read_to_string(&self.recording).expect("a recording")).expect("JSON");
        assert_eq!(recording["complete"], true, "{recording}");
        assert_eq!(recording["runs"][0]["backend"], "ebpf", "root has the rights for eBPF");
    }

    /// The policy, as text.
    fn gate(&self, options: &[&str]) -> PathBuf {
        self.derive("gate", options)
    }

    /// The profile for runc's `linux.seccomp`, with runc's own needs.
    fn oci(&self, options: &[&str]) -> Value {
        let path = self.derive("oci", &[options, &["--runtime", "runc"]].concat());
        serde_json::from_str(&fs::read_to_string(path).expect("a profile")).expect("JSON")
    }

    fn derive(&self, format: &str, options: &[&str]) -> PathBuf {
        let path = self.folder.path().join(format!("derived.{format}"));
        let output = callgate()
            .arg("derive")
            .arg(&self.recording)
            .args(["--to", format, "-o"])
            .arg(&path)
            .args(options)
            .output()
            .expect("callgate runs");
        assert!(output.status.success(), "{}", told(&output));
        path
    }
}

fn under(gate: &Path, arguments: &[&str]) -> Output {
    callgate().arg("run").arg(gate).arg("--").args(arguments).stdin(Stdio::null()).output().expect("callgate runs")
}

#[track_caller]
fn works(output: &Output, start: usize, said: &str) {
    assert!(output.status.success(), "start {start}: {}", told(output));
    assert!(String::from_utf8_lossy(&output.stdout).contains(said), "start {start}: {}", told(output));
}

#[track_caller]
fn is_refused(output: &Output) {
    let told = told(output);
    assert!(told.contains("Operation not permitted"), "{told}");
}

#[test]
fn coreutils() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("ls")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let shell = tool("sh").expect("a shell").display().to_string();
    let work = "ls -l /etc/passwd && sort /etc/passwd | head -n 1 && cp /etc/passwd \"$0\"/copy && rm \"$0\"/copy && echo done";
    let place = folder.path().display().to_string();
    let arguments = [shell.as_str(), "-c", work, &place];
    let learned = Learned::from(&arguments, folder);

    let gate = learned.gate(&[]);
    let mut bundle = Bundle::new(&learned.oci(&[]), &arguments, learned.folder.path());
    for start in 0..STARTS {
        works(&under(&gate, &arguments), start, "done");
        works(&bundle.run(), start, "done");
    }

    let outside = [shell.as_str(), "-c", "ls -l /etc/passwd && mkdir \"$0\"/new", &place];
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&learned.oci(&[]), &outside, learned.folder.path()).run());
    assert!(!learned.folder.path().join("new").exists());
}

#[test]
fn a_python_script() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("python3")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let program = python(folder.path());
    let arguments: Vec<_> = program.arguments.iter().map(String::as_str).collect();
    let learned = Learned::from(&arguments, folder);

    // With the arguments: the script opens AF_INET sockets, so the name alone would let AF_NETLINK through.
    let gate = learned.gate(&["--arguments"]);
    let profile = learned.oci(&["--arguments"]);
    let mut bundle = Bundle::new(&profile, &arguments, learned.folder.path());
    for start in 0..STARTS {
        works(&under(&gate, &arguments), start, "done");
        works(&bundle.run(), start, "done");
    }

    let outside = [&arguments[..], &["outside"]].concat();
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&profile, &outside, learned.folder.path()).run());
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[track_caller]
fn ends_well(server: Child, start: usize) {
    let output = server.wait_with_output().expect("a child");
    assert!(output.status.success(), "start {start}: {}", told(&output));
}

#[test]
fn nginx_under_requests() {
    if !have(&[Need::Root, Need::Tool("runc"), Need::Tool("nginx")]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let nginx = nginx(folder.path());

    let recording = folder.path().join("recording.json");
    let mut command = callgate();
    command.args(["record", "-o"]).arg(&recording).arg("--").args(&nginx.arguments);
    let mut server = start(command);
    nginx.drive(&mut server);
    assert!(Command::new("kill").args(["-QUIT", &pid(folder.path())]).status().expect("kill runs").success());
    ends_well(server, 0);
    let learned = Learned { folder, recording };
    learned.is_complete();

    let gate = learned.gate(&[]);
    let arguments: Vec<_> = nginx.arguments.iter().map(String::as_str).collect();
    let mut bundle = Bundle::new(&learned.oci(&[]), &arguments, learned.folder.path());
    for attempt in 0..STARTS {
        let mut command = callgate();
        command.arg("run").arg(&gate).arg("--").args(&arguments);
        let mut server = start(command);
        nginx.drive(&mut server);
        assert!(Command::new("kill").args(["-QUIT", &server.id().to_string()]).status().expect("kill runs").success());
        ends_well(server, attempt);

        let mut server = start(bundle.command());
        nginx.drive(&mut server);
        bundle.signal("QUIT");
        ends_well(server, attempt);
    }

    // nginx makes folders itself; it never makes a symbolic link.
    let link = tool("ln").expect("ln").display().to_string();
    let new = learned.folder.path().join("new").display().to_string();
    let outside = [link.as_str(), "-s", "target", &new];
    is_refused(&under(&gate, &outside));
    is_refused(&Bundle::new(&learned.oci(&[]), &outside, learned.folder.path()).run());
    assert!(fs::symlink_metadata(&new).is_err());
}
