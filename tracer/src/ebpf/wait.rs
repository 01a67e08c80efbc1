//! From the command's first instruction to the end of its last descendant.

use std::io;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::child::Child;
use super::programs::Programs;
use super::samples::Samples;
use crate::record::RecordError;
use crate::signals::{Arrived, Signals};
use crate::watch::{LOOK, Watch};

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

/// Waits until `child` and everything in scope has ended, or until a signal cuts that short.
///
/// A signal that the terminal sent has reached the command too, which is in this process's group. One sent to this process
/// by another is passed on to the command. Once the command itself has ended, either ends the wait, and is returned: a
/// descendant that stays, a daemon say, may never end.
///
/// The number of marked tasks that are left decides, because this process may have children that aren't the command's; of a
/// cgroup, whether anything is in it.
pub(super) fn wait(
    child: &mut Child,
    signals: &Signals,
    programs: &mut Programs,
    watch: &mut Watch<'_>,
) -> Result<Option<Signal>, RecordError> {
    loop {
        let children_left = reap(child)?;
        let ended = child.process.status().is_some();
        if ended && (child.exec_failure().is_some() || is_over(programs, children_left)?) {
            return Ok(None);
        }
        let look = (ended && programs.plan.cgroup.is_some()).then_some(LOOK);
        match next(signals, programs, watch.timeout(look))? {
            Some(Arrived::Ending { signal, from_terminal }) => {
                checkpoint(programs, watch)?;
                if child.process.on_ending(signal, from_terminal) {
                    return Ok(Some(signal));
                }
            }
            Some(Arrived::Serving) => programs.serve()?,
            Some(Arrived::Child) | None => {}
        }
        keep_time(programs, watch)?;
    }
}

fn is_over(programs: &Programs, children_left: bool) -> Result<bool, RecordError> {
    match &programs.plan.cgroup {
        Some(cgroup) => Ok(!cgroup.is_populated()),
        None => Ok(!children_left || programs.running()?.tasks == 0),
    }
}

/// Does what is due. Returns whether the time that was set is up.
pub(super) fn keep_time(programs: &mut Programs, watch: &mut Watch<'_>) -> Result<bool, RecordError> {
    let due = watch.due();
    if due.serve {
        programs.serve()?;
    }
    if due.checkpoint {
        checkpoint(programs, watch)?;
    }
    Ok(due.end)
}

/// Hands out what is there so far, if that is wanted.
pub(super) fn checkpoint(programs: &Programs, watch: &mut Watch<'_>) -> Result<(), RecordError> {
    if watch.wants_checkpoints() {
        let running = programs.processes_in_scope()?;
        watch.checkpoint(programs.so_far()?, running);
    }
    Ok(())
}

/// The next signal, waited for; `None` when the time is up, or when samples came, which are taken.
pub(super) fn next(signals: &Signals, programs: &mut Programs, timeout: PollTimeout) -> io::Result<Option<Arrived>> {
    loop {
        if let Some(samples) = &mut programs.samples {
            samples.take();
        }
        if let Some(arrived) = signals.next() {
            return Ok(Some(arrived));
        }
        let signals = [signals.as_fd()].into_iter();
        let sources = signals.chain(programs.samples.as_ref().map(Samples::as_fd));
        let mut sources: Vec<_> = sources.map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        match poll(&mut sources, timeout) {
            Ok(0) => return Ok(None),
            Ok(_) if programs.samples.is_some() => return Ok(None),
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
