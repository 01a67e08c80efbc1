//! What several tests need: the built command, and how a test that lacks something skips.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The built `callgate`.
pub(crate) fn callgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callgate"))
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a test needs and may not have.
pub(crate) enum Need<'a> {
    /// Effective user 0.
    Root,
    /// A program in PATH or the usual system folders.
    Tool(&'a str),
}

/// Whether everything is there. Says what is missing; that is a failure under `CALLGATE_REQUIRE=all`.
pub(crate) fn have(needs: &[Need<'_>]) -> bool {
    for need in needs {
        let missing = match need {
            Need::Root if !is_root() => "root".to_owned(),
            Need::Tool(name) if tool(name).is_none() => format!("`{name}`"),
            _ => continue,
        };
        assert!(
            std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"),
            "CALLGATE_REQUIRE=all, and {missing} is missing"
        );
        eprintln!("skipped: needs {missing}");
        return false;
    }
    true
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
    })
}

/// Where a program is: the system's folders first, so that a container that mounts them finds the same one.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(PathBuf::from);
    system.into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// `sleep` under a policy. It is ended when this is dropped.
pub(crate) struct Sleeper {
    child: Child,
    pub(crate) pid: String,
}

impl Sleeper {
    /// Starts it. Says why it can't: the filters of a process are for root to see, and the test's own would be among them.
    pub(crate) fn under(policy: &str, folder: &Path) -> Option<Self> {
        if !have(&[Need::Root, Need::Tool("sleep")]) {
            return None;
        }
        if !std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("Seccomp:\t0")) {
            assert!(std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"), "runs under a filter");
            eprintln!("skipped: runs under a filter");
            return None;
        }
        let mut command = callgate();
        command.args(["run", policy, "--", "sleep", "600"]).current_dir(folder).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().expect("callgate runs");
        let sleeper = Self { pid: child.id().to_string(), child };
        let name = format!("/proc/{}/comm", sleeper.pid);
        while std::fs::read_to_string(&name).is_ok_and(|name| name.trim() != "sleep") {
            std::thread::sleep(Duration::from_millis(2));
        }
        Some(sleeper)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a finished command said, for messages of failed assertions.
pub(crate) fn told(output: &Output) -> String {
    format!(
        "{}\n-- stdout\n{}\n-- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
