//! Where the processes of a trial live, whatever they do: a cgroup, so that none of them outlives it, and a namespace of process
//! ids, so that they reach nobody else. A program whose fork or getpid is refused takes -1 for a process id, and
//! `kill(-1)` by root would end everything on the machine.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No file that a trial writes gets larger, its output included: 128 MiB, in the blocks of 512 bytes of ulimit(1).
const MOST_BLOCKS: u32 = 1 << 18;
/// Names the namespace of process ids of whoever reads it.
const NAMESPACE: &str = "/proc/self/ns/pid";
/// How long killed processes may take to be gone.
const GONE: Duration = Duration::from_secs(20);
/// Runs its arguments and ends as they do.
const ENDS_AS: &str = "\"$@\"; exit $?";

/// A cgroup of its own. Emptied and removed when it is dropped.
pub(crate) struct Room {
    folder: PathBuf,
}

impl Room {
    /// `None` where there is no cgroup2 that can be written.
    pub(crate) fn new() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
        let folder = Path::new(mount).join(format!("callgate-sizes-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let room = Self { folder };
        room.is_apart().then_some(room)
    }

    /// Whether what is confined really has process ids of its own. Nothing is tried without.
    fn is_apart(&self) -> bool {
        let mut ask = Command::new("readlink");
        let output = self.confine(ask.arg(NAMESPACE)).output();
        let inside = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
        let outside = fs::read_link(NAMESPACE).unwrap_or_default();
        inside.starts_with("pid:[") && Path::new(&inside) != outside
    }

    /// The command, from its first instruction on in here, with process ids of its own. A shell is the first of them, so that
    /// the command is treated like any other.
    pub(crate) fn confine(&self, command: &Command) -> Command {
        let script = format!("exec unshare --pid --fork --mount-proc /bin/sh -c '{ENDS_AS}' sh \"$@\"");
        self.enter(command, &script)
    }

    /// The command in the cgroup alone, for a recorder, which knows processes by their ids.
    pub(crate) fn record(&self, command: &Command) -> Command {
        self.enter(command, "exec \"$@\"")
    }

    fn enter(&self, command: &Command, start: &str) -> Command {
        let script = format!("echo $$ >\"$0/cgroup.procs\" && ulimit -c 0 && ulimit -f {MOST_BLOCKS} && {start}");
        let mut inside = Command::new("/bin/sh");
        inside.args(["-c", &script]).arg(&self.folder).arg(command.get_program()).args(command.get_args());
        // `kill(0)` reaches a process group across namespaces.
        inside.process_group(0);
        inside
    }

    /// The processes in here that run this program.
    pub(crate) fn running(&self, program: &Path) -> Vec<Process> {
        let program = fs::canonicalize(program).unwrap_or_default();
        let inside = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        let all: Vec<Process> = inside.lines().filter_map(|line| Process::of(line.parse().ok()?, &program)).collect();
        let is_here = |pid: u32| all.iter().any(|process| process.pid == pid);
        all.iter().map(|&process| Process { is_first: !is_here(process.parent), ..process }).collect()
    }

    /// Kills everything in here, and waits until it is gone.
    pub(crate) fn empty(&self) {
        let deadline = Instant::now() + GONE;
        while fs::read_to_string(self.folder.join("cgroup.events")).is_ok_and(|text| text.contains("populated 1")) {
            assert!(Instant::now() < deadline, "killed processes stay: {}", self.folder.display());
            fs::write(self.folder.join("cgroup.kill"), "1").expect("a cgroup can be killed (Linux 5.14)");
            sleep(Duration::from_millis(1));
        }
    }
}

/// A process of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    /// As the kernel and we know it; more than 1.
    pub(crate) pid: u32,
    parent: u32,
    /// Its effective user.
    pub(crate) user: u32,
    /// Its parent doesn't run the program.
    pub(crate) is_first: bool,
}

impl Process {
    fn of(pid: u32, program: &Path) -> Option<Self> {
        let place = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(place.join("status")).ok()?;
        let field = |name: &str, at: usize| {
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().nth(at)?.parse().ok())
        };
        let runs = pid > 1 && fs::read_link(place.join("exe")).is_ok_and(|executable| executable == program);
        runs.then_some(Self { pid, parent: field("PPid:", 0)?, user: field("Uid:", 1)?, is_first: false })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.empty();
        let _ = fs::remove_dir(&self.folder);
    }
}
