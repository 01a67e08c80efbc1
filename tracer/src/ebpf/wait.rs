//! From the command's first instruction to the end of its last descendant.

use std::io;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::child::Child;
use super::programs::Running;
use crate::signals::{Arrived, Signals};

/// While it lives, orphaned descendants become children of this process, so that their end is a signal to it.
pub(super) struct Adoption {
    before: bool,
}

impl Adoption {
    /// Begins it.
    ///
    /// # Errors
    ///
    /// prctl(2)'s.
    pub(super) fn begin() -> Result<Self, Errno> {
        let before = prctl::get_child_subreaper()?;
        prctl::set_child_subreaper(true)?;
        Ok(Self { before })
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        // It could be set, so it can be set back.
        let _ = prctl::set_child_subreaper(self.before);
    }
}

/// Waits until `child` and all its descendants have ended, or until a signal cuts that short.
///
/// A signal that the terminal sent has reached the command too, which is in this process's group. One sent to this process
/// by another is passed on to the command. Once the command itself has ended, either ends the wait, and is returned: a
/// descendant that stays, a daemon say, may never end.
///
/// `running` tells how many of the marked tasks are left; it is what decides, because this process may have children that
/// aren't the command's.
pub(super) fn wait<E: From<io::Error>>(
    child: &mut Child,
    signals: &Signals,
    running: impl Fn() -> Result<Running, E>,
) -> Result<Option<Signal>, E> {
    loop {
        let children_left = reap(child)?;
        let ended = child.process.status().is_some();
        if ended && (!children_left || child.exec_failure().is_some() || running()?.tasks == 0) {
            return Ok(None);
        }
        match next(signals)? {
            Arrived::Child => {}
            Arrived::Ending { signal, from_terminal } => {
                if child.process.on_ending(signal, from_terminal) {
                    return Ok(Some(signal));
                }
            }
        }
    }
}

/// The next signal, waited for.
fn next(signals: &Signals) -> io::Result<Arrived> {
    loop {
        if let Some(arrived) = signals.next() {
            return Ok(arrived);
        }
        match poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reaps what has ended, and keeps the status of `child`. Returns whether children are left.
fn reap(child: &mut Child) -> io::Result<bool> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one int to `status`. __WALL: also children whose end sends another signal than SIGCHLD.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
        if pid == child.process.pid().as_raw() {
            child.process.ended(status);
        } else if pid == 0 {
            return Ok(true);
        } else if pid < 0 {
            match Errno::last() {
                Errno::ECHILD => return Ok(false),
                Errno::EINTR => {}
                errno => return Err(errno.into()),
            }
        }
    }
}
