//! How long a recording lasts, what signals do to it, and what the command inherits. Needs root, and a C compiler.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used)]

mod recorder;
mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::process::Command;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::Backend;
use callgate_tracer::record::{RecordOptions, Status};
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::unistd::Pid;

use recorder::{Case, Recorder};
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

const GETPPID: u32 = 110;

fn ebpf() -> RecordOptions {
    RecordOptions { backend: Some(Backend::Ebpf), ..RecordOptions::default() }
}

/// A recorder whose command's standard output is read here.
struct Watched {
    recorder: Recorder,
    output: BufReader<PipeReader>,
}

impl Watched {
    fn start(case: &Case, words: &[&str], prepare: impl FnOnce()) -> Self {
        let (reader, writer): (PipeReader, PipeWriter) = pipe().unwrap();
        let recorder = Recorder::start(&case.command(words), &ebpf(), || {
            become_descriptor(writer.as_raw_fd(), libc::STDOUT_FILENO);
            prepare();
        });
        Self { recorder, output: BufReader::new(reader) }
    }

    /// The command's next line; empty when it ended, or never ran.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }
}

fn become_descriptor(from: RawFd, to: RawFd) {
    // SAFETY: both are plain numbers; in the forked recorder nothing else uses `to`.
    assert!(unsafe { libc::dup2(from, to) } >= 0);
}

#[test]
fn a_signal_ends_the_wait_for_a_daemon_and_says_that_it_still_runs() {
    let Some(case) = Case::calls() else { return };
    for ending in [Signal::SIGINT, Signal::SIGTERM] {
        let mut watched = Watched::start(&case, &["lingering", "321"], || {});
        // The daemon says its number once the command has ended.
        let daemon = watched.line().trim().parse().ok().map(Pid::from_raw);
        if daemon.is_some() {
            kill(watched.recorder.pid, ending).unwrap();
        }
        let Some(recorded) = watched.recorder.finish() else { return };
        assert_eq!(recorded.status, Status::Exited(0));
        assert_eq!(recorded.run.still_running, 1);
        assert_eq!(recorded.calls(Abi::X86_64, GETPPID), 321);
        assert!(recorded.run.lost.is_empty(), "{:?}", recorded.run.lost);
        assert!(recorded.notes.iter().any(|note| note.contains("1 descendant")), "{:?}", recorded.notes);
        kill(daemon.unwrap(), Signal::SIGKILL).unwrap();
    }
}

#[test]
fn a_signal_of_another_process_is_passed_on_to_the_command() {
    let Some(case) = Case::calls() else { return };
    let mut watched = Watched::start(&case, &["interrupts"], || {});
    for (wanted, then) in [("ready\n", Signal::SIGINT), ("interrupt\n", Signal::SIGTERM)] {
        if watched.line() == wanted {
            kill(watched.recorder.pid, then).unwrap();
        }
    }
    let Some(recorded) = watched.recorder.finish() else { return };
    recorded.assert_complete();
    assert_eq!(recorded.status, Status::Exited(1));
}

#[test]
fn ctrl_c_reaches_the_command_once_and_the_recorder_survives_it() {
    let Some(case) = Case::calls() else { return };
    let (mut keyboard, terminal) = pseudo_terminal();
    let mut watched = Watched::start(&case, &["interrupts"], || {
        // SAFETY: the forked recorder starts a session, of which the terminal becomes the controlling one.
        assert!(unsafe { libc::setsid() } > 0 && unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) } == 0);
    });
    if watched.line() == "ready\n" {
        keyboard.write_all(&[0x03]).unwrap();
        assert_eq!(watched.line(), "interrupt\n");
        kill(watched.recorder.pid, Signal::SIGTERM).unwrap();
    }
    let Some(recorded) = watched.recorder.finish() else { return };
    recorded.assert_complete();
    assert_eq!(recorded.status, Status::Exited(1));
}

/// A new terminal: what is typed, and where programs read it.
fn pseudo_terminal() -> (File, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    let none = std::ptr::null_mut();
    // SAFETY: two ints to write; name, settings and size may be left out.
    let opened = unsafe { libc::openpty(&raw mut master, &raw mut slave, none, none.cast(), none.cast()) };
    assert_eq!(opened, 0);
    // SAFETY: openpty has just made both, and nothing else owns them.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

#[test]
fn the_command_inherits_signals_as_they_were_and_no_descriptor() {
    let Some(case) = Case::calls() else { return };
    let close = || {
        // SAFETY: in the forked recorder, before it opens anything.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    };
    let Some(recorded) = Recorder::start(&case.command(&["inherited"]), &ebpf(), close).finish() else { return };
    assert_eq!(recorded.status, Status::Exited(0));

    let unusual = || {
        close();
        // SAFETY: ignoring runs no handler.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.unwrap();
        SigSet::from_iter([Signal::SIGUSR1]).thread_block().unwrap();
    };
    let Some(recorded) = Recorder::start(&case.command(&["inherited"]), &ebpf(), unusual).finish() else { return };
    recorded.assert_complete();
    assert_eq!(recorded.status, Status::Exited(2 | 4));
}

#[test]
fn a_child_the_recorder_had_before_is_not_waited_for() {
    let Some(case) = Case::calls() else { return };
    let (input, keep_open) = pipe().unwrap();
    let start_earlier = || {
        // Ends when its input does: with this test, whose end of the pipe the recorder doesn't pass on.
        #[expect(clippy::zombie_processes, reason = "what becomes of it is the test")]
        Command::new("cat").stdin(input.try_clone().unwrap()).spawn().unwrap();
    };
    let recorder = Recorder::start(&case.command(&["loop", "10"]), &ebpf(), start_earlier);
    let Some(recorded) = recorder.finish() else { return };
    drop(keep_open);
    recorded.assert_complete();
    assert_eq!(recorded.calls(Abi::X86_64, GETPPID), 10);
}
