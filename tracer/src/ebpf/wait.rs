//! From the command's first instruction to the end of its last descendant.

use std::io;

use nix::sys::signal::{Signal, kill};

use super::child::Child;
use super::programs::Running;
use super::signals::Signals;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// The command's wait status.
    pub(super) status: libc::c_int,
    /// The signal by which the user ended the recording while descendants of the command were running.
    pub(super) cut_short_by: Option<Signal>,
}

/// Waits until `child` and all its descendants have ended.
///
/// A signal that the terminal sent has reached the command too, which is in this process's group. One sent to this process
/// by another is passed on to the command. Once the command itself has ended, either ends the wait: a descendant that
/// stays, a daemon say, may never end.
///
/// `running` tells how many of the marked tasks are left; it is what decides, because this process may have children that
/// aren't the command's.
pub(super) fn wait<E: From<io::Error>>(
    child: &Child,
    signals: &Signals,
    running: impl Fn() -> Result<Running, E>,
) -> Result<Ended, E> {
    let mut status = None;
    loop {
        let children_left = reap(child, &mut status)?;
        if let Some(status) = status {
            let ended = Ended { status, cut_short_by: None };
            if !children_left || child.exec_failure().is_some() || running()?.tasks == 0 {
                return Ok(ended);
            }
        }
        let information = signals.next()?;
        let signal = i32::try_from(information.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
        match (signal, status) {
            (None | Some(Signal::SIGCHLD), _) => {}
            (cut_short_by, Some(status)) => return Ok(Ended { status, cut_short_by }),
            (Some(_), None) if information.ssi_code == SI_KERNEL => {}
            // It hasn't been waited for, so the number is still its own, at worst as a zombie's.
            (Some(signal), None) => kill(child.pid(), signal).map_err(io::Error::from)?,
        }
    }
}

/// include/uapi/asm-generic/siginfo.h: sent by the kernel; for these signals, by the terminal.
const SI_KERNEL: i32 = 0x80;

/// Reaps what has ended, and keeps the status of `child`. Returns whether children are left.
fn reap(child: &Child, kept: &mut Option<libc::c_int>) -> io::Result<bool> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one int to `status`. __WALL: also children whose end sends another signal than SIGCHLD.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) };
        if pid == child.pid().as_raw() {
            *kept = Some(status);
        } else if pid == 0 {
            return Ok(true);
        } else if pid < 0 {
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ECHILD) => return Ok(false),
                Some(libc::EINTR) => {}
                _ => return Err(error),
            }
        }
    }
}
