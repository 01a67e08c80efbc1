//! The command's process, which stops itself one execve(2) short of becoming the command.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::command::Prepared;
use crate::shared::SharedWords;
use crate::signals::{CommandProcess, Signals, default_sigpipe};

/// The process; killed when dropped before it was resumed.
pub(super) struct Child {
    pub(super) process: CommandProcess,
    pidfd: OwnedFd,
    /// One word: why execve(2) failed. Writing it is no system call, so it isn't recorded.
    failure: SharedWords,
    stopped: bool,
}

impl Child {
    /// Forks, undoes in the child what `signals` changed, and waits until the child has stopped itself. The next call it
    /// makes is `command`'s execve(2).
    ///
    /// # Errors
    ///
    /// When fork(2), mmap(2) or `pidfd_open(2)` fails, or something else ended the child.
    pub(super) fn fork(command: &Prepared, signals: &Signals) -> io::Result<Self> {
        let failure = SharedWords::new(1)?;
        // SAFETY: until it ends, the child makes async-signal-safe calls only: `become_command` allocates nothing.
        let pid = match unsafe { fork() }? {
            ForkResult::Child => become_command(command, signals, &failure),
            ForkResult::Parent { child } => child,
        };
        let mut process = CommandProcess::new(pid.as_raw());
        let stopped = loop {
            match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        };
        if !matches!(stopped, WaitStatus::Stopped(_, Signal::SIGSTOP)) {
            return Err(io::Error::other(format!("the command's process ended before it was ready ({stopped:?})")));
        }
        match pidfd_open(pid.as_raw()) {
            Ok(pidfd) => Ok(Self { process, pidfd, failure, stopped: true }),
            Err(error) => {
                process.end();
                Err(error)
            }
        }
    }

    /// Stands for the process, whatever becomes of its number.
    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Lets it become the command.
    ///
    /// # Errors
    ///
    /// When kill(2) fails.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        kill(self.process.pid(), Signal::SIGCONT)?;
        self.stopped = false;
        Ok(())
    }

    /// Why its execve(2) failed; `None` while it hasn't.
    pub(super) fn exec_failure(&self) -> Option<Errno> {
        match i32::try_from(self.failure[0].load(SeqCst)) {
            Ok(0) | Err(_) => None,
            Ok(errno) => Some(Errno::from_raw(errno)),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.stopped {
            self.process.end();
        }
    }
}

/// The child's half of [`Child::fork`].
fn become_command(command: &Prepared, signals: &Signals, failure: &SharedWords) -> ! {
    signals.put_back();
    default_sigpipe();
    // SAFETY: neither call takes a pointer. The stop takes effect before kill(2) returns, a process's signal to itself
    // being delivered on the way out of the kernel.
    unsafe { libc::kill(libc::getpid(), libc::SIGSTOP) };
    failure[0].store((command.exec() as i32).into(), SeqCst);
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

/// A descriptor that stands for the process.
pub(super) fn pidfd_open(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes no pointers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
