//! What callgate does with signals: nothing of its own may reach the command, and none may lose a recording.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, sigaction, signal, sigprocmask,
};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

/// What would end callgate before it has written anything.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// `si_code` of a signal that the kernel sent; for those in [`ENDING`] that is the terminal, which sends it to the whole
/// foreground group (include/uapi/asm-generic/siginfo.h).
const SI_KERNEL: i32 = 0x80;

/// Gives SIGPIPE its default back. Rust's start-up ignores it, and an ignored signal stays ignored across execve(2).
/// Async-signal-safe.
pub(crate) fn default_sigpipe() {
    // SAFETY: the default disposition runs no handler.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}

/// While it lives, the calling thread reads SIGCHLD and the signals that would end it instead of receiving them. A signal
/// that was ignored (`nohup`) stays ignored.
pub(crate) struct Signals {
    descriptor: SignalFd,
    mask: SigSet,
    on_child: SigAction,
    asked_to_end: Cell<bool>,
}

/// A signal that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// A child changed state.
    Child,
    /// Someone says that what is recorded has begun to serve (SIGUSR1).
    Serving,
    /// Someone wants an end.
    Ending {
        /// The signal they used.
        signal: Signal,
        /// Whether the terminal sent it: then the command, in the same group, has it too.
        from_terminal: bool,
    },
}

impl Signals {
    /// Takes the signals.
    pub(crate) fn take() -> Result<Self, Errno> {
        Self::take_all(&ENDING)
    }

    /// Takes them, and SIGUSR1.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn take_with_serving() -> Result<Self, Errno> {
        Self::take_all(&[&ENDING[..], &[Signal::SIGUSR1]].concat())
    }

    fn take_all(wanted: &[Signal]) -> Result<Self, Errno> {
        let mut taken: SigSet = wanted.iter().copied().filter(|&signal| !is_ignored(signal)).collect();
        taken.add(Signal::SIGCHLD);
        let descriptor = SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        // An ignored SIGCHLD would make the kernel reap children, and their statuses would be gone.
        // SAFETY: the default disposition runs no handler.
        let on_child = unsafe { sigaction(Signal::SIGCHLD, &default) }?;
        let mut mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&taken), Some(&mut mask))?;
        Ok(Self { descriptor, mask, on_child, asked_to_end: Cell::new(false) })
    }

    /// Readable when a signal is there.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The next signal that is already there.
    pub(crate) fn next(&self) -> Option<Arrived> {
        let information = self.descriptor.read_signal().ok().flatten()?;
        let number = i32::try_from(information.ssi_signo).ok()?;
        Some(match Signal::try_from(number).ok()? {
            Signal::SIGCHLD => Arrived::Child,
            Signal::SIGUSR1 => Arrived::Serving,
            signal => {
                self.asked_to_end.set(true);
                Arrived::Ending { signal, from_terminal: information.ssi_code == SI_KERNEL }
            }
        })
    }

    /// Whether a signal that would end callgate was read.
    pub(crate) fn asked_to_end(&self) -> bool {
        self.asked_to_end.get()
    }

    /// Puts mask and dispositions back as they were inherited, for the command too. Async-signal-safe.
    pub(crate) fn put_back(&self) {
        // SAFETY: the action is the one that was there before.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &self.on_child) };
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

fn is_ignored(signal: Signal) -> bool {
    // SAFETY: every field is a number or a set of bits, for which zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: nothing is installed; the kernel writes one `sigaction`.
    let asked = unsafe { libc::sigaction(signal as libc::c_int, std::ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.put_back();
    }
}

/// The command's process.
pub(crate) struct CommandProcess {
    pid: Pid,
    status: Option<libc::c_int>,
}

impl CommandProcess {
    pub(crate) fn new(pid: libc::pid_t) -> Self {
        Self { pid: Pid::from_raw(pid), status: None }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Its wait status, once it has ended and was reaped.
    pub(crate) fn status(&self) -> Option<libc::c_int> {
        self.status
    }

    /// Keeps the status that somebody else reaped.
    pub(crate) fn ended(&mut self, status: libc::c_int) {
        self.status = Some(status);
    }

    /// Reaps it if it has ended.
    pub(crate) fn reap(&mut self) {
        self.wait(libc::WNOHANG);
    }

    /// Waits until it has ended; its wait status.
    pub(crate) fn reap_blocking(&mut self) -> libc::c_int {
        while self.status.is_none() {
            self.wait(0);
        }
        self.status.unwrap_or_default()
    }

    /// Kills and reaps it.
    pub(crate) fn end(&mut self) {
        if self.status.is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
            self.reap_blocking();
        }
    }

    /// What a signal to callgate means: passed on while the command runs, unless it has it from the terminal already.
    /// Returns whether the recording should end, because the command itself has.
    pub(crate) fn on_ending(&self, signal: Signal, from_terminal: bool) -> bool {
        if self.status.is_none() && !from_terminal {
            // It isn't reaped, so the number is still its own, at worst as a zombie's.
            let _ = kill(self.pid, signal);
        }
        self.status.is_some()
    }

    fn wait(&mut self, options: libc::c_int) {
        if self.status.is_some() {
            return;
        }
        let mut status = 0;
        // SAFETY: `status` is a valid place for one status.
        let reaped = unsafe { libc::waitpid(self.pid.as_raw(), &raw mut status, options | libc::__WALL) };
        if reaped == self.pid.as_raw() {
            self.status = Some(status);
        } else if reaped < 0 && Errno::last() == Errno::ECHILD {
            // Somebody reaped it behind our back; that it ended is all that is known.
            self.status = Some(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::forked;
    // Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
    use test_fork::test;

    #[test]
    fn signals_are_read_unless_they_are_ignored() {
        let (status, text) = forked(|| {
            // SAFETY: no handler is installed; the process has one thread.
            unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) }.unwrap();
            let signals = Signals::take().unwrap();
            let myself = Pid::this();
            kill(myself, Signal::SIGHUP).unwrap();
            assert_eq!(signals.next(), None);
            kill(myself, Signal::SIGTERM).unwrap();
            assert_eq!(signals.next(), Some(Arrived::Ending { signal: Signal::SIGTERM, from_terminal: false }));
            drop(signals);
            // As before: SIGHUP is ignored, SIGTERM ends.
            kill(myself, Signal::SIGHUP).unwrap();
            kill(myself, Signal::SIGTERM).unwrap();
            0
        });
        assert_eq!((status, text.as_str()), (libc::SIGTERM, ""));
    }
}
