//! Containers that runc and crun create, for the filters that they load.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::compiler;

/// What runc 1.1 and crun 1.8 call themselves between the filter and the container's program.
pub const NEEDED: &[&str] = &[
    "capget",
    "capset",
    "chdir",
    "close",
    "close_range",
    "epoll_ctl",
    "execve",
    "faccessat2",
    "fchown",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getpid",
    "getppid",
    "ioctl",
    "mmap",
    "newfstatat",
    "openat",
    "openat2",
    "prctl",
    "pselect6",
    "read",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "setgid",
    "setgroups",
    "setresgid",
    "setresuid",
    "setuid",
    "statx",
    "tgkill",
    "umask",
    "write",
];

/// A bundle whose program sleeps, with its runtime's state.
pub struct Container {
    folder: tempfile::TempDir,
}

impl Container {
    /// A folder for containers, or `None` where runtimes can't run. With `CALLGATE_REQUIRE=all` that fails the test.
    pub fn place(test: &str) -> Option<Self> {
        let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
        let missing =
            ["runc", "crun", "unshare"].into_iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
        let problem = if root { missing } else { Some("root") };
        if let Some(problem) = problem {
            assert!(std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"), "{test} needs {problem}");
            eprintln!("skipped: {test} needs {problem}");
            return None;
        }
        let folder = tempfile::TempDir::new().unwrap();
        let rootfs = folder.path().join("rootfs");
        fs::create_dir(&rootfs).unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        for name in ["bin", "lib", "lib64"] {
            if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
                symlink(target, rootfs.join(name)).unwrap();
            }
        }
        Some(Self { folder })
    }

    /// The filter that a runtime loads for a profile, or what it says instead of loading one.
    pub fn filter(&self, runtime: &str, profile: &Value, name: &str) -> Result<Vec<u8>, String> {
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "terminal": false,
                "user": {"uid": 0, "gid": 0},
                "args": ["/bin/sleep", "60"],
                "env": ["PATH=/bin"],
                "cwd": "/",
                // Without it crun loads the filter when the container starts, and leaves it in its state before.
                "noNewPrivileges": runtime == "crun",
            },
            "root": {"path": "rootfs"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
            ],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}], "seccomp": profile},
        });
        fs::write(self.folder.path().join("config.json"), config.to_string()).unwrap();
        let name = format!("callgate-meaning-{}-{name}", std::process::id());
        let created = self.run(runtime, &["create", "--bundle", "."], &name);
        let filter = if created.status.success() {
            Ok(self.loaded(runtime, &name))
        } else {
            Err(String::from_utf8_lossy(&created.stderr).into_owned())
        };
        self.run(runtime, &["delete", "-f"], &name);
        filter
    }

    fn loaded(&self, runtime: &str, name: &str) -> Vec<u8> {
        if runtime == "crun" {
            return fs::read(self.folder.path().join("state").join(name).join("seccomp.bpf")).unwrap();
        }
        let state = self.run(runtime, &["state"], name);
        let state: Value = serde_json::from_slice(&state.stdout).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/filter_of.c");
        let reader = compiler::compile("filter_of", &source, &[]).expect("a C compiler");
        compiler::run(&reader, &state["pid"].to_string())
    }

    fn run(&self, runtime: &str, arguments: &[&str], name: &str) -> Output {
        // crun refuses cgroups of both versions at once; shown no controllers of the second it takes the first.
        let hide =
            "f=/sys/fs/cgroup/unified/cgroup.controllers; [ -e $f ] && mount --bind empty $f; exec \"$@\" </dev/null";
        let output = self.folder.path().join("output");
        let file = fs::File::create(&output).unwrap();
        let mut command = Command::new("unshare");
        command.current_dir(self.folder.path()).args([
            "-m",
            "--propagation",
            "private",
            "sh",
            "-c",
            hide,
            "sh",
            runtime,
        ]);
        command.args(["--root", "state"]).args(arguments).arg(name);
        // Not a pipe: the container holds it open.
        let status = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        let said = fs::read(output).unwrap();
        Output { status, stdout: said.clone(), stderr: said }
    }
}
