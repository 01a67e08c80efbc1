//! Recording what runs already: the tasks of a cgroup, or a process and its descendants.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::child::pidfd_open;
use super::layout::Mark;
use super::programs::Programs;
use super::session::Session;
use super::wait::{checkpoint, keep_time, next};
use crate::observed::{End, Ending, Recorded};
use crate::processes::{parents, with_descendants};
use crate::record::RecordError;
use crate::signals::{Arrived, Signals};
use crate::watch::{LOOK, Watch};

impl Session {
    /// Records what the plan's cgroup holds until nothing is in it, or the user ends it.
    pub(crate) fn follow_cgroup(self, watch: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        self.follow(BTreeMap::new(), watch)
    }

    /// Records the process and its descendants until the last has ended, or the user ends it.
    pub(crate) fn follow_process(self, pid: u32, watch: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        let marked = mark_tree(&self.programs, pid)?;
        self.follow(marked, watch)
    }

    fn follow(self, mut marked: BTreeMap<u32, OwnedFd>, watch: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        let Self { mut programs } = self;
        let signals = Signals::take_with_serving().map_err(io::Error::from)?;
        watch.ready();
        let end = loop {
            if is_over(&programs, &mut marked)? {
                break End::Scope;
            }
            match next(&signals, &mut programs, watch.timeout(Some(LOOK)))? {
                Some(Arrived::Ending { .. }) => {
                    checkpoint(&programs, watch)?;
                    break End::Stopped;
                }
                Some(Arrived::Serving) => programs.serve()?,
                Some(Arrived::Child) | None => {}
            }
            if keep_time(&mut programs, watch)? {
                break End::Stopped;
            }
        };
        let over = end == End::Scope || is_over(&programs, &mut marked)?;
        let still_running = if over { 0 } else { marked.len() as u64 + programs.processes_in_scope()? };
        let observed = programs.finish(over)?;
        let ending = Ending { end, calls_exact: true, still_running, interrupted: signals.asked_to_end() };
        Ok(Recorded { observed, ending, notes: Vec::new() })
    }
}

/// Whether nothing is left in scope; takes the processes that have ended out of `marked`.
fn is_over(programs: &Programs, marked: &mut BTreeMap<u32, OwnedFd>) -> Result<bool, RecordError> {
    if let Some(cgroup) = &programs.plan.cgroup {
        return Ok(!cgroup.is_populated());
    }
    marked.retain(|_, pidfd| !has_ended(pidfd));
    Ok(marked.is_empty() && programs.forked()?.tasks == 0)
}

/// A pidfd is readable once every thread of its process has ended (`pidfd_open(2)`).
fn has_ended(pidfd: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Marks the process and its descendants, with a pidfd of each.
///
/// Until a look finds nothing new. A process without a mark was made by one that had none then, which got its mark in the
/// last look but one at the latest; so it was there in the last look, and was found.
fn mark_tree(programs: &Programs, pid: u32) -> Result<BTreeMap<u32, OwnedFd>, RecordError> {
    let mut marked: BTreeMap<u32, OwnedFd> = BTreeMap::new();
    // Processes that ended before they could be marked.
    let mut gone = BTreeSet::new();
    loop {
        let tree = with_descendants(pid, &parents());
        let new: Vec<u32> = tree.into_iter().filter(|pid| !marked.contains_key(pid) && !gone.contains(pid)).collect();
        if new.is_empty() {
            break;
        }
        for process in new {
            match mark(programs, process)? {
                Some(pidfd) => {
                    marked.insert(process, pidfd);
                }
                None => {
                    gone.insert(process);
                }
            }
        }
    }
    if marked.contains_key(&pid) { Ok(marked) } else { Err(RecordError::NoProcess(pid)) }
}

/// `None` when it has ended.
fn mark(programs: &Programs, process: u32) -> Result<Option<OwnedFd>, RecordError> {
    let number = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let is_no_process = |error: &io::Error| {
        // EINVAL: a thread's number.
        [Errno::ESRCH, Errno::EINVAL].iter().any(|&errno| error.raw_os_error() == Some(errno as i32))
    };
    let pidfd = match pidfd_open(number) {
        Ok(pidfd) => pidfd,
        Err(error) if is_no_process(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match programs.mark(pidfd.as_fd(), Mark::running(process)) {
        Ok(()) => Ok(Some(pidfd)),
        Err(_) if has_ended(&pidfd) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
