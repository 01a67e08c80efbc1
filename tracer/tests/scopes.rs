//! What is recorded of whom, and from when on: filters, refused calls, phases, and what runs already. Needs root, and a C
//! compiler.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used)]

mod recorder;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{Backend, Phase, Run, Scope, Since, Verdict};
use callgate_tracer::cgroup::Cgroup;
use callgate_tracer::record::{
    Capacities, RecordError, RecordOptions, Recorded, Target, Watcher, record_running, record_watched,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use recorder::Case;
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

const GETPPID: u32 = 110;
const GETUID: u32 = 102;
const GETGID: u32 = 104;
const GETPGRP: u32 = 111;
const EXECVE: u32 = 59;

/// `SECCOMP_RET_*`, include/uapi/linux/seccomp.h, as the case reads it.
const ERRNO_13: &str = "0005000d";
const TRAP: &str = "00030000";
const KILL_PROCESS: &str = "80000000";
const KILL_THREAD: &str = "00000000";

fn ebpf() -> RecordOptions {
    RecordOptions { backend: Some(Backend::Ebpf), ..RecordOptions::default() }
}

fn from_the_filter_on() -> RecordOptions {
    RecordOptions { since: Some(Since::Filter), ..ebpf() }
}

/// How often a call was made in a phase.
fn calls(run: &Run, nr: u32, phase: Phase) -> u64 {
    let wanted = |row: &&callgate_profiles::recording::Row| (row.abi, row.nr, row.phase) == (Abi::X86_64, nr, phase);
    run.rows.iter().find(wanted).map_or(0, |row| row.calls)
}

fn denied(run: &Run) -> Vec<(u32, Phase, Verdict, u64)> {
    run.denied.iter().map(|denied| (denied.nr, denied.phase, denied.verdict, denied.calls)).collect()
}

#[test]
fn only_calls_under_a_filter_are_counted_and_refused_ones_apart() {
    let Some(case) = Case::calls() else { return };
    let Some(recorded) = case.record(&["filtered", "300", ERRNO_13], &from_the_filter_on()) else { return };
    let run = &recorded.run;
    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(run.since, Since::Filter);
    assert_eq!(calls(run, GETPGRP, Phase::Exec) + calls(run, GETPGRP, Phase::Run), 0, "before the filter");
    assert_eq!(calls(run, GETUID, Phase::Exec), 300, "under the filter, before the program");
    assert_eq!(calls(run, EXECVE, Phase::Exec), 1);
    assert_eq!(calls(run, GETGID, Phase::Run), 300, "the program");
    let refused = |phase| (GETPPID, phase, Verdict::Errno(13), 300);
    assert_eq!(denied(run), [refused(Phase::Exec), refused(Phase::Run)]);
    let first = run.denied[0].first.as_ref().unwrap();
    assert!(first.executable.as_deref().is_some_and(|program| program.ends_with("/case")), "{first:?}");
}

#[test]
fn what_a_filter_does_to_a_call_is_told_apart() {
    let Some(case) = Case::calls() else { return };
    // A process that is killed is gone. One that lost a thread, or has a handler, goes on to the next program, which has
    // one thread and no handler.
    for (action, verdict, before, after) in [
        (TRAP, Verdict::Trap, 7, Some(1)),
        (KILL_PROCESS, Verdict::Kill, 1, None),
        (KILL_THREAD, Verdict::Kill, 1, Some(1)),
    ] {
        let Some(recorded) = case.record(&["filtered", "7", action], &from_the_filter_on()) else { return };
        let before = (GETPPID, Phase::Exec, verdict, before);
        let after = after.map(|times| (GETPPID, Phase::Run, verdict, times));
        assert_eq!(denied(&recorded.run), Vec::from_iter([before].into_iter().chain(after)), "{action}");
        let goes_on = if after.is_some() { 7 } else { 0 };
        assert_eq!(calls(&recorded.run, GETGID, Phase::Run), goes_on, "{action}");
        assert!(recorded.run.lost.is_empty(), "{action}: {:?}", recorded.run.lost);
    }
}

#[test]
fn refused_calls_that_find_no_room_make_the_recording_incomplete() {
    let Some(case) = Case::calls() else { return };
    let capacities = Capacities { denied: Some(1), ..Capacities::default() };
    let options = RecordOptions { capacities, ..from_the_filter_on() };
    let Some(recorded) = case.record(&["filtered", "7", ERRNO_13], &options) else { return };
    let lost: Vec<_> = recorded.run.lost.iter().map(|(name, &count)| (name.as_str(), count)).collect();
    assert_eq!(lost, [("denied_calls", 7)], "there is room for one of the two phases");
    assert!(!recorded.run.is_complete());
}

#[test]
fn a_command_without_a_filter_has_nothing_to_count_from() {
    let Some(case) = Case::calls() else { return };
    let Some(recorded) = case.record(&["loop", "5"], &from_the_filter_on()) else { return };
    assert_eq!(recorded.run.rows, []);
    assert!(recorded.run.is_complete());
}

#[test]
fn serving_begins_when_a_listener_waits() {
    let Some(case) = Case::calls() else { return };
    let Some(recorded) = case.record(&["serve", "40"], &ebpf()) else { return };
    recorded.assert_complete();
    let run = &recorded.run;
    assert_eq!((calls(run, GETPPID, Phase::Run), calls(run, GETPPID, Phase::Serving)), (40, 0));
    assert_eq!((calls(run, GETUID, Phase::Run), calls(run, GETUID, Phase::Serving)), (0, 40));
    assert_eq!(calls(run, 43, Phase::Serving), 1, "accept itself");
    assert!(run.serving_after.is_some());
}

#[test]
fn what_does_not_listen_does_not_serve_unless_the_user_says_so() {
    let Some(case) = Case::calls() else { return };
    let Some(recorded) = case.record(&["loop", "40"], &ebpf()) else { return };
    assert_eq!(recorded.run.serving_after, None);
    let options = RecordOptions { serving_after: Some(Duration::ZERO), ..ebpf() };
    let Some(recorded) = case.record(&["orphan", "40"], &options) else { return };
    let run = &recorded.run;
    assert!(run.serving_after.is_some() && run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(calls(run, GETPPID, Phase::Serving), 40, "the daemon's calls come after the command's end");
}

#[test]
fn every_row_says_who_was_first() {
    let Some(case) = Case::calls() else { return };
    for backend in [Backend::Ebpf, Backend::Notify, Backend::Ptrace] {
        let options = RecordOptions { test: Some("spawning".to_owned()), backend: Some(backend), ..ebpf() };
        let Some(recorded) = case.record(&["spawn", "2"], &options) else { return };
        recorded.assert_complete();
        for row in &recorded.run.rows {
            let first = row.first.as_ref().unwrap_or_else(|| panic!("{backend}: {row:?}"));
            assert_eq!(first.test.as_deref(), Some("spawning"));
            assert_eq!(first.executable.is_none(), row.phase == Phase::Exec, "{backend}: {row:?}");
            assert!(row.phase == Phase::Exec || first.thread == "case", "{backend}: {row:?}");
        }
        let times: Vec<u64> = recorded.run.rows.iter().map(|row| row.first.as_ref().unwrap().after).collect();
        let start = recorded.run.rows.iter().find(|row| row.phase == Phase::Exec).unwrap();
        let start = start.first.as_ref().unwrap().after;
        assert_eq!(times.iter().min(), Some(&start), "{backend}: the command's start comes first");
    }
}

/// The case `waiting`, up to where it waits.
struct Waiting {
    child: Child,
    pids: [u32; 2],
}

impl Waiting {
    fn start(case: &Case, calls: &str) -> Self {
        let words = case.command(&["waiting", calls]);
        let mut child = Command::new(&words[0]).args(&words[1..]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pids = [child.id(), line.trim().parse().unwrap()];
        Self { child, pids }
    }

    fn go(&self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGUSR2).unwrap();
    }
}

/// Lets what waits go on once nothing is missed, and keeps checkpoints.
struct Starter<'a> {
    start: &'a mut dyn FnMut(),
    checkpoints: Vec<Run>,
}

impl Watcher for Starter<'_> {
    fn ready(&mut self) {
        (self.start)();
    }

    fn checkpoint(&mut self, run: Run) {
        self.checkpoints.push(run);
    }
}

/// Records what runs; `None`, and the test is skipped, where eBPF can't be used.
fn follow(target: &Target, options: &RecordOptions, start: &mut dyn FnMut()) -> Option<(Recorded, Vec<Run>)> {
    let mut starter = Starter { start, checkpoints: Vec::new() };
    match record_running(target, options, &mut starter) {
        Ok(recorded) => Some((recorded, starter.checkpoints)),
        Err(RecordError::Ebpf(reason)) => {
            (starter.start)();
            support::skip(&reason.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_process_that_runs_is_recorded_with_its_threads_and_children() {
    let Some(case) = Case::calls() else { return };
    let mut waiting = Waiting::start(&case, "5000");
    let target = Target::Process(waiting.child.id());
    // Another like it, which nobody asked about.
    let mut other = Waiting::start(&case, "777");
    let recorded = follow(&target, &ebpf(), &mut || {
        waiting.go();
        other.go();
    });
    waiting.child.wait().unwrap();
    other.child.wait().unwrap();
    let Some((Recorded { run, .. }, _)) = recorded else { return };
    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(run.scope, Scope::Process(waiting.child.id()));
    assert_eq!((run.still_running, run.ended.as_str()), (0, "scope ended"));
    assert_eq!(calls(&run, GETPPID, Phase::Run), 4 * 5000);
    assert_eq!(run.denied, []);
    the_program_is_known(&run, &waiting);
}

/// Whoever was first ran the case, a child too that was forked while the recording ran.
fn the_program_is_known(run: &Run, waiting: &Waiting) {
    for nr in [GETPPID, GETUID] {
        let row = run.rows.iter().find(|row| (row.nr, row.phase) == (nr, Phase::Run)).unwrap();
        let first = row.first.as_ref().unwrap();
        assert!(first.executable.as_deref().is_some_and(|program| program.ends_with("/case")), "{first:?}");
        assert!(nr == GETPPID || !waiting.pids.contains(&first.process), "{first:?}");
    }
}

#[test]
fn what_runs_already_is_left_running_when_the_time_is_up() {
    let Some(case) = Case::calls() else { return };
    let mut waiting = Waiting::start(&case, "1");
    let options = RecordOptions {
        duration: Some(Duration::from_millis(300)),
        checkpoint: Some(Duration::from_millis(50)),
        ..ebpf()
    };
    let recorded = follow(&Target::Process(waiting.child.id()), &options, &mut || {});
    waiting.go();
    waiting.child.wait().unwrap();
    let Some((Recorded { run, .. }, checkpoints)) = recorded else { return };
    assert_eq!((run.still_running, run.ended.as_str(), run.in_progress), (2, "stopped", false));
    assert!(run.is_complete());
    let checkpoint = checkpoints.first().expect("a checkpoint");
    assert!(checkpoint.in_progress && !checkpoint.is_complete());
    assert_eq!((&checkpoint.id, checkpoint.ended.as_str()), (&run.id, "recording in progress"));
}

#[test]
fn no_such_process() {
    let target = Target::Process(u32::MAX >> 1);
    match record_running(&target, &ebpf(), &mut ()) {
        Err(RecordError::Ebpf(reason)) => support::skip(&reason.to_string()),
        Err(error) => assert!(error.to_string().contains("next: "), "{error}"),
        Ok(recorded) => panic!("{recorded:?}"),
    }
}

#[test]
fn checkpoints_come_while_a_command_runs() {
    let Some(case) = Case::calls() else { return };
    let words = case.command(&["orphan", "40"]);
    for backend in [Backend::Ebpf, Backend::Notify, Backend::Ptrace] {
        let options = RecordOptions {
            backend: Some(backend),
            checkpoint: Some(Duration::from_millis(1)),
            serving_after: Some(Duration::ZERO),
            ..RecordOptions::default()
        };
        // In a process with one thread, which takes its signals and reaps its children.
        let (status, said) = support::forked(|| {
            let mut starter = Starter { start: &mut || {}, checkpoints: Vec::new() };
            match record_watched(&words, &options, &mut starter) {
                Ok(recorded) => i32::from(!all_lead_to(&starter.checkpoints, &recorded.run)),
                Err(RecordError::Ebpf(_)) => 0,
                Err(error) => {
                    support::say(&error.to_string());
                    2
                }
            }
        });
        assert_eq!(status, 0, "{backend}: {said}");
    }
}

/// Whether there are checkpoints, and each is a part of the run: what is there stays there.
fn all_lead_to(checkpoints: &[Run], run: &Run) -> bool {
    let leads = |checkpoint: &Run| {
        let marked = checkpoint.in_progress && !run.in_progress;
        let same = (&checkpoint.id, checkpoint.backend) == (&run.id, run.backend);
        marked && same && checkpoint.rows.iter().all(|row| calls(run, row.nr, row.phase) >= row.calls)
    };
    !checkpoints.is_empty() && checkpoints.iter().all(leads)
}

/// A cgroup for one test; `None`, and the test is skipped, where there is none to be had.
fn new_cgroup(name: &str) -> Option<Cgroup> {
    match Cgroup::create(&format!("callgate-test-{name}-{}", std::process::id())) {
        Ok(cgroup) => Some(cgroup),
        Err(error) => {
            support::skip(&error.to_string());
            None
        }
    }
}

fn procs(cgroup: &Cgroup) -> std::path::PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 ")).unwrap();
    let mount = mount.split(' ').nth(4).unwrap();
    Path::new(mount).join(cgroup.path().trim_start_matches('/')).join("cgroup.procs")
}

#[test]
fn a_cgroup_is_recorded_with_what_is_in_it_and_what_enters_it() {
    let Some(case) = Case::calls() else { return };
    let Some(cgroup) = new_cgroup("members") else { return };
    let mut waiting = Waiting::start(&case, "5000");
    let mut other = Waiting::start(&case, "777");
    for pid in waiting.pids {
        fs::write(procs(&cgroup), pid.to_string()).unwrap();
    }
    assert_eq!(Vec::from_iter(cgroup.processes()), {
        let mut pids = waiting.pids;
        pids.sort_unstable();
        pids
    });
    let target =
        Target::Cgroup { cgroup: cgroup.clone(), scope: Scope::Cgroup(cgroup.path().to_owned()), starting: None };
    let program = case.command(&[])[0].clone();
    let recorded = follow(&target, &ebpf(), &mut || {
        // As `docker exec` does: enters, and starts a program.
        let enter = "echo $$ > \"$0\" && exec \"$1\" loop 300";
        let status = Command::new("sh").arg("-c").arg(enter).arg(procs(&cgroup)).arg(&program).status().unwrap();
        assert!(status.success());
        other.go();
        waiting.go();
    });
    waiting.child.wait().unwrap();
    other.child.wait().unwrap();
    cgroup.remove();
    let Some((Recorded { run, .. }, _)) = recorded else { return };
    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(run.since, Since::Start, "nothing in it has a filter");
    assert_eq!(calls(&run, GETPPID, Phase::Run), 4 * 5000 + 300);
    the_program_is_known(&run, &waiting);
    let before: Vec<_> =
        run.rows.iter().filter(|row| row.phase == Phase::Exec).map(|row| (row.nr, row.calls)).collect();
    assert_eq!(before, [(EXECVE, 1)], "what enters is recorded from its program on");
    assert_eq!((run.still_running, run.ended.as_str()), (0, "scope ended"));
}
