//! Recording in a process of its own, and what every complete recording has in common.
#![allow(dead_code, clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{Phase, Row, Run};
use callgate_tracer::record::{RecordError, RecordOptions, Status, record};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use tempfile::TempDir;

use super::support::{compile, skip};

/// A compiled program of tests/cases, gone with the value.
pub(crate) struct Case {
    _directory: TempDir,
    program: PathBuf,
}

impl Case {
    /// Compiles `source` with `options`; `None`, and the test is skipped, when there is no compiler for it.
    pub(crate) fn compile(source: &str, options: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        compile(directory.path(), "case", source, options).map(|program| Self { _directory: directory, program })
    }

    pub(crate) fn calls() -> Option<Self> {
        Self::compile(include_str!("../cases/calls.c"), &[])
    }

    /// The command that runs the case.
    pub(crate) fn command(&self, words: &[&str]) -> Vec<OsString> {
        [self.program.clone().into_os_string()].into_iter().chain(words.iter().map(OsString::from)).collect()
    }

    /// Records the case with these words.
    #[track_caller]
    pub(crate) fn record(&self, words: &[&str], options: &RecordOptions) -> Option<Recorded> {
        Recorder::start(&self.command(words), options, || {}).finish()
    }
}

/// What came back from the recorder's process.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) run: Run,
    pub(crate) status: Status,
    pub(crate) notes: Vec<String>,
}

impl Recorded {
    /// How often call `nr` of `abi` was made after the command's start.
    pub(crate) fn calls(&self, abi: Abi, nr: u32) -> u64 {
        self.row(abi, nr).map_or(0, |row| row.calls)
    }

    pub(crate) fn row(&self, abi: Abi, nr: u32) -> Option<&Row> {
        self.run.rows.iter().find(|row| (row.abi, row.nr, row.phase) == (abi, nr, Phase::Run))
    }

    /// Nothing is missing, and the command's start is one execve.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        assert!(self.run.lost.is_empty(), "{:?}", self.run.lost);
        assert_eq!(self.run.still_running, 0);
        assert!(self.run.calls_exact);
        let start: Vec<_> = self.run.rows.iter().filter(|row| row.phase == Phase::Exec).collect();
        let [execve] = start[..] else { panic!("not one call before the command: {start:?}") };
        assert_eq!((execve.abi, execve.nr, execve.calls), (Abi::X86_64, 59, 1));
    }
}

/// A recorder in a forked process with one thread, as the command line is one: it reaps its children and takes signals.
pub(crate) struct Recorder {
    pub(crate) pid: Pid,
    directory: TempDir,
}

impl Recorder {
    /// Starts recording in a process that first calls `prepare`.
    pub(crate) fn start(command: &[OsString], options: &RecordOptions, prepare: impl FnOnce()) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // For a recorder that gives up its rights.
        fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
        // SAFETY: nothing that another thread of the test could hold locked is used in the child but the allocator, which
        // glibc keeps usable across fork.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => Self { pid: child, directory },
            ForkResult::Child => {
                prepare();
                let path = directory.path();
                match record(command, options) {
                    Ok(recorded) => {
                        let status = match recorded.status {
                            Status::Exited(code) => (true, code),
                            Status::Signaled(signal) => (false, signal),
                        };
                        let result = serde_json::to_vec(&(recorded.run, status, recorded.notes)).unwrap();
                        fs::write(path.join("recorded"), result).unwrap();
                    }
                    Err(RecordError::Ebpf(reason)) => fs::write(path.join("unavailable"), reason.to_string()).unwrap(),
                    Err(error) => fs::write(path.join("error"), error.to_string()).unwrap(),
                }
                // SAFETY: ends this process alone; what the test owns is its parent's to drop.
                unsafe { libc::_exit(0) }
            }
        }
    }

    /// Waits for the recorder; `None`, and the test is skipped, where eBPF can't be used.
    #[track_caller]
    pub(crate) fn finish(self) -> Option<Recorded> {
        match self.outcome() {
            Outcome::Recorded(recorded) => Some(*recorded),
            Outcome::Unavailable(reason) => {
                skip(&reason);
                None
            }
            Outcome::Error(error) => panic!("{error}"),
        }
    }

    /// Waits for the recorder.
    pub(crate) fn outcome(self) -> Outcome {
        let ended = waitpid(self.pid, None).unwrap();
        assert_eq!(ended, WaitStatus::Exited(self.pid, 0));
        let read = |name| fs::read_to_string(self.directory.path().join(name));
        if let Ok(reason) = read("unavailable") {
            return Outcome::Unavailable(reason);
        }
        if let Ok(error) = read("error") {
            return Outcome::Error(error);
        }
        let result = read("recorded").unwrap();
        let (run, (exited, code), notes): (Run, (bool, i32), Vec<String>) = serde_json::from_str(&result).unwrap();
        let status = if exited { Status::Exited(code) } else { Status::Signaled(code) };
        Outcome::Recorded(Box::new(Recorded { run, status, notes }))
    }
}

/// What recording came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Recorded(Box<Recorded>),
    /// [`RecordError::Ebpf`]
    Unavailable(String),
    /// Any other error.
    Error(String),
}
