//! containerd's containers, started by its own client: known by their id.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::yard::{Recorder, Yard, name, said, succeeds, until};
use crate::support::{Need, have, told};

/// A containerd of this test alone, without images: a container's files are in a folder.
struct Containerd {
    daemon: Child,
    socket: PathBuf,
}

impl Containerd {
    fn start(yard: &Yard) -> Self {
        let (socket, config) = (yard.path("c.sock"), yard.path("containerd.toml"));
        let text = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {socket:?}\n",
            yard.path("root"),
            yard.path("state"),
        );
        fs::write(&config, text).expect("a file");
        let mut command = yard.in_namespace("containerd");
        let log = fs::File::create(yard.path("containerd.log")).expect("a file");
        let daemon =
            command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(log).spawn().expect("containerd starts");
        let containerd = Self { daemon, socket };
        until("containerd", || containerd.command(&["version"]).output().ok().filter(|output| output.status.success()));
        containerd
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&self.socket).args(arguments).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) {
        succeeds(&self.command(arguments).output().expect("ctr runs"));
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

#[test]
fn containerds_containers_are_recorded_by_their_id() {
    let tools = ["busybox", "containerd", "ctr", "runc"].map(Need::Tool);
    if !have(&[Need::Root]) || !have(&tools) {
        return;
    }
    let yard = Yard::new();
    let containerd = Containerd::start(&yard);
    let (id, profile) = (name("ctr"), yard.path("deny.json").display().to_string());
    let rootfs = yard.path("rootfs").display().to_string();
    let failing = "export PATH=/bin; while true; do mkdir /tmp/new 2>/dev/null; sleep 0.05; done";
    let run =
        ["run", "-d", "--seccomp", "--seccomp-profile", &profile, "--rootfs", &rootfs, &id, "/bin/sh", "-c", failing];
    containerd.run(&run);
    let recorder = Recorder::start(&yard, "running.json", &["--stacks", "--container", &id]);
    containerd.run(&["task", "exec", "--exec-id", "one", &id, "/bin/id"]);
    containerd.run(&["task", "kill", "--signal", "SIGKILL", &id]);
    let output = recorder.finish();
    containerd.run(&["container", "rm", &id]);
    succeeds(&output);
    let recorded = yard.recording("running.json");
    recorded.assert_complete().assert_whole_container(&id, 1);
    assert!(said(&output).contains("add: `allow: mkdir`"), "{}", told(&output));
    // The program's file is the container's, wherever its folder is.
    let rows = recorded.run()["rows"].as_array().expect("rows");
    let stack = rows.iter().find(|row| row["syscall"] == "wait4").map(|row| &row["first"]["stack"]);
    let frames = stack.and_then(serde_json::Value::as_array).expect("a stack");
    assert!(
        frames.iter().any(|frame| frame.as_str().is_some_and(|frame| frame.contains("(/bin/busybox+0x"))),
        "{frames:?}"
    );
}
