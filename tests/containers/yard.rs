//! What the tests of containers share: a folder with an image and profiles, recordings and recorders.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{told, tool};

/// A machine's worth of containers in a folder: an image's files, profiles, and where the recordings go.
pub(super) struct Yard {
    folder: TempDir,
}

impl Yard {
    /// Without an image and profiles.
    pub(super) fn empty() -> Self {
        let yard = Self { folder: TempDir::new().expect("a folder") };
        fs::write(yard.path("empty"), "").expect("a file");
        yard
    }

    pub(super) fn new() -> Self {
        let Self { folder } = Self::empty();
        let bin = folder.path().join("rootfs/bin");
        for name in ["bin", "tmp", "proc", "dev", "sys", "etc"] {
            fs::create_dir_all(folder.path().join("rootfs").join(name)).expect("a folder");
        }
        fs::copy(tool("busybox").expect("busybox"), bin.join("busybox")).expect("a copy");
        for name in ["sh", "sleep", "mkdir", "true", "cat", "id", "ls"] {
            symlink("busybox", bin.join(name)).expect("a link");
        }
        let yard = Self { folder };
        yard.write("deny.json", &profile("SCMP_ACT_ERRNO"));
        yard.write("kill.json", &profile("SCMP_ACT_KILL_PROCESS"));
        yard
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).expect("a file");
    }

    /// A command in a mount namespace where the host's two cgroup hierarchies look as engines want them: crun refuses a
    /// cgroup2 with controllers beside the older hierarchies.
    pub(super) fn in_namespace(&self, program: &str) -> Command {
        let script = "f=/sys/fs/cgroup/unified/cgroup.controllers; [ ! -e $f ] || mount --bind \"$0\" $f; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", script]).arg(self.path("empty")).arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// callgate, in there too.
    pub(super) fn callgate(&self) -> Command {
        self.in_namespace(env!("CARGO_BIN_EXE_callgate"))
    }

    /// A bundle whose program is `script`.
    pub(super) fn bundle(&self, name: &str, script: &str, profile: Option<&Value>) -> PathBuf {
        let bundle = self.path(name);
        fs::create_dir_all(&bundle).expect("a folder");
        let output = Command::new("runc").args(["spec", "--bundle"]).arg(&bundle).output().expect("runc runs");
        assert!(output.status.success(), "{}", told(&output));
        let path = bundle.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("a config")).expect("JSON");
        config["process"]["args"] = json!(["sh", "-c", script]);
        config["process"]["terminal"] = json!(false);
        config["root"]["path"] = json!(self.path("rootfs"));
        config["root"]["readonly"] = json!(false);
        config["linux"]["seccomp"] = profile.cloned().unwrap_or(Value::Null);
        config["linux"].as_object_mut().expect("an object").remove("resources");
        fs::write(&path, config.to_string()).expect("a file");
        bundle
    }

    pub(super) fn recording(&self, name: &str) -> Recorded {
        let text = fs::read_to_string(self.path(name)).expect("a recording");
        Recorded(serde_json::from_str(&text).expect("JSON"))
    }
}

/// Allows everything but mkdir, so that a filter is there and what it doesn't name is seen.
pub(super) fn profile(action: &str) -> Value {
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": action}]})
}

/// A name that no other test's container has: runtimes name cgroups by it.
pub(super) fn name(what: &str) -> String {
    format!("callgate-{what}-{}", std::process::id())
}

pub(super) struct Recorded(pub(super) Value);

impl Recorded {
    pub(super) fn run(&self) -> &Value {
        &self.0["runs"][0]
    }

    #[track_caller]
    pub(super) fn assert_complete(&self) -> &Self {
        assert_eq!(
            (&self.0["complete"], &self.0["runs"].as_array().map(Vec::len)),
            (&json!(true), &Some(1)),
            "{}",
            self.0
        );
        self
    }

    /// Of a container from its filter to its end, in which `id` was exec'ed, and so many programs in all.
    #[track_caller]
    pub(super) fn assert_whole_container(&self, id: &str, execs: u64) {
        assert_eq!(self.run()["scope"]["container"], json!(id));
        assert_eq!((&self.run()["since"], &self.run()["ended"]), (&json!("filter"), &json!("scope ended")));
        assert!(self.calls("run", "getuid") > 0, "id's");
        assert_eq!(self.calls("exec", "execve"), execs, "what was exec'ed");
    }

    pub(super) fn names(&self, phase: &str) -> BTreeSet<&str> {
        let rows = self.run()["rows"].as_array().expect("rows").iter();
        rows.filter(|row| row["phase"] == phase).map(|row| row["syscall"].as_str().expect("a name")).collect()
    }

    pub(super) fn calls(&self, phase: &str, name: &str) -> u64 {
        let rows = self.run()["rows"].as_array().expect("rows").iter();
        let wanted = rows.filter(|row| row["phase"] == phase && row["syscall"] == name);
        wanted.map(|row| row["calls"].as_u64().expect("a count")).sum()
    }

    /// Name, verdict and count of what was refused.
    pub(super) fn denied(&self) -> Vec<(String, Value, u64)> {
        let rows = self.run()["denied"].as_array().cloned().unwrap_or_default();
        let denied = |row: Value| {
            let name = row["syscall"].as_str().expect("a name").to_owned();
            (name, row["verdict"].clone(), row["calls"].as_u64().expect("a count"))
        };
        rows.into_iter().map(denied).collect()
    }

    #[track_caller]
    pub(super) fn assert_baseline(&self, known: &[&str]) -> &Self {
        let seen = self.names("exec");
        assert!(seen.contains("execve"), "{seen:?}");
        let more: Vec<_> = seen.iter().filter(|name| !known.contains(name)).collect();
        assert!(more.is_empty(), "after the filter and before the program: {more:?}");
        self
    }
}

#[track_caller]
pub(super) fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", told(output));
}

/// How often a container is started under what was learned of it.
pub(super) const STARTS: usize = 10;
/// What is learned: programs, a pipe, a wait. And with it, what isn't.
pub(super) const WORK: &str = "id | cat; ls / >/dev/null; sleep 0.01; echo done";
pub(super) const MORE: &str = "echo done; mkdir /tmp/new";

/// A profile learned from recordings of containers of a runtime, for engines' `--security-opt seccomp=`.
#[track_caller]
pub(super) fn learned_profile(yard: &Yard, recording: &str, runtime: &str) -> PathBuf {
    let profile = yard.path(&format!("{recording}.profile"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_callgate"));
    command.arg("derive").arg(yard.path(recording)).args(["--runtime", runtime, "--to", "docker", "-o"]).arg(&profile);
    succeeds(&command.output().expect("callgate runs"));
    profile
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until something is there.
#[track_caller]
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not in a minute");
        sleep(Duration::from_millis(20));
    }
}

/// A recorder that says when nothing is missed any more.
pub(super) struct Recorder {
    pub(super) process: Child,
}

impl Recorder {
    /// Starts `callgate record` with these arguments, and waits until it has attached: then the first checkpoint is there.
    pub(super) fn start(yard: &Yard, into: &str, arguments: &[&str]) -> Self {
        let mut command = yard.callgate();
        command.args(["record", "--checkpoint", "0.1", "-o"]).arg(yard.path(into)).args(arguments);
        let mut process = command.stderr(Stdio::piped()).spawn().expect("callgate runs");
        until("the first checkpoint", || {
            assert!(process.try_wait().expect("a child").is_none(), "the recorder has ended");
            fs::metadata(yard.path(into)).ok()
        });
        Self { process }
    }

    /// Waits for its end; what it said.
    pub(super) fn finish(self) -> Output {
        self.process.wait_with_output().expect("a child")
    }
}
