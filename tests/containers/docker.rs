//! Docker's containers: looked at from outside, by what starts them, in the runtime's place; and the circle closed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::yard::{MORE, Recorded, Recorder, STARTS, WORK, Yard, learned_profile, name, said, succeeds, until};
use crate::support::{Need, have, told, tool};

/// A dockerd of this test alone.
struct Docker {
    daemon: Child,
    socket: String,
}

impl Docker {
    fn start(yard: &Yard) -> Self {
        let socket = format!("unix://{}", yard.path("docker.sock").display());
        let config = json!({"runtimes": {
            "crun": {"path": tool("crun")},
            "callgate": {
                "path": env!("CARGO_BIN_EXE_callgate"),
                "runtimeArgs": ["hook", "--runtime", "runc", "--into", yard.path("recordings")],
            },
        }});
        yard.write("daemon.json", &config);
        let mut command = yard.in_namespace("dockerd");
        command.arg("--config-file").arg(yard.path("daemon.json"));
        command.arg("--data-root").arg(yard.path("data")).arg("--exec-root").arg(yard.path("exec"));
        command.arg("--pidfile").arg(yard.path("docker.pid")).args(["-H", &socket, "--log-level=error"]);
        command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]);
        command.args(["--exec-opt", "native.cgroupdriver=cgroupfs"]);
        let log = fs::File::create(yard.path("dockerd.log")).expect("a file");
        let daemon = command.stdout(Stdio::null()).stderr(log).spawn().expect("dockerd starts");
        let docker = Self { daemon, socket };
        until("dockerd", || docker.command(&["version"]).output().ok().filter(|output| output.status.success()));
        let image = yard.path("image.tar");
        let tar = Command::new("tar").arg("-C").arg(yard.path("rootfs")).arg("-cf").arg(&image).arg(".").status();
        assert!(tar.is_ok_and(|status| status.success()));
        succeeds(&docker.command(&["import", &image.display().to_string(), "image:1"]).output().expect("docker runs"));
        docker
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool("docker").expect("docker"));
        command.args(["--host", &self.socket]).args(arguments).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("docker runs");
        succeeds(&output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A container that goes on until it is removed.
    #[track_caller]
    fn start_container(&self, name: &str, profile: &Path, script: &str) -> String {
        let security = format!("seccomp={}", profile.display());
        self.run(&[
            "run",
            "-d",
            "--network=none",
            "--name",
            name,
            "--security-opt",
            &security,
            "image:1",
            "sh",
            "-c",
            script,
        ])
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Ok(output) = self.command(&["ps", "-aq"]).output() {
            for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                let _ = self.command(&["rm", "-f", id]).output();
            }
        }
        // The namespace's shell has become dockerd.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
    }
}

fn have_docker() -> bool {
    have(&[
        Need::Root,
        Need::Tool("busybox"),
        Need::Tool("dockerd"),
        Need::Tool("docker"),
        Need::Tool("runc"),
        Need::Tool("crun"),
    ])
}

#[test]
fn dockers_containers_are_recorded_whoever_looks() {
    if !have_docker() {
        return;
    }
    let yard = Yard::new();
    let docker = Docker::start(&yard);

    // A container that fails under its profile, looked at from outside: by its id, its exec'ed processes with it.
    let failing = "while true; do mkdir /tmp/new 2>/dev/null; sleep 0.05; done";
    let container = name("failing");
    let id = docker.start_container(&container, &yard.path("deny.json"), failing);
    let recorder = Recorder::start(&yard, "running.json", &["--container", &id[..12]]);
    docker.run(&["exec", &container, "id"]);
    let refused = docker.command(&["exec", &container, "mkdir", "/tmp/other"]).output().expect("docker runs");
    assert!(!refused.status.success(), "{}", told(&refused));
    docker.run(&["rm", "-f", &container]);
    let output = recorder.finish();
    succeeds(&output);
    let recorded = yard.recording("running.json");
    recorded.assert_complete().assert_whole_container(&id, 2);
    assert!(recorded.names("exec").contains("capset"), "runc's own, before the program");
    assert!(said(&output).contains("add: `allow: mkdir`"), "{}", told(&output));

    // By the name that docker knows, for a while: long enough for health checks, which are all that happens.
    let container = name("named");
    let check = ["--health-cmd=id", "--health-interval=200ms", "image:1", "sleep", "60"];
    let id = docker.run(&[&["run", "-d", "--network=none", "--name", &container], &check[..]].concat());
    let mut command = yard.callgate();
    command.env("DOCKER_HOST", &docker.socket).args(["record", "--duration", "3", "-o"]).arg(yard.path("named.json"));
    succeeds(&command.args(["--container", &container]).output().expect("callgate runs"));
    let recorded = yard.recording("named.json");
    recorded.assert_complete();
    assert_eq!((&recorded.run()["scope"]["container"], &recorded.run()["ended"]), (&json!(id), &json!("stopped")));
    assert!(recorded.run()["still_running"].as_u64() >= Some(1), "{}", recorded.0);
    assert!(recorded.calls("exec", "execve") > 0 && recorded.calls("run", "getuid") > 0, "{}", recorded.0);
    docker.run(&["rm", "-f", &container]);

    // What `docker run` starts, though the daemon is its parent; kills are seen.
    for (profile, verdict) in [("deny.json", json!({"errno": 1})), ("kill.json", json!("kill"))] {
        let security = format!("seccomp={}", yard.path(profile).display());
        let mut command = yard.callgate();
        command.args(["record", "-o"]).arg(yard.path("run.json")).arg("--").arg(tool("docker").expect("docker"));
        command.args([
            "--host",
            &docker.socket,
            "run",
            "--rm",
            "--network=none",
            "--security-opt",
            &security,
            "image:1",
        ]);
        succeeds(&command.args(["sh", "-c", "mkdir /tmp/new; id"]).output().expect("callgate runs"));
        let recorded = yard.recording("run.json");
        recorded.assert_complete();
        assert_eq!(recorded.denied(), [("mkdir".to_owned(), verdict, 1)]);
        assert!(recorded.calls("run", "getuid") > 0 && recorded.names("exec").contains("capset"));
        assert!(!recorded.names("run").contains("connect"), "nothing of the client's");
    }

    // The circle: what was recorded is enough to start, again and again, and for `docker exec`; and no more than that.
    let mut command = yard.callgate();
    command.args(["record", "--repeat", "3", "-o"]).arg(yard.path("work.json")).arg("--");
    command.arg(tool("docker").expect("docker")).args(["--host", &docker.socket, "run", "--rm", "--network=none"]);
    succeeds(&command.args(["image:1", "sh", "-c", WORK]).output().expect("callgate runs"));
    let profile = learned_profile(&yard, "work.json", "runc");
    let security = format!("seccomp={}", profile.display());
    let run = ["run", "--rm", "--network=none", "--security-opt", &security, "image:1", "sh", "-c"];
    for _ in 0..STARTS {
        assert!(docker.run(&[&run[..], &[WORK]].concat()).ends_with("done"));
    }
    let refused = docker.command(&[&run[..], &[MORE]].concat()).output().expect("docker runs");
    assert!(!refused.status.success() && said(&refused).contains("Operation not permitted"), "{}", told(&refused));
    let container = name("learned");
    docker.start_container(&container, &profile, "sleep 60");
    assert!(docker.run(&["exec", &container, "sh", "-c", WORK]).ends_with("done"));

    // In the runtime's place.
    docker.run(&["run", "--rm", "--network=none", "--runtime=callgate", "image:1", "id"]);
    let files: Vec<_> =
        fs::read_dir(yard.path("recordings")).expect("recordings").flatten().map(|entry| entry.path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = fs::read_to_string(file).expect("a recording");
    let recorded = Recorded(serde_json::from_str(&text).expect("JSON"));
    recorded.assert_complete();
    assert!(recorded.calls("run", "getuid") > 0 && recorded.names("exec").contains("capset"), "{text}");
}
