//! Load a filter, and become the command that runs under it.
//!
//! There is no parent process that could get in the way: the exit status and the signals are the command's own, and
//! execve(2) is the only call made after the filter is in place. So nothing runs when the load fails.

use std::io::{Cursor, Write};

use callgate_compiler::action::Action;
use callgate_compiler::bpf::{MAX_INSTRUCTIONS, Program, op};
use callgate_compiler::policy::FilterFlag;
use nix::errno::Errno;
use nix::sys::prctl;

use crate::command::{ExecFailure, Prepared};
use crate::seccomp::{self, Filter};
use crate::signals;

/// The process's exit status when the filter is loaded and execve(2) fails: callgate's own status for an error.
pub const EXEC_FAILED: i32 = 2;

/// How to run a command under a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnforceOptions {
    /// Doesn't set `no_new_privs`, so that setuid and file capabilities still take effect in the command. The kernel then
    /// wants `CAP_SYS_ADMIN` in the user namespace to load a filter.
    pub keep_privileges: bool,
}

/// Why a command doesn't run under a filter; nothing of it ran.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnforceError {
    /// The policy asks a supervisor, and there is none.
    #[error(
        "the policy has `notify`, which asks a supervisor, and `run` has none\n  \
         next: give these calls another action, or run the command under a runtime that serves the policy's listener"
    )]
    NeedsSupervisor,
    /// `prctl(PR_SET_NO_NEW_PRIVS)` failed.
    #[error("can't set no_new_privs: {error}\n  next: an outer filter refuses prctl; run callgate outside of it", error = .0.desc())]
    NoNewPrivileges(Errno),
    /// The filter couldn't be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why the kernel doesn't take a filter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The program is empty or longer than 4,096 instructions.
    #[error(
        "the filter has {0} instructions; the kernel takes 1 to {MAX_INSTRUCTIONS}\n  \
         next: shorten the policy, or give it fewer ABIs (`arch:`)"
    )]
    Length(usize),
    /// A flag that only means something with a listener.
    #[error(
        "the filter flag WAIT_KILLABLE_RECV needs a listener, and this filter has none\n  next: take it out of `flags:`"
    )]
    FlagNeedsListener,
    /// This kernel is older than the flag.
    #[error("this kernel doesn't know the filter flag {0}\n  next: take it out of `flags:`, or use a newer kernel")]
    UnknownFlag(&'static str),
    /// This kernel is older than the action, and would kill the process instead.
    #[error(
        "this kernel doesn't know the action `{0}` and would kill instead\n  \
         next: give these calls another action, or use a newer kernel"
    )]
    UnknownAction(Action),
    /// EACCES: neither `no_new_privs` nor `CAP_SYS_ADMIN`.
    #[error(
        "loading a filter needs no_new_privs or CAP_SYS_ADMIN, and this process has neither\n  \
         next: drop `--keep-privileges`, or run as root"
    )]
    NotPrivileged,
    /// EINVAL: the kernel's checker refuses the program.
    #[error(
        "the kernel refuses the filter as invalid\n  \
         next: if callgate compiled it, that is a bug: report it with the policy; else look at the program with `--to asm`"
    )]
    Invalid,
    /// ENOMEM: no memory, or the thread's filters are too long together.
    #[error(
        "the kernel has no room for the filter: this thread's filters may be 32,768 converted instructions together\n  \
         next: run callgate under fewer filters, or shorten the policy"
    )]
    NoRoom,
    /// TSYNC: a thread has filters that this one hasn't; no thread took the filter.
    #[error(
        "thread {0} can't take the filter (TSYNC): it runs under another one\n  \
         next: load the filter before the threads start, or take TSYNC out of `flags:`"
    )]
    ThreadNotSynced(i64),
    /// ENOSYS: the kernel has no seccomp, or an outer filter hides it.
    #[error(
        "this kernel has no seccomp filters, or an outer filter hides them\n  \
         next: run callgate outside of the container, or on a kernel with CONFIG_SECCOMP_FILTER"
    )]
    Absent,
    /// Anything else.
    #[error("seccomp: {error}\n  next: if callgate runs in a container, allow it seccomp(2)", error = .0.desc())]
    Other(Errno),
}

impl LoadError {
    fn of(errno: Errno) -> Self {
        match errno {
            Errno::EACCES => Self::NotPrivileged,
            Errno::EINVAL => Self::Invalid,
            Errno::ENOMEM => Self::NoRoom,
            Errno::ENOSYS => Self::Absent,
            other => Self::Other(other),
        }
    }
}

/// A filter and its flags, found good for this kernel as far as that can be known before the load.
struct Ready {
    filter: Filter,
    flags: libc::c_ulong,
}

impl Ready {
    fn new(program: &Program, flags: &[FilterFlag]) -> Result<Self, LoadError> {
        let filter = Filter::new(program).ok_or(LoadError::Length(program.instructions.len()))?;
        if flags.contains(&FilterFlag::WaitKillableRecv) {
            return Err(LoadError::FlagNeedsListener);
        }
        let mut bits = 0;
        for &(_, name, bit) in FilterFlag::ALL.iter().filter(|(flag, ..)| flags.contains(flag)) {
            if !seccomp::knows_flag(bit.into()) {
                return Err(LoadError::UnknownFlag(name));
            }
            bits |= libc::c_ulong::from(bit);
        }
        match actions(program).find(|&action| !seccomp::knows_action(action)) {
            Some(action) => Err(LoadError::UnknownAction(action)),
            None => Ok(Self { filter, flags: bits }),
        }
    }

    fn load(&self) -> Result<(), LoadError> {
        match self.filter.load(self.flags, [0; 3]) {
            Ok(0) => Ok(()),
            Ok(thread) => Err(LoadError::ThreadNotSynced(thread)),
            Err(errno) => Err(LoadError::of(errno)),
        }
    }
}

/// The actions that the program's constant returns name.
fn actions(program: &Program) -> impl Iterator<Item = Action> + '_ {
    program
        .instructions
        .iter()
        .filter(|instruction| instruction.code == op::RET | op::K)
        .map(|instruction| Action::from_ret(instruction.k))
}

/// Becomes `command` under `program`. Returns only when the filter couldn't be loaded; nothing has run then.
///
/// Sets `no_new_privs` (unless told not to) and SIGPIPE's default, which Rust's start-up takes away, loads the filter with
/// seccomp(2), and calls execve(2): the only call after the load. The signal mask and everything else a process inherits
/// go to the command as callgate got them.
///
/// If execve(2) fails, the policy judges what can still be said: callgate tries one write(2) to standard error and
/// ends with [`EXEC_FAILED`] by `exit_group(2)`; a policy that kills either
/// ends it with SIGSYS, and one that refuses the second leaves libc no way out but SIGSEGV.
///
/// A program that returns anything but constants is searched for `notify` only in those.
#[must_use]
pub fn run(program: &Program, flags: &[FilterFlag], command: &Prepared, options: EnforceOptions) -> EnforceError {
    if actions(program).any(|action| action == Action::Notify) {
        return EnforceError::NeedsSupervisor;
    }
    let ready = match Ready::new(program, flags) {
        Ok(ready) => ready,
        Err(error) => return error.into(),
    };
    if !options.keep_privileges
        && let Err(errno) = prctl::set_no_new_privs()
    {
        return EnforceError::NoNewPrivileges(errno);
    }
    signals::default_sigpipe();
    if let Err(error) = ready.load() {
        return error.into();
    }
    let errno = command.exec();
    end_after_failed_exec(command, errno)
}

/// Says why execve(2) failed and ends the process, with write(2) and `exit_group(2)` alone: no allocation, no lock.
fn end_after_failed_exec(command: &Prepared, errno: Errno) -> ! {
    let mut text = [0; 1024];
    let mut cursor = Cursor::new(&mut text[..]);
    // Text that doesn't fit is cut; there is nobody to tell.
    let _ = writeln!(cursor, "error: {}", ExecFailure::new(command.path(), errno));
    let length = usize::try_from(cursor.position()).unwrap_or_default();
    // SAFETY: write reads `length` bytes of `text`, which has at least that many; _exit runs no code of this process.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), length);
        libc::_exit(EXEC_FAILED)
    }
}

/// Loads a filter into the calling thread, without setting `no_new_privs` first; allocates before the load, not after.
///
/// # Errors
///
/// When the kernel doesn't take it; the thread is then as it was.
pub fn load_into_self(program: &Program, flags: &[FilterFlag]) -> Result<(), LoadError> {
    Ready::new(program, flags)?.load()
}
