//! Recording a command: which backend, and what came of it.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::sync::{Mutex, PoisonError};

use callgate_profiles::recording::{Backend, Run, Values};

use crate::command::{CommandError, Prepared};
use crate::ebpf::{self, Session};
use crate::notify::{self, NotifyError};
use crate::ptrace::{self, PtraceError};
use crate::{arguments, observed};

/// How to record.
#[derive(Clone, Debug, Default)]
pub struct RecordOptions {
    /// What watches the calls. `None`: eBPF; where that can't be used, user notification; where that can't either, ptrace;
    /// with a note that says why.
    pub backend: Option<Backend>,
    /// For tests of what happens when room runs out.
    #[doc(hidden)]
    pub capacities: Capacities,
}

/// Sizes of the BPF maps, in entries; `None` is the size that the BPF object was built with.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Capacities {
    /// Numbers of 512 and above, and negative ones, by phase and ABI.
    pub other_numbers: Option<u32>,
    /// Argument values of 64 and above.
    pub large_values: Option<u32>,
    /// Tasks that the kernel refused storage.
    pub stragglers: Option<u32>,
    /// Other than 0: refuse every new task its storage.
    pub refuse_task_storage: u8,
}

/// A finished recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was observed. It is complete when [`Run::lost`] is empty and [`Run::still_running`] is 0.
    pub run: Run,
    /// How the command ended.
    pub status: Status,
    /// Whether a signal asked callgate to end (Ctrl-C, kill(1)), while the command ran or after it.
    pub interrupted: bool,
    /// What the user should know, each a sentence or two: why eBPF wasn't used, which argument has too many values.
    pub notes: Vec<String>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this exit status, 0 to 255.
    Exited(i32),
    /// Killed by this signal's number.
    Signaled(i32),
}

impl Status {
    /// From what waitpid(2) gives of a process that has ended.
    pub(crate) fn of(status: libc::c_int) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signaled(libc::WTERMSIG(status))
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }
}

/// Why there is no recording. Each message ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The command can't be started.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// eBPF was asked for and can't be used.
    #[error(transparent)]
    Ebpf(#[from] ebpf::Unavailable),
    /// User notification was asked for and can't be used.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// ptrace was asked for, or is what is left, and can't be used.
    #[error(transparent)]
    Ptrace(#[from] PtraceError),
    /// Something whose text callgate reads was asked to record.
    #[error("{0} can't be asked to record\n  next: `callgate derive` reads what it has written")]
    NotARecorder(Backend),
    /// The command's process couldn't be marked, or what was recorded couldn't be taken out of the kernel.
    #[error("{0}\n  next: record again; if it happens again, use another backend")]
    Kernel(#[source] Box<dyn Error + Send + Sync>),
    /// A system call that should work failed.
    #[error("{0}\n  next: check the limits on processes, memory and open files (`ulimit -a`)")]
    System(#[from] io::Error),
}

/// Runs `command` until it and all its descendants have ended, and records every system call they make.
///
/// The command is found as execvp(3) would find it, and gets this process's environment, descriptors, signal mask and
/// dispositions (SIGPIPE at its default). It stays in this process's group, so that Ctrl-C reaches it. Meanwhile SIGINT,
/// SIGTERM, SIGHUP and SIGQUIT don't end this process: what another process sends is passed on to the command, and once
/// the command has ended, any of them ends the recording, with the descendants left in [`Run::still_running`].
///
/// While it runs, this process adopts orphaned descendants and may reap every child it has, also those of others. Call it from
/// a process with one thread: signals are taken from the calling thread only. Calls from several threads take turns.
///
/// # Errors
///
/// When the command can't be started, or the backend that was asked for can't be used. A loss is no error: it is in
/// [`Run::lost`].
pub fn record(command: &[OsString], options: &RecordOptions) -> Result<Recorded, RecordError> {
    // Children are reaped and signals taken for the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);

    let prepared = Prepared::new(command)?;
    let (backend, observed::Recorded { observed, ending, mut notes }) = match options.backend {
        None => best(&prepared, &options.capacities)?,
        Some(Backend::Ebpf) => (Backend::Ebpf, Session::attach(&options.capacities)?.record(&prepared)?),
        Some(Backend::Notify) => (Backend::Notify, notify::record(&prepared, arguments::values)?),
        Some(Backend::Ptrace) => (Backend::Ptrace, ptrace::record(&prepared, arguments::values)?),
        Some(read @ (Backend::Strace | Backend::Audit)) => return Err(RecordError::NotARecorder(read)),
    };
    if under_a_filter() {
        notes.push(
            "callgate itself runs under a seccomp filter; calls that it refuses are not in the recording".to_owned(),
        );
    }
    let run = observed.into_run(&prepared, backend, ending)?;
    notes.extend(unbounded_arguments(&run));
    Ok(Recorded { run, status: Status::of(ending.status), interrupted: ending.interrupted, notes })
}

/// Records with the first backend that can be used here. Only what failed before the command ran is tried otherwise.
fn best(command: &Prepared, capacities: &Capacities) -> Result<(Backend, observed::Recorded), RecordError> {
    let not_ebpf = match Session::attach(capacities) {
        Ok(session) => return Ok((Backend::Ebpf, session.record(command)?)),
        Err(unavailable) => unavailable,
    };
    let (backend, mut recorded, reason) = match notify::record(command, arguments::values) {
        Ok(recorded) => (Backend::Notify, recorded, format!("recorded by user notification: {not_ebpf}")),
        Err(not_notify @ (NotifyError::Busy | NotifyError::Absent | NotifyError::System { call: "seccomp", .. })) => {
            let reason = format!("recorded by ptrace: {not_notify}\n{not_ebpf}");
            (Backend::Ptrace, ptrace::record(command, arguments::values)?, reason)
        }
        Err(error) => return Err(error.into()),
    };
    recorded.notes.insert(0, reason);
    Ok((backend, recorded))
}

/// Whether a filter stands between this process's calls and the kernel (`Seccomp: 2` in proc(5)'s status).
fn under_a_filter() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
    })
}

/// A note for each argument that had more values than are kept.
fn unbounded_arguments(run: &Run) -> impl Iterator<Item = String> + '_ {
    run.rows.iter().flat_map(|row| {
        let unbounded = row.arguments.iter().filter(|(_, values)| matches!(values, Values::Unbounded(_)));
        unbounded.map(|(parameter, _)| {
            let name = row.syscall.clone().unwrap_or_else(|| format!("call {}", row.nr));
            format!("`{parameter}` of {name} ({}) had more values than are kept; it is recorded as unbounded", row.abi)
        })
    })
}
