//! Recording without rights: a filter that asks a supervisor about every call, and a supervisor that lets every call go on.
//!
//! The command's process shares this one's descriptors until its execve(2), so the listener that the kernel makes in it
//! is here at once: no `pidfd_getfd(2)`, which Yama and containers refuse, and no call by which to pass it on.
//! It says the number in shared memory; its next call, execve(2), already asks.
//!
//! What isn't seen: a call that a filter of the command's own refuses (the kernel takes the more severe action), and one
//! that a signal interrupts before it is received and that the program doesn't make again. When this process is killed,
//! the kernel answers every further call of the command with ENOSYS.

mod learned;
mod listener;
pub mod replay;

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_profiles::recording::Phase;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::utsname::uname;

use self::listener::{Listener, Notification};
use crate::command::{CommandError, Prepared};
use crate::observed::{End, Ending, Observed, Recorded};
use crate::seccomp::{Filter, knows_flag};
use crate::shared::SharedWords;
use crate::signals::{Arrived, CommandProcess, Signals, default_sigpipe};
use crate::tasks::Tasks;
use crate::watch::Watch;

/// How often to look whether an ended command's descendants are all gone, on kernels whose listener doesn't say so.
const GONE_CHECK_MILLISECONDS: u8 = 200;

/// What `/proc/TASK/status` says of a task under a filter (`SECCOMP_MODE_FILTER`).
const FILTERED: &str = "2";

/// How often to look whether the child has its listener.
const READY_CHECK: Duration = Duration::from_micros(50);

/// The first kernel (major, minor) in which `WAIT_KILLABLE_RECV` has no gap: before, a signal between an answer and the
/// task's noticing that the call was received restarts the call, and it is seen twice ("seccomp: Fix a race with
/// `WAIT_KILLABLE_RECV` if the tracer replies too fast"). Stable kernels got the
/// fix too, but `uname -r` doesn't tell which.
const NO_REPETITION: (u32, u32) = (6, 18);

/// Why the command can't be recorded by user notification.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// The command can't be started.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// EBUSY: an outer filter of this process has a listener, and the kernel allows one.
    #[error(
        "this process already runs under a seccomp listener, and the kernel allows one\n  \
         next: record with `--backend ptrace`, or outside of the outer supervisor"
    )]
    Busy,
    /// The kernel has no user notification, or none that lets calls go on.
    #[error(
        "this kernel has no seccomp user notification that lets calls go on (Linux 5.5)\n  \
         next: record with `--backend ptrace`"
    )]
    Absent,
    /// Another call failed, and which.
    #[error("{call}: {error}\n  next: record with `--backend ptrace`", error = .errno.desc())]
    System {
        /// What failed.
        call: &'static str,
        /// How.
        errno: Errno,
    },
}

/// The words the child and its parent share.
mod word {
    /// The listener's descriptor plus 1.
    pub(super) const LISTENER: usize = 0;
    /// Why there is no listener.
    pub(super) const LOAD_ERROR: usize = 1;
    /// Whether `no_new_privs` had to be set.
    pub(super) const NO_NEW_PRIVILEGES: usize = 2;
    /// Why execve(2) failed.
    pub(super) const EXEC_ERROR: usize = 3;
    pub(super) const COUNT: usize = 4;
}

/// Records `command` and all its descendants until the last has ended, or the user ends it once the command has.
///
/// `kept` says which argument values to keep of a call: argument index (0 to 5) and value. Calls in `learned` are let through,
/// and aren't counted, where nothing of them is kept.
pub(crate) fn record<I: IntoIterator<Item = (u8, u64)>>(
    command: &Prepared,
    kept: impl Fn(Abi, u32, [u64; 6]) -> I,
    learned: &BTreeSet<(Abi, u32)>,
    watch: &mut Watch<'_>,
) -> Result<Recorded, NotifyError> {
    let system = |call| move |errno| NotifyError::System { call, errno };
    let new_listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let wait_killable = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if !knows_flag(new_listener) {
        return Err(NotifyError::Absent);
    }
    let killable = knows_flag(new_listener | wait_killable);
    let flags = if killable { new_listener | wait_killable } else { new_listener };
    let through = learned::filter(learned);
    let asks_about_all = through.is_none();
    let filter = through.unwrap_or_else(|| Filter::always(Action::Notify));
    let words = SharedWords::new(word::COUNT).map_err(system("mmap"))?;
    let signals = Signals::take_with_serving().map_err(system("signalfd"))?;
    // SAFETY: without CLONE_VM it is a fork. The child makes async-signal-safe calls alone and ends or becomes the command.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0) };
    let pid = Errno::result(pid).map_err(system("clone"))?;
    if pid == 0 {
        become_command(command, &filter, flags, &signals, &words);
    }
    let mut process = CommandProcess::new(libc::pid_t::try_from(pid).unwrap_or_default());
    let outcome = listener_of(&mut process, &words)
        .and_then(|descriptor| Listener::new(descriptor).map_err(system("seccomp")))
        .and_then(|mut listener| supervise(&mut listener, &signals, &mut process, kept, asks_about_all, watch));
    let (observed, still_running) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            process.end();
            return Err(error);
        }
    };
    let status = process.reap_blocking();
    if let Some(errno) = error_in(&words, word::EXEC_ERROR) {
        return Err(command.failed(errno).into());
    }
    let calls_exact = asks_about_all && killable && kernel_is_at_least(NO_REPETITION);
    let no_new_privileges = words[word::NO_NEW_PRIVILEGES].load(SeqCst) != 0;
    Ok(Recorded {
        observed,
        ending: Ending { end: End::Status(status), calls_exact, still_running, interrupted: signals.asked_to_end() },
        notes: notes(asks_about_all, calls_exact, no_new_privileges, still_running),
    })
}

fn notes(asks_about_all: bool, calls_exact: bool, no_new_privileges: bool, still_running: u64) -> Vec<String> {
    let mut notes = vec![
        "user notification: a listener that the command tries to make for itself is refused (EBUSY), and a signal handler \
         without SA_RESTART can make any call fail with EINTR before it is seen"
            .to_owned(),
    ];
    if no_new_privileges {
        notes.push("no_new_privs was set: setuid programs and file capabilities gave no rights".to_owned());
    }
    if !asks_about_all {
        notes.push(
            "calls that were learned before were let through; this run doesn't say whether it made them".to_owned(),
        );
    } else if !calls_exact {
        notes.push(
            "this kernel can repeat a call that a signal interrupts: such a call may be counted twice".to_owned(),
        );
    }
    if still_running > 0 {
        notes.push(format!(
            "{still_running} processes still run; a callgate process stays with them, since every call of theirs asks"
        ));
    }
    notes
}

/// In the child: loads the filter, says which descriptor the listener is, and executes. After the load there is one call
/// if all goes well, execve(2).
fn become_command(
    command: &Prepared,
    filter: &Filter,
    flags: libc::c_ulong,
    signals: &Signals,
    words: &SharedWords,
) -> ! {
    signals.put_back();
    default_sigpipe();
    let mut loaded = filter.load(flags, [0; 3]);
    if loaded == Err(Errno::EACCES) {
        words[word::NO_NEW_PRIVILEGES].store(1, SeqCst);
        loaded = prctl::set_no_new_privs().and_then(|()| filter.load(flags, [0; 3]));
    }
    match loaded {
        Ok(listener) => {
            words[word::LISTENER].store(listener + 1, SeqCst);
            words[word::EXEC_ERROR].store((command.exec() as i32).into(), SeqCst);
        }
        Err(errno) => words[word::LOAD_ERROR].store((errno as i32).into(), SeqCst),
    }
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

fn error_in(words: &SharedWords, word: usize) -> Option<Errno> {
    let errno = i32::try_from(words[word].load(SeqCst)).unwrap_or_default();
    (errno != 0).then(|| Errno::from_raw(errno))
}

/// The listener, once the child has it. Asking again and again is all there is: any call by which the child could say
/// so would be asked about.
fn listener_of(process: &mut CommandProcess, words: &SharedWords) -> Result<OwnedFd, NotifyError> {
    loop {
        // Before the words: what the child said before it ended is then there.
        process.reap();
        let number = words[word::LISTENER].load(SeqCst);
        if number != 0 {
            let number = i32::try_from(number - 1).unwrap_or(-1);
            // SAFETY: the kernel made it in the table that the child shares with this process, and only this process, which
            // no one else told, owns it: the child gets a table of its own at execve(2), or ends.
            return Ok(unsafe { OwnedFd::from_raw_fd(number) });
        }
        if let Some(errno) = error_in(words, word::LOAD_ERROR) {
            return Err(match errno {
                Errno::EBUSY => NotifyError::Busy,
                Errno::EINVAL | Errno::ENOSYS => NotifyError::Absent,
                errno => NotifyError::System { call: "seccomp", errno },
            });
        }
        if process.status().is_some() {
            return Err(NotifyError::System {
                call: "the child was killed before it could start",
                errno: Errno::ECHILD,
            });
        }
        std::thread::sleep(READY_CHECK);
    }
}

/// Answers until every task with the filter is gone. The count of processes that still run when the user ended it.
fn supervise<I: IntoIterator<Item = (u8, u64)>>(
    listener: &mut Listener,
    signals: &Signals,
    process: &mut CommandProcess,
    kept: impl Fn(Abi, u32, [u64; 6]) -> I,
    asks_about_all: bool,
    watch: &mut Watch<'_>,
) -> Result<(Observed, u64), NotifyError> {
    let mut observed = Observed::default();
    let mut tasks = Tasks::default();
    let mut phase = Phase::Exec;
    loop {
        let look = process.status().map(|_| Duration::from_millis(GONE_CHECK_MILLISECONDS.into()));
        let ready = wait(listener, signals, watch.timeout(look))?;
        let mut serves = watch.tick(&observed, || tasks.running("Seccomp:", FILTERED));
        if ready.signal {
            while let Some(arrived) = signals.next() {
                match arrived {
                    Arrived::Child => process.reap(),
                    Arrived::Serving => serves = true,
                    Arrived::Ending { signal, from_terminal } => {
                        let running = tasks.running("Seccomp:", FILTERED);
                        if watch.wants_checkpoints() {
                            watch.checkpoint(observed.clone(), running);
                        }
                        if process.on_ending(signal, from_terminal) && running > 0 {
                            stay_with_the_rest(listener, signals).map_err(failed("fork"))?;
                            return Ok((observed, running));
                        }
                    }
                }
            }
        }
        if serves && phase == Phase::Run {
            phase = Phase::Serving;
            observed.served_after(Some(watch.elapsed()));
        }
        if ready.call {
            match listener.receive() {
                Ok(notification) => {
                    let Notification { task, arch, nr, args, .. } = notification;
                    // Kept before the answer: afterwards the task may be gone.
                    tasks.saw(task);
                    let new = observed.call(arch, nr, args, phase, &kept);
                    if let Some(call) = new {
                        watch.credit(&mut observed, call, phase, task);
                    }
                    // The first call is the execve(2) of `become_command`; if it fails there is no recording.
                    if phase == Phase::Exec {
                        phase = Phase::Run;
                    }
                    listener.let_go(&notification).map_err(|errno| match errno {
                        Errno::EINVAL => NotifyError::Absent,
                        errno => NotifyError::System { call: "SECCOMP_IOCTL_NOTIF_SEND", errno },
                    })?;
                }
                Err(Errno::ENOENT | Errno::EINTR) => {}
                Err(errno) => return Err(failed("SECCOMP_IOCTL_NOTIF_RECV")(errno)),
            }
        } else if ready.hung_up
            // A task whose every call is let through isn't known; the listener of Linux 5.9 and later tells of its end.
            || (asks_about_all && ready.nothing && process.status().is_some() && tasks.running("Seccomp:", FILTERED) == 0)
        {
            return Ok((observed, 0));
        }
    }
}

fn failed(call: &'static str) -> impl Fn(Errno) -> NotifyError {
    move |errno| NotifyError::System { call, errno }
}

/// What there is to do.
struct Ready {
    call: bool,
    hung_up: bool,
    signal: bool,
    /// The time was up.
    nothing: bool,
}

fn wait(listener: &Listener, signals: &Signals, timeout: PollTimeout) -> Result<Ready, NotifyError> {
    let mut descriptors =
        [PollFd::new(listener.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let count = loop {
        match poll(&mut descriptors, timeout) {
            Err(Errno::EINTR) => {}
            other => break other.map_err(failed("poll"))?,
        }
    };
    let [calls, signals] = descriptors.map(|descriptor| descriptor.revents().unwrap_or(PollFlags::empty()));
    Ok(Ready {
        call: calls.contains(PollFlags::POLLIN),
        hung_up: calls.contains(PollFlags::POLLHUP),
        signal: signals.contains(PollFlags::POLLIN),
        nothing: count == 0,
    })
}

/// Leaves a process behind that lets every further call go on: without a listener they would all fail with ENOSYS.
/// It holds nothing of this one's but the listener, so that no pipe or terminal waits for it.
fn stay_with_the_rest(listener: &mut Listener, signals: &Signals) -> Result<(), Errno> {
    // SAFETY: the child goes on with async-signal-safe calls alone: nothing below allocates.
    if Errno::result(unsafe { libc::fork() })? != 0 {
        return Ok(());
    }
    signals.put_back();
    // SAFETY: the path is NUL-terminated, nothing else takes a pointer, and of the descriptors only the listener's is used
    // from here on.
    unsafe {
        libc::setsid();
        libc::chdir(c"/".as_ptr());
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for standard in 0..=2 {
            libc::dup2(null, standard);
        }
        let kept = listener.as_fd().as_raw_fd().cast_unsigned();
        for (first, last) in [(3, kept.saturating_sub(1)), (kept + 1, u32::MAX)] {
            libc::syscall(libc::SYS_close_range, first, last, 0);
        }
    }
    loop {
        let mut descriptor = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut descriptor, PollTimeout::NONE);
        let [calls] = descriptor.map(|descriptor| descriptor.revents().unwrap_or(PollFlags::empty()));
        if calls.contains(PollFlags::POLLIN) {
            if let Ok(notification) = listener.receive()
                && listener.let_go(&notification).is_err()
            {
                break;
            }
        } else if calls.contains(PollFlags::POLLHUP) {
            break;
        }
    }
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(0) }
}

/// Whether `uname -r` begins with this version or a later one.
fn kernel_is_at_least(version: (u32, u32)) -> bool {
    let Ok(machine) = uname() else { return false };
    let release = machine.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= version
}
