//! A bundle for runc or crun that sees the host's programs read-only, so that a profile learned on the host fits.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::told;

/// Containers started by this process. Runtimes name cgroups by the container, whatever bundle it comes from.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Who starts a container, and as whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// `runc` or `crun`.
    pub(crate) runtime: &'static str,
    pub(crate) uid: u32,
    pub(crate) no_new_privileges: bool,
}

/// runc's own default.
pub(crate) const ROOT_BY_RUNC: Setting = Setting { runtime: "runc", uid: 0, no_new_privileges: false };

/// An OCI bundle and the runtime's state, in a folder of their own.
pub(crate) struct Bundle {
    folder: TempDir,
    runtime: &'static str,
    /// The container started last.
    name: String,
}

impl Bundle {
    /// A container that runs `arguments` under `profile` (an OCI `linux.seccomp` object), with `shared` mounted at its
    /// own path, writable.
    pub(crate) fn new(profile: &Value, arguments: &[&str], shared: &Path) -> Self {
        Self::of(ROOT_BY_RUNC, profile, arguments, shared)
    }

    /// As [`Bundle::new`], in another setting.
    pub(crate) fn of(setting: Setting, profile: &Value, arguments: &[&str], shared: &Path) -> Self {
        let folder = TempDir::new().expect("a folder");
        let rootfs = folder.path().join("rootfs");
        fs::create_dir_all(&rootfs).expect("a folder");
        let mut mounts = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755", "size=64k"]}),
            bind(Path::new("/usr"), "ro"),
            bind(Path::new("/etc"), "ro"),
            bind(shared, "rw"),
        ];
        for name in ["bin", "sbin", "lib", "lib64", "lib32"] {
            if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
                symlink(target, rootfs.join(name)).expect("a link");
            } else if Path::new("/").join(name).is_dir() {
                mounts.push(bind(&Path::new("/").join(name), "ro"));
            }
        }
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": false,
                "user": {"uid": setting.uid, "gid": setting.uid},
                "noNewPrivileges": setting.no_new_privileges,
                "args": arguments,
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"],
                "cwd": "/",
                "capabilities": capabilities(),
            },
            "root": {"path": "rootfs", "readonly": false},
            "mounts": mounts,
            "linux": {
                // The host's network: requests to the container come over loopback.
                "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
                "seccomp": profile,
            },
        });
        fs::write(folder.path().join("config.json"), config.to_string()).expect("a file");
        fs::write(folder.path().join("empty"), "").expect("a file");
        Self { folder, runtime: setting.runtime, name: String::new() }
    }

    /// The command that starts the container in the foreground.
    pub(crate) fn command(&mut self) -> Command {
        self.name = format!("callgate-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let mut command = apart(&self.folder.path().join("empty"));
        command.arg(self.runtime).arg("--root").arg(self.state()).args(["run", "--bundle"]).arg(self.folder.path());
        command.arg(&self.name).stdin(Stdio::null());
        command
    }

    /// Runs the container to its end.
    pub(crate) fn run(&mut self) -> Output {
        self.command().output().expect("the runtime runs")
    }

    /// Sends a signal to the container that the last [`Bundle::command`] started. On a busy machine the program may be at work
    /// before its runtime has written down that there is a container.
    pub(crate) fn signal(&self, signal: &str) {
        let mut command = Command::new(self.runtime);
        command.arg("--root").arg(self.state()).args(["kill", &self.name, signal]);
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let output = command.output().expect("the runtime runs");
            if output.status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "{}", told(&output));
            sleep(Duration::from_millis(20));
        }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

/// A command in a mount namespace in which cgroup v2 has no controllers: in the hybrid layout crun and what stands on it refuse
/// to start otherwise. `empty` is an empty file.
pub(crate) fn apart(empty: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = "controllers=/sys/fs/cgroup/unified/cgroup.controllers
        [ -e $controllers ] && mount --bind \"$0\" $controllers
        exec \"$@\"";
    command.args(["-m", "--propagation", "private", "sh", "-c", script]).arg(empty);
    command
}

fn bind(path: &Path, mode: &str) -> Value {
    json!({"destination": path, "type": "bind", "source": path, "options": ["rbind", mode]})
}

/// Docker's default capabilities.
fn capabilities() -> Value {
    let names: Vec<_> =
        callgate_compiler::lower::target::DOCKER_CAPABILITIES.iter().map(|name| format!("CAP_{name}")).collect();
    json!({"bounding": names, "effective": names, "permitted": names})
}
