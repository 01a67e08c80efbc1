//! The circle by way of the clients people use: recorded on the host, enforced by `--security-opt seccomp=` of podman and
//! docker, over crun and runc, and in what is `exec`ed into the container.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use crate::clients::{Client, Kind};
use crate::support::{Need, callgate, have, told, tool};

/// With busybox the host's program is the image's: nothing is linked in, so both make the same calls.
const WORK: &str =
    "file=/tmp/file-of-test.$$; echo one > $file && cat $file && rm $file && id -u && sleep 0 && echo done";

fn needs() -> bool {
    let tools = ["podman", "docker", "dockerd", "runc", "crun", "busybox", "unshare", "tar"];
    let tools = tools.map(Need::Tool);
    have(&[Need::Root]) && have(&tools)
}

/// Records the work on the host, and writes the profile that a container needs for it.
fn learn(folder: &Path, work: &str, runtime: &str) -> PathBuf {
    let recording = folder.join("recording.json");
    let busybox = tool("busybox").expect("busybox");
    let output = callgate()
        .args(["record", "-o"])
        .arg(&recording)
        .arg("--")
        .arg(busybox)
        .args(["sh", "-c", work])
        .stdin(Stdio::null())
        .output()
        .expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    let profile = folder.join(format!("{runtime}.json"));
    let output = callgate()
        .arg("derive")
        .arg(&recording)
        .args(["--to", "docker", "--runtime", runtime, "-o"])
        .arg(&profile)
        .output()
        .expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    profile
}

/// How often each container is started.
fn starts() -> usize {
    std::env::var("CALLGATE_STARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

fn closes(kind: Kind, runtime: &'static str) {
    if !needs() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let profile = learn(folder.path(), WORK, runtime);
    let client = Client::new(kind, runtime);
    let options: [&[&str]; 2] = [&["--rm"], &["--rm", "--security-opt", "no-new-privileges"]];
    for options in options {
        for start in 0..starts() {
            let output = client.run(&profile, options).args(["sh", "-c", WORK]).output().expect("the client runs");
            assert!(output.status.success(), "start {start}: {}", told(&output));
            assert!(String::from_utf8_lossy(&output.stdout).contains("done"), "start {start}: {}", told(&output));
        }
    }
    let output =
        client.run(&profile, &["--rm"]).args(["sh", "-c", "mkdir /tmp/new"]).output().expect("the client runs");
    assert!(!output.status.success(), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Operation not permitted"), "{}", told(&output));

    // What is executed in it stands under the same filter, and has to get past the runtime's own start once more.
    let mut command = client.run(&profile, &["-d", "--name", "long"]);
    let output = command.args(["sh", "-c", "while true; do sleep 1; done"]).output().expect("the client runs");
    assert!(output.status.success(), "{}", told(&output));
    for start in 0..starts() {
        let said = client.does(&["exec", "long", "sh", "-c", WORK]);
        assert!(said.ends_with("done"), "exec {start}: {said}");
    }
    let output = client.command().args(["exec", "long", "mkdir", "/tmp/new"]).output().expect("the client runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Operation not permitted"), "{}", told(&output));
    client.does(&["rm", "-f", "long"]);
}

#[test]
fn podman_over_crun() {
    closes(Kind::Podman, "crun");
}

#[test]
fn podman_over_runc() {
    closes(Kind::Podman, "runc");
}

#[test]
fn docker_over_runc() {
    closes(Kind::Docker, "runc");
}

#[test]
fn docker_over_crun() {
    closes(Kind::Docker, "crun");
}
