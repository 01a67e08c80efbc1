//! The command's process, which stops itself one execve(2) short of becoming the command.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::signals::Inherited;
use crate::command::Prepared;

/// The process; killed when dropped before it was resumed.
pub(super) struct Child {
    pid: Pid,
    pidfd: OwnedFd,
    failure: SharedErrno,
    stopped: bool,
}

impl Child {
    /// Forks, undoes in the child what this process changed for itself, and waits until the child has stopped itself.
    /// The next call it makes is `command`'s execve(2).
    ///
    /// # Errors
    ///
    /// When fork(2), mmap(2) or pidfd_open(2) fails, or something else ended the child.
    pub(super) fn fork(command: &Prepared, inherited: &Inherited) -> io::Result<Self> {
        let failure = SharedErrno::new()?;
        // SAFETY: until it ends, the child makes async-signal-safe calls only: `Inherited::restore` and `Prepared::exec`
        // are plain system calls and allocate nothing.
        let pid = match unsafe { fork() }? {
            ForkResult::Child => become_command(command, inherited, &failure),
            ForkResult::Parent { child } => child,
        };
        let stopped = loop {
            match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
                Err(Errno::EINTR) => {}
                other => break other?,
            }
        };
        if !matches!(stopped, WaitStatus::Stopped(_, Signal::SIGSTOP)) {
            return Err(io::Error::other(format!("the command's process ended before it was ready ({stopped:?})")));
        }
        match pidfd_open(pid) {
            Ok(pidfd) => Ok(Self { pid, pidfd, failure, stopped: true }),
            Err(error) => {
                end(pid);
                Err(error)
            }
        }
    }

    /// Its number, which stays its own until it is waited for.
    pub(super) fn pid(&self) -> Pid {
        self.pid
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
        kill(self.pid, Signal::SIGCONT)?;
        self.stopped = false;
        Ok(())
    }

    /// Why its execve(2) failed; `None` while it hasn't.
    pub(super) fn exec_failure(&self) -> Option<Errno> {
        match self.failure.load() {
            0 => None,
            errno => Some(Errno::from_raw(errno)),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.stopped {
            end(self.pid);
        }
    }
}

/// The child's half of [`Child::fork`].
fn become_command(command: &Prepared, inherited: &Inherited, failure: &SharedErrno) -> ! {
    inherited.restore();
    // SAFETY: neither call takes a pointer. The stop takes effect before kill(2) returns, a process's signal to itself
    // being delivered on the way out of the kernel.
    unsafe { libc::kill(libc::getpid(), libc::SIGSTOP) };
    let errno = command.exec();
    failure.store(errno as i32);
    // SAFETY: ends the process without running anything of the parent's.
    unsafe { libc::_exit(127) }
}

/// Kills and reaps a child that nobody else knows.
fn end(pid: Pid) {
    // It is ours and not waited for, so neither can fail but for EINTR.
    let _ = kill(pid, Signal::SIGKILL);
    while waitpid(pid, None) == Err(Errno::EINTR) {}
}

fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes no pointers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// An error number in a page that parent and child share: writing it is no system call, so it isn't recorded.
struct SharedErrno {
    page: NonNull<AtomicI32>,
}

impl SharedErrno {
    fn new() -> io::Result<Self> {
        // SAFETY: a new mapping, anywhere; the kernel fills it with zeros.
        let page = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<AtomicI32>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match NonNull::new(page) {
            Some(page) if page.as_ptr() != libc::MAP_FAILED => Ok(Self { page: page.cast() }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn value(&self) -> &AtomicI32 {
        // SAFETY: the page is mapped until `self` is dropped, aligned, and zero is an AtomicI32.
        unsafe { self.page.as_ref() }
    }

    fn load(&self) -> i32 {
        self.value().load(Ordering::Acquire)
    }

    fn store(&self, errno: i32) {
        self.value().store(errno, Ordering::Release);
    }
}

impl Drop for SharedErrno {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it with this length, and no reference outlives `self`.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<AtomicI32>()) };
    }
}
