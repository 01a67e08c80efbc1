//! Running a command under a filter that asks about what it refuses, so that every refusal is seen with its arguments and the
//! program it hit, and still happens: the call returns the errno that the policy says.
//!
//! Calls that the filter allows are not asked about and cost what they cost under the policy's own filter.

use std::collections::BTreeMap;
use std::fs;

use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use nix::errno::Errno;
use nix::poll::PollTimeout;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::listener::{Listener, Notification};
use super::{GONE_CHECK_MILLISECONDS, NotifyError, become_command, error_in, failed, listener_of, wait, word};
use crate::command::Prepared;
use crate::record::Status;
use crate::seccomp::{Filter, knows_flag};
use crate::shared::SharedWords;
use crate::signals::{Arrived, CommandProcess, Signals};

/// How many different refusals are kept; those past it are counted only.
const MOST_REFUSALS: usize = 4096;

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// `seccomp_data.arch`.
    pub arch: u32,
    /// `seccomp_data.nr`.
    pub nr: u32,
    /// The argument words, those of pointers and lengths too.
    pub args: [u64; 6],
    /// What was answered.
    pub action: Action,
    /// The executable that made it, as `/proc/TASK/exe` names it; empty where that can't be read.
    pub executable: String,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How the command ended.
    pub status: Status,
    /// Whether a signal asked callgate to end meanwhile.
    pub interrupted: bool,
    /// The refused calls and how often each was made.
    pub refusals: BTreeMap<Refusal, u64>,
    /// Refusals that were too many to keep.
    pub more: u64,
}

/// Runs `command` under `program` until it and its descendants have ended. What the program answers with `notify`, `decide` is
/// asked about; an errno is handed on, anything that kills or traps kills the process, and what permits lets the call go on.
///
/// Sets `no_new_privs` where loading the filter takes it.
///
/// # Errors
/// When the command can't be started, or user notification can't be used here.
pub fn replay(
    command: &Prepared,
    program: &Program,
    decide: impl Fn(&SyscallData) -> Action,
) -> Result<Replay, NotifyError> {
    let system = |call| move |errno| NotifyError::System { call, errno };
    let new_listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let wait_killable = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if !knows_flag(new_listener) {
        return Err(NotifyError::Absent);
    }
    let flags = if knows_flag(new_listener | wait_killable) { new_listener | wait_killable } else { new_listener };
    let filter = Filter::new(program).ok_or(NotifyError::System { call: "seccomp", errno: Errno::EINVAL })?;
    let words = SharedWords::new(word::COUNT).map_err(system("mmap"))?;
    let signals = Signals::take().map_err(system("signalfd"))?;
    // SAFETY: without CLONE_VM it is a fork. The child makes async-signal-safe calls alone and ends or becomes the command.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0) };
    let pid = Errno::result(pid).map_err(system("clone"))?;
    if pid == 0 {
        become_command(command, &filter, flags, &signals, &words);
    }
    let mut process = CommandProcess::new(libc::pid_t::try_from(pid).unwrap_or_default());
    let mut kept = Kept::default();
    let outcome = listener_of(&mut process, &words)
        .and_then(|descriptor| Listener::new(descriptor).map_err(system("seccomp")))
        .and_then(|mut listener| supervise(&mut listener, &signals, &mut process, &mut kept, decide));
    if let Err(error) = outcome {
        process.end();
        return Err(error);
    }
    let status = process.reap_blocking();
    match error_in(&words, word::EXEC_ERROR) {
        Some(errno) => Err(command.failed(errno).into()),
        None => Ok(Replay {
            status: Status::of(status),
            interrupted: signals.asked_to_end(),
            refusals: kept.refusals,
            more: kept.more,
        }),
    }
}

#[derive(Default)]
struct Kept {
    refusals: BTreeMap<Refusal, u64>,
    more: u64,
}

impl Kept {
    fn add(&mut self, refusal: Refusal) {
        if let Some(times) = self.refusals.get_mut(&refusal) {
            *times = times.saturating_add(1);
        } else if self.refusals.len() < MOST_REFUSALS {
            self.refusals.insert(refusal, 1);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// Answers until no task has the filter any more, or the user ended it.
fn supervise(
    listener: &mut Listener,
    signals: &Signals,
    process: &mut CommandProcess,
    kept: &mut Kept,
    decide: impl Fn(&SyscallData) -> Action,
) -> Result<(), NotifyError> {
    loop {
        let timeout = if process.status().is_some() { GONE_CHECK_MILLISECONDS.into() } else { PollTimeout::NONE };
        let ready = wait(listener, signals, timeout)?;
        while ready.signal
            && let Some(arrived) = signals.next()
        {
            match arrived {
                Arrived::Child => process.reap(),
                Arrived::Ending { signal, from_terminal } if process.on_ending(signal, from_terminal) => return Ok(()),
                Arrived::Ending { .. } | Arrived::Serving => {}
            }
        }
        if ready.call {
            match listener.receive() {
                Ok(notification) => answer(listener, &notification, kept, &decide)?,
                Err(Errno::ENOENT | Errno::EINTR) => {}
                Err(errno) => return Err(failed("SECCOMP_IOCTL_NOTIF_RECV")(errno)),
            }
        } else if ready.hung_up {
            return Ok(());
        }
    }
}

fn answer(
    listener: &mut Listener,
    notification: &Notification,
    kept: &mut Kept,
    decide: impl Fn(&SyscallData) -> Action,
) -> Result<(), NotifyError> {
    let &Notification { task, arch, nr, args, .. } = notification;
    let action = decide(&SyscallData::new(arch, nr, args));
    let sent = if action.permits() {
        listener.let_go(notification)
    } else {
        // The task waits for the answer, so it is there to be looked at.
        let executable = fs::read_link(format!("/proc/{task}/exe")).unwrap_or_default().display().to_string();
        kept.add(Refusal { arch, nr, args, action, executable });
        match action {
            Action::Errno(errno) => listener.refuse(notification, errno),
            _ => {
                // What kills does so by SIGSYS, which a process can't send itself in time: SIGKILL comes before the answer.
                let _ = kill(Pid::from_raw(task.cast_signed()), Signal::SIGKILL);
                listener.refuse(notification, Errno::ENOSYS as u16)
            }
        }
    };
    sent.map_err(failed("SECCOMP_IOCTL_NOTIF_SEND"))
}
