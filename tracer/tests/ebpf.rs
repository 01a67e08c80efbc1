//! The eBPF recorder against programs whose calls are known beforehand. Needs root, and a C compiler.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used)]

mod recorder;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{Backend, Row, Values};
use callgate_tracer::record::{Capacities, RecordOptions, Status};

use recorder::{Case, Outcome, Recorded, Recorder};
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

const GETPPID: u32 = 110;

fn ebpf() -> RecordOptions {
    RecordOptions { backend: Some(Backend::Ebpf), ..RecordOptions::default() }
}

/// Records a case that makes `getppids` calls of getppid, in all its processes.
#[track_caller]
fn check(words: &[&str], getppids: u64) {
    let Some(recorded) = Case::calls().and_then(|case| case.record(words, &ebpf())) else { return };
    recorded.assert_complete();
    assert_eq!(recorded.status, Status::Exited(0));
    assert_eq!(recorded.calls(Abi::X86_64, GETPPID), getppids);
}

#[test]
fn a_loop() {
    check(&["loop", "2000000"], 2_000_000);
}

#[test]
fn sixteen_processes_with_a_million_calls_each() {
    check(&["processes", "16"], 16_000_000);
}

#[test]
fn ten_thousand_forks() {
    check(&["forks", "10000"], 10_000);
}

#[test]
fn two_hundred_threads() {
    check(&["threads", "200"], 200_000);
}

#[test]
fn children_made_by_vfork() {
    check(&["vfork", "200"], 2_000);
}

#[test]
fn children_made_by_posix_spawn() {
    check(&["spawn", "200"], 2_000);
}

#[test]
fn a_daemon_that_outlives_the_command() {
    check(&["orphan", "1000"], 1_000);
}

#[test]
fn a_child_hidden_from_ptrace() {
    check(&["untraced", "700"], 700);
}

#[test]
fn a_child_that_is_the_recorders() {
    check(&["sibling", "700"], 700);
}

#[test]
fn exec_from_a_thread() {
    check(&["thread-exec", "5000"], 5_000);
}

#[test]
fn tasks_that_the_kernel_refused_storage() {
    let Some(case) = Case::calls() else { return };
    let capacities = Capacities { refuse_task_storage: 1, ..Capacities::default() };
    let options = RecordOptions { capacities, ..ebpf() };
    for (words, getppids) in
        [(["forks", "1000"], 1_000), (["threads", "200"], 200_000), (["thread-exec", "5000"], 5_000)]
    {
        let Some(recorded) = case.record(&words, &options) else { return };
        recorded.assert_complete();
        assert_eq!(recorded.calls(Abi::X86_64, GETPPID), getppids);
    }
}

#[test]
fn thirty_two_bit_calls_of_a_64_bit_program() {
    let Some(recorded) = Case::calls().and_then(|case| case.record(&["int80", "100"], &ebpf())) else { return };
    recorded.assert_complete();
    assert_eq!(recorded.calls(Abi::X86, 20), 100);
    assert_eq!(recorded.calls(Abi::X86_64, 20), 0);
    assert_eq!(recorded.calls(Abi::X86_64, GETPPID), 100);
    assert_eq!(values(&recorded, Abi::X86, 136, "personality"), BTreeSet::from([0xffff_ffff]));
}

#[test]
fn a_32_bit_program() {
    let options = ["-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-stack-protector", "-fno-pic"];
    let Some(case) = Case::compile(include_str!("cases/small.c"), &options) else { return };
    let Some(recorded) = case.record(&[], &ebpf()) else { return };
    recorded.assert_complete();
    assert_eq!(recorded.status, Status::Exited(3));
    let rows: Vec<_> = recorded.run.rows[1..].iter().map(|row| (row.abi, row.nr, row.calls)).collect();
    let wanted = [(1, 2), (2, 1), (7, 1), (64, 1_001), (359, 1)];
    assert_eq!(rows, wanted.map(|(nr, calls)| (Abi::X86, nr, calls)));
    assert_eq!(values(&recorded, Abi::X86, 359, "family"), BTreeSet::from([10]));
    assert_eq!(values(&recorded, Abi::X86, 359, "type"), BTreeSet::from([0x8_0002]));
}

#[test]
fn numbers_without_a_counter_of_their_own() {
    let Some(recorded) = Case::calls().and_then(|case| case.record(&["numbers", "300"], &ebpf())) else { return };
    recorded.assert_complete();
    for nr in (600..900).chain([u32::MAX]) {
        assert_eq!(recorded.calls(Abi::X86_64, nr), 1, "{nr:#x}");
    }
    assert_eq!(recorded.calls(Abi::X32, 0x4000_0000 + GETPPID), 1);
    assert_eq!(recorded.calls(Abi::X86_64, GETPPID), 0);
}

#[test]
fn calls_through_the_vsyscall_page() {
    let Some(recorded) = Case::calls().and_then(|case| case.record(&["vsyscall", "50"], &ebpf())) else { return };
    recorded.assert_complete();
    if recorded.status == Status::Signaled(libc::SIGSEGV) {
        return support::skip("the kernel has no vsyscall page (vsyscall=none)");
    }
    assert_eq!(recorded.calls(Abi::X86_64, 201), 50);
}

/// The values that one parameter of a call was seen with.
#[track_caller]
fn values(recorded: &Recorded, abi: Abi, nr: u32, parameter: &str) -> BTreeSet<u64> {
    let arguments = &recorded.row(abi, nr).expect("the call was recorded").arguments;
    match arguments.get(parameter) {
        Some(Values::Seen(values)) => values.clone(),
        other => panic!("{parameter}: {other:?} in {arguments:?}"),
    }
}

#[test]
fn selectors_and_flags_are_kept_as_wide_as_the_kernel_reads_them() {
    let Some(recorded) = Case::calls().and_then(|case| case.record(&["arguments"], &ebpf())) else { return };
    recorded.assert_complete();
    assert_eq!(values(&recorded, Abi::X86_64, 41, "family"), BTreeSet::from([1, 2]));
    assert_eq!(values(&recorded, Abi::X86_64, 41, "type"), BTreeSet::from([1, 0x8_0002]));
    assert_eq!(values(&recorded, Abi::X86_64, 16, "cmd"), BTreeSet::from([0x5401, 0x8004_5430]));
    assert_eq!(recorded.notes, Vec::<String>::new());
}

#[test]
fn too_many_values_make_an_argument_unbounded_and_lose_nothing() {
    let Some(case) = Case::calls() else { return };
    let Some(recorded) = case.record(&["requests", "256"], &ebpf()) else { return };
    recorded.assert_complete();
    assert_eq!(values(&recorded, Abi::X86_64, 16, "cmd"), (0x1000..0x1100).collect());

    let small = Capacities { large_values: Some(32), ..Capacities::default() };
    for (count, capacities) in [("257", Capacities::default()), ("100", small)] {
        let Some(recorded) = case.record(&["requests", count], &RecordOptions { capacities, ..ebpf() }) else { return };
        recorded.assert_complete();
        let row = recorded.row(Abi::X86_64, 16).unwrap();
        assert_eq!(row.calls.to_string(), count);
        assert!(row.arguments.values().any(|values| matches!(values, Values::Unbounded(_))), "{row:?}");
        assert!(recorded.notes.iter().any(|note| note.contains("unbounded")), "{:?}", recorded.notes);
    }
}

#[test]
fn a_full_map_marks_the_recording_incomplete() {
    let Some(case) = Case::calls() else { return };
    let capacities = Capacities { other_numbers: Some(8), ..Capacities::default() };
    let Some(recorded) = case.record(&["numbers", "300"], &RecordOptions { capacities, ..ebpf() }) else { return };
    let lost: Vec<_> = recorded.run.lost.iter().map(|(name, &count)| (name.as_str(), count)).collect();
    let kept = recorded.run.rows.iter().filter(|row| row.nr >= 512).count() as u64;
    assert_eq!(lost, [("other_numbers", 302 - kept)]);

    let capacities = Capacities { stragglers: Some(8), refuse_task_storage: 1, ..Capacities::default() };
    let Some(recorded) = case.record(&["threads-at-once", "200"], &RecordOptions { capacities, ..ebpf() }) else {
        return;
    };
    let lost: Vec<_> = recorded.run.lost.keys().collect();
    assert_eq!(lost, ["forked_tasks"]);
}

#[test]
fn the_end_of_the_command_is_told() {
    let Some(case) = Case::calls() else { return };
    for (words, status, ended) in [
        (["exit", "7"], Status::Exited(7), "exit 7"),
        (["die", "9"], Status::Signaled(9), "signal 9"),
        // Ignored in every Rust program, and at its default in the command.
        (["die", "13"], Status::Signaled(13), "signal 13"),
    ] {
        let Some(recorded) = case.record(&words, &ebpf()) else { return };
        recorded.assert_complete();
        assert_eq!((recorded.status, recorded.run.ended.as_str()), (status, ended));
    }
}

#[test]
fn a_file_that_the_kernel_refuses_is_an_error_with_a_next_step() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("neither-program-nor-script");
    std::fs::write(&path, "text\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    match Recorder::start(&[path.into_os_string()], &ebpf(), || {}).outcome() {
        Outcome::Unavailable(reason) => support::skip(&reason),
        Outcome::Error(error) => assert!(error.contains("ENOEXEC") && error.contains("next: "), "{error}"),
        Outcome::Recorded(recorded) => panic!("recorded {recorded:?}"),
    }
}

/// Every row, not only the calls that the case makes on purpose: against a tracer that stops the program at each call.
#[test]
fn every_count_is_straces() {
    let Some(case) = Case::compile(include_str!("cases/calls.c"), &["-static"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("strace");
    for words in [&["loop", "100"], &["spawn", "5"], &["vfork", "5"]] {
        let strace = Command::new("strace").args(["-f", "-qq", "-o"]).arg(&log).args(case.command(words)).status();
        if !strace.is_ok_and(|status| status.success()) {
            return support::skip("no strace, or it may not trace");
        }
        let mut counts = BTreeMap::new();
        for line in std::fs::read_to_string(&log).unwrap().lines() {
            let words = line.split_once(' ').unwrap().1.trim_start();
            // Not of a signal, an end, or the second half of a call.
            let Some((name, _)) = words.split_once('(').filter(|_| words.starts_with(char::is_alphabetic)) else {
                continue;
            };
            *counts.entry(name.to_owned()).or_insert(0) += 1;
        }
        let Some(recorded) = case.record(words, &ebpf()) else { return };
        recorded.assert_complete();
        let mut recorded_counts = BTreeMap::new();
        for row in &recorded.run.rows {
            *recorded_counts.entry(row.syscall.clone().unwrap()).or_insert(0) += row.calls;
        }
        assert_eq!(recorded_counts, counts, "{words:?}");
    }
}

#[test]
fn without_rights_the_error_says_which_are_missing() {
    let nobody = support::become_nobody;
    match Recorder::start(&["true".into()], &ebpf(), nobody).outcome() {
        Outcome::Unavailable(error) => {
            assert!(error.contains("CAP_BPF") && error.contains("next: "), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

/// The same program under all three: what one of them saw, all must have seen.
#[test]
fn the_backends_agree() {
    let Some(case) = Case::calls() else { return };
    for words in [&["spawn", "5"], &["threads", "3"], &["int80", "7"], &["orphan", "9"]] {
        let by = |backend| case.record(words, &RecordOptions { backend: Some(backend), ..RecordOptions::default() });
        let rows = |recorded: Recorded| {
            let rows = recorded.run.rows.into_iter();
            // How often a task waits for another depends on which is faster.
            let waiting = ["futex", "clock_nanosleep", "kill", "madvise"];
            let rows = rows.filter(|row| !waiting.contains(&row.syscall.as_deref().unwrap_or_default()));
            // Only eBPF says who was first.
            rows.map(|row| Row { first: None, ..row }).collect::<Vec<_>>()
        };
        let Some(wanted) = by(Backend::Ebpf).map(rows) else { return };
        for backend in [Backend::Notify, Backend::Ptrace] {
            let Some(recorded) = by(backend) else { return };
            assert_eq!(rows(recorded), wanted, "{words:?} by {backend:?}");
        }
    }
}

#[test]
fn without_rights_another_backend_records_and_says_why() {
    match Recorder::start(&["true".into()], &RecordOptions::default(), support::become_nobody).outcome() {
        Outcome::Recorded(recorded) => {
            assert_ne!(recorded.run.backend, Backend::Ebpf);
            assert!(recorded.notes[0].contains("CAP_BPF"), "{:?}", recorded.notes);
        }
        other => panic!("{other:?}"),
    }
}
