//! One recording, in order: attach, fork, mark, let go, wait, read.

use std::io;

use nix::sys::signal::Signal;

use super::child::Child;
use super::programs::Programs;
use super::unavailable::Unavailable;
use super::wait::{Adoption, wait};
use crate::command::Prepared;
use crate::observed::{Ending, Recorded};
use crate::record::{Capacities, RecordError};
use crate::signals::Signals;

/// Attached programs that record nothing yet.
pub(crate) struct Session {
    programs: Programs,
}

impl Session {
    /// Does all that needs rights or a fitting kernel, before there is a process to clean up.
    pub(crate) fn attach(capacities: &Capacities) -> Result<Self, Unavailable> {
        Programs::attach(capacities).map(|programs| Self { programs })
    }

    /// Runs `command` to the end of its last descendant.
    pub(crate) fn record(self, command: &Prepared) -> Result<Recorded, RecordError> {
        let Self { programs } = self;
        let signals = Signals::take().map_err(io::Error::from)?;
        let _adoption = Adoption::begin().map_err(io::Error::from)?;
        let mut child = Child::fork(command, &signals)?;
        programs.mark(child.pidfd())?;
        child.resume()?;
        let cut_short_by = wait(&mut child, &signals, || programs.running().map_err(RecordError::from))?;
        if let Some(errno) = child.exec_failure() {
            return Err(command.failed(errno).into());
        }
        // Those left may have ended just before the signal.
        let running = programs.running()?;
        let cut_short_by = cut_short_by.filter(|_| running.tasks > 0);
        let (still_running, notes) = match cut_short_by {
            None => (0, Vec::new()),
            Some(signal) => (running.processes, vec![cut_short(signal, running.processes)]),
        };
        let observed = programs.finish(cut_short_by.is_none())?;
        let status = child.process.reap_blocking();
        let ending = Ending { status, calls_exact: true, still_running, interrupted: signals.asked_to_end() };
        Ok(Recorded { observed, ending, notes })
    }
}

fn cut_short(by: Signal, running: u64) -> String {
    let (descendants, their) = if running == 1 { ("descendant", "its") } else { ("descendants", "their") };
    format!(
        "{by} ended the recording with {running} {descendants} of the command still running; {their} later calls aren't in it"
    )
}
