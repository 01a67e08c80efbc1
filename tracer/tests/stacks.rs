//! The stack of a first call names the functions on it, without frame pointers.

#![allow(clippy::unwrap_used)]
#![cfg(target_arch = "x86_64")]

mod recorder;
mod support;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::Backend;
use callgate_tracer::record::{RecordError, RecordOptions, record};
use recorder::{Case, Recorded};
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

const GETGID: u32 = 104;
const GETPPID: u32 = 110;
const GETUID: u32 = 102;

fn with_stacks(backend: Backend) -> RecordOptions {
    RecordOptions { backend: Some(backend), stacks: true, ..RecordOptions::default() }
}

fn recorded(options: &[&str], backend: Backend) -> Option<Recorded> {
    let case = Case::compile(include_str!("cases/stacks.c"), options)?;
    let recorded = case.record(&[], &with_stacks(backend))?;
    recorded.assert_complete();
    Some(recorded)
}

fn stack(recorded: &Recorded, nr: u32) -> Vec<String> {
    recorded.row(Abi::X86_64, nr).unwrap().first.as_ref().unwrap().stack.clone()
}

/// Whether the stack has frames of these functions in this order (libraries have their own prefixes), with others between them.
#[track_caller]
fn assert_in_order(stack: &[String], functions: &[&str]) {
    let mut rest = stack.iter();
    for function in functions {
        assert!(
            rest.any(|frame| frame.split(" (").next().unwrap().contains(function)),
            "no {function} where it belongs: {stack:#?}"
        );
    }
}

#[test]
fn functions_are_named_innermost_first() {
    for backend in [Backend::Ebpf, Backend::Ptrace] {
        let Some(recorded) = recorded(&["-fomit-frame-pointer", "-O2"], backend) else { return };
        let getppid = stack(&recorded, GETPPID);
        assert_in_order(&getppid, &["getppid", "innermost", "middle", "main"]);
        let own = getppid.iter().any(|frame| frame.starts_with("innermost") && frame.contains("/case+0x"));
        assert!(own && getppid[0].contains("libc"), "{getppid:#?}");
        // Through a function of the library and back.
        assert_in_order(&stack(&recorded, GETUID), &["syscall", "compare", "qsort", "sorting", "main"]);
        // As deep as what is kept of the stack: 16 KiB of its 31.
        let deep = stack(&recorded, GETGID).iter().filter(|frame| frame.starts_with("deep")).count();
        assert!((10..31).contains(&deep), "{deep} frames");
        // Under ptrace a task waits until the list of its files is read.
        let missing = recorded.notes.iter().any(|note| note.contains("have no stack"));
        assert!(backend == Backend::Ebpf || !missing, "{:?}", recorded.notes);
    }
}

#[test]
fn lines_are_named_where_there_is_debugging_information() {
    let Some(recorded) = recorded(&["-fomit-frame-pointer", "-O2", "-g", "-static"], Backend::Ebpf) else { return };
    let getppid = stack(&recorded, GETPPID);
    assert_in_order(&getppid, &["getppid", "innermost", "middle", "main"]);
    let line = include_str!("cases/stacks.c").lines().position(|line| line.contains("getppid();")).unwrap() + 1;
    let found = getppid.iter().any(|frame| frame.contains(&format!("case.c:{line} (")));
    assert!(found, "no line {line}: {getppid:#?}");
}

#[test]
fn without_names_there_are_addresses() {
    let Some(recorded) = recorded(&["-s", "-no-pie"], Backend::Ebpf) else { return };
    let getppid = stack(&recorded, GETPPID);
    let own = getppid.iter().filter(|frame| frame.contains("/case+0x4")).count();
    assert!(own >= 3, "{getppid:#?}");
}

#[test]
fn a_stack_that_was_not_asked_for_is_not_there() {
    let Some(case) = Case::calls() else { return };
    let ebpf = RecordOptions { stacks: false, ..with_stacks(Backend::Ebpf) };
    let Some(recorded) = case.record(&["loop", "1"], &ebpf) else { return };
    assert!(recorded.run.rows.iter().all(|row| row.first.as_ref().unwrap().stack.is_empty()));
}

#[test]
fn a_program_of_32_bits_has_no_stack_and_a_note() {
    let Some(case) = Case::compile(include_str!("cases/small.c"), &["-m32", "-static", "-nostdlib"]) else { return };
    let Some(recorded) = case.record(&[], &with_stacks(Backend::Ebpf)) else { return };
    recorded.assert_complete();
    assert!(recorded.notes.iter().any(|note| note.contains("have no stack")), "{:?}", recorded.notes);
}

#[test]
fn another_backend_says_that_it_can_not() {
    let error = record(&["true".into()], &with_stacks(Backend::Notify)).unwrap_err();
    assert!(matches!(error, RecordError::NoStacks(Backend::Notify)), "{error}");
}
