//! One recording of a command, in order: attach, fork, mark, let go, wait, read.

use std::io;

use nix::sys::signal::Signal;

use super::child::Child;
use super::layout::Mark;
use super::plan::Plan;
use super::programs::Programs;
use super::unavailable::Unavailable;
use super::wait::{Adoption, wait};
use crate::command::Prepared;
use crate::observed::{End, Ending, Recorded};
use crate::record::RecordError;
use crate::signals::Signals;
use crate::watch::Watch;

/// Attached programs that record nothing yet.
pub(crate) struct Session {
    pub(super) programs: Programs,
}

impl Session {
    /// Does all that needs rights or a fitting kernel, before there is a process to clean up.
    pub(crate) fn attach(plan: Plan) -> Result<Self, Unavailable> {
        Programs::attach(plan).map(|programs| Self { programs })
    }

    /// Runs `command` to the end of the last task in scope: its last descendant, or with a cgroup in the plan, the last task
    /// in there.
    pub(crate) fn record(self, command: &Prepared, watch: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        let Self { mut programs } = self;
        let signals = Signals::take_with_serving().map_err(io::Error::from)?;
        let _adoption = Adoption::begin().map_err(io::Error::from)?;
        let mut child = Child::fork(command, &signals)?;
        if programs.plan.cgroup.is_none() {
            programs.mark(child.pidfd(), Mark::COMMAND)?;
        }
        watch.ready();
        child.resume()?;
        let cut_short_by = wait(&mut child, &signals, &mut programs, watch)?;
        if let Some(errno) = child.exec_failure() {
            return Err(command.failed(errno).into());
        }
        // Those left may have ended just before the signal.
        let running = programs.processes_in_scope()?;
        let cut_short_by = cut_short_by.filter(|_| running > 0);
        let (still_running, notes) = match cut_short_by {
            None => (0, Vec::new()),
            Some(signal) => (running, vec![cut_short(signal, running)]),
        };
        let observed = programs.finish(cut_short_by.is_none())?;
        let end = End::Status(child.process.reap_blocking());
        let ending = Ending { end, calls_exact: true, still_running, interrupted: signals.asked_to_end() };
        Ok(Recorded { observed, ending, notes })
    }
}

fn cut_short(by: Signal, running: u64) -> String {
    let (descendants, their) = if running == 1 { ("descendant", "its") } else { ("descendants", "their") };
    format!(
        "{by} ended the recording with {running} {descendants} of the command still running; {their} later calls aren't in it"
    )
}
