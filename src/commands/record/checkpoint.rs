//! What is written while the recording goes on: a recorder that is killed leaves the last of it.

use std::io::Write;
use std::path::Path;

use callgate_profiles::recording::{Recording, Run};
use callgate_tracer::record::Watcher;

use crate::output;

/// Writes checkpoints beside the runs that are done.
pub(super) struct Checkpoints<'a> {
    done: &'a Recording,
    /// `None`: not wanted.
    path: Option<&'a Path>,
    /// Somebody waits for a line on standard output.
    tell_ready: bool,
    said: bool,
}

impl<'a> Checkpoints<'a> {
    pub(super) fn new(done: &'a Recording, path: Option<&'a Path>, tell_ready: bool) -> Self {
        Self { done, path, tell_ready, said: false }
    }
}

impl Watcher for Checkpoints<'_> {
    fn ready(&mut self) {
        if self.tell_ready {
            let mut output = std::io::stdout().lock();
            // Whoever waited may have given up.
            let _ = writeln!(output, "ready").and_then(|()| output.flush());
        }
    }

    fn checkpoint(&mut self, run: Run) {
        let Some(path) = self.path else { return };
        // Its id is new, so it merges.
        let Ok(recording) = self.done.clone().merge(Recording::of(run)) else { return };
        if let Err(failure) = output::write(Some(path), recording.to_json().as_bytes())
            && !self.said
        {
            // The recording itself goes on, and may find room at the end.
            eprintln!("note: no checkpoint is written: {failure}");
            self.said = true;
        }
    }
}
