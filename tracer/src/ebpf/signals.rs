//! The signals of a recorder that must outlive Ctrl-C, and its adoption of orphans.

use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

/// What would end the recorder before it has written anything.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// While it lives: the signals above and SIGCHLD are read, not delivered, and orphaned descendants become children of this
/// process. Everything is as before once it is dropped.
pub(super) struct Signals {
    descriptor: SignalFd,
    inherited: Inherited,
    subreaper: bool,
}

/// How signals stood before; the command gets it so.
pub(super) struct Inherited {
    mask: SigSet,
    on_child: SigAction,
}

impl Signals {
    /// Takes the signals of the calling thread.
    ///
    /// # Errors
    ///
    /// When one of the system calls fails.
    pub(super) fn take() -> io::Result<Self> {
        let mut taken = SigSet::from_iter(ENDING);
        taken.add(Signal::SIGCHLD);
        let descriptor = SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC)?;
        let subreaper = prctl::get_child_subreaper()?;
        prctl::set_child_subreaper(true)?;
        // An ignored SIGCHLD would make the kernel reap children, and their status would be gone.
        // SAFETY: no handler is installed.
        let on_child = unsafe { sigaction(Signal::SIGCHLD, &default_action()) }?;
        let mut mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&taken), Some(&mut mask))?;
        Ok(Self { descriptor, inherited: Inherited { mask, on_child }, subreaper })
    }

    pub(super) fn inherited(&self) -> &Inherited {
        &self.inherited
    }

    /// Waits for the next signal.
    ///
    /// # Errors
    ///
    /// When read(2) fails.
    pub(super) fn next(&self) -> io::Result<siginfo> {
        loop {
            match self.descriptor.read_signal() {
                Ok(Some(signal)) => return Ok(signal),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Each sets back what `take` could set, so none can fail.
        let _ = prctl::set_child_subreaper(self.subreaper);
        self.inherited.restore_own();
    }
}

impl Inherited {
    /// For the forked child: as before, and SIGPIPE at its default, which Rust's start-up code changes in every program.
    pub(super) fn restore(&self) {
        // SAFETY: no handler is installed.
        let _ = unsafe { sigaction(Signal::SIGPIPE, &default_action()) };
        self.restore_own();
    }

    fn restore_own(&self) {
        // SAFETY: the action is the one that was installed before.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &self.on_child) };
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

fn default_action() -> SigAction {
    SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty())
}
