//! One recording, in order: attach, fork, mark, let go, wait, read.

use std::io;

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
        let still_running = match cut_short_by {
            None => 0,
            Some(_) => programs.running()?.processes,
        };
        let notes = cut_short_by.map(|signal| match still_running {
            1 => format!("{signal} ended the recording while 1 descendant of the command was running; its later calls are not in it"),
            count => format!("{signal} ended the recording while {count} descendants of the command were running; their later calls are not in it"),
        });
        let observed = programs.finish(cut_short_by.is_none())?;
        let ending = Ending { status: child.process.reap_blocking(), calls_exact: true, still_running };
        Ok(Recorded { observed, ending, notes: notes.into_iter().collect() })
    }
}
