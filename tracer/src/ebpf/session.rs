//! One recording, in order: attach, fork, mark, let go, wait, read.

use crate::command::Prepared;
use crate::observed::{Ending, Observed};
use crate::record::{Capacities, RecordError};

use super::child::Child;
use super::programs::Programs;
use super::signals::Signals;
use super::unavailable::Unavailable;
use super::wait::wait;

/// Attached programs that record nothing yet.
pub(crate) struct Session {
    programs: Programs,
}

impl Session {
    /// Does all that needs rights or a fitting kernel, before there is a process to clean up.
    pub(crate) fn attach(capacities: &Capacities) -> Result<Self, Unavailable> {
        Programs::attach(capacities).map(|programs| Self { programs })
    }

    /// Runs `command` to the end of its last descendant. The notes say what the user should know of the run.
    pub(crate) fn record(self, command: &Prepared, notes: &mut Vec<String>) -> Result<(Observed, Ending), RecordError> {
        let Self { programs } = self;
        let signals = Signals::take()?;
        let mut child = Child::fork(command, signals.inherited())?;
        programs.mark(child.pidfd())?;
        child.resume()?;
        let ended = wait(&child, &signals, || programs.running().map_err(RecordError::from))?;
        if let Some(errno) = child.exec_failure() {
            return Err(command.failed(errno).into());
        }
        let still_running = match ended.cut_short_by {
            None => 0,
            Some(signal) => {
                let left = programs.running()?.processes;
                notes.push(format!(
                    "the recording was ended by {signal} while {left} descendant{plural} of the command {are} running; \
                     what {they} will call isn't in it",
                    plural = if left == 1 { "" } else { "s" },
                    are = if left == 1 { "was" } else { "were" },
                    they = if left == 1 { "it" } else { "they" },
                ));
                left
            }
        };
        let observed = programs.finish(ended.cut_short_by.is_none())?;
        Ok((observed, Ending { status: ended.status, calls_exact: true, still_running }))
    }
}
