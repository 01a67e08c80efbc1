//! The filters of a living process are the ones it loaded.

#![allow(clippy::unwrap_used)]

mod support;

use std::ffi::OsString;
use std::time::Duration;

use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_tracer::command::Prepared;
use callgate_tracer::enforce::{self, EnforceOptions};
use callgate_tracer::filters::{FiltersError, filters};
use support::{filter, skip};
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

/// A process that sleeps under a filter. It is ended when this is dropped.
struct Sleeper(i32);

impl Drop for Sleeper {
    fn drop(&mut self) {
        // SAFETY: the child is this process's own and hasn't been waited for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}

fn sleeper(program: Option<&Program>) -> Sleeper {
    let command = Prepared::new(&["sleep", "600"].map(OsString::from)).unwrap();
    // SAFETY: the child is single-threaded and uses only what glibc keeps usable after fork.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        if let Some(program) = program {
            let _ = enforce::run(program, &[], &command, EnforceOptions::default());
        }
        // SAFETY: these end or suspend the child alone.
        unsafe {
            libc::sleep(600);
            libc::_exit(9);
        }
    }
    let sleeper = Sleeper(pid);
    let wanted = if program.is_some() { "Seccomp:\t2" } else { "Seccomp:\t" };
    // Until the child has come so far.
    while !std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains(wanted) {
        std::thread::sleep(Duration::from_millis(2));
    }
    sleeper
}

/// Whether this process may look; a test that can't is skipped.
fn may_look(found: &Result<Vec<Program>, FiltersError>) -> bool {
    match found {
        Err(
            error @ (FiltersError::NotPermitted
            | FiltersError::Confined
            | FiltersError::NotKept
            | FiltersError::NotTraceable(_)),
        ) => {
            skip(&error.to_string());
            false
        }
        _ => true,
    }
}

#[test]
fn a_filter_comes_back_as_it_was_loaded() {
    let program =
        filter(&[(libc::SYS_kexec_load, Action::KillProcess), (libc::SYS_ptrace, Action::Errno(38))], Action::Allow);
    let sleeper = sleeper(Some(&program));
    for _ in 0..3 {
        let found = filters(sleeper.0);
        if !may_look(&found) {
            return;
        }
        assert_eq!(found, Ok(vec![program.clone()]));
    }
    // It goes on as before: still there, and traced by nobody.
    let status = std::fs::read_to_string(format!("/proc/{}/status", sleeper.0)).unwrap();
    assert!(status.contains("TracerPid:\t0"), "{status}");
}

#[test]
fn a_process_without_filters_has_none() {
    let sleeper = sleeper(None);
    let found = filters(sleeper.0);
    // A test that runs under a filter passes it on to its children.
    if may_look(&found) {
        let own = std::fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp:\t0");
        assert!(!own || found == Ok(Vec::new()), "{found:?}");
    }
}

#[test]
fn no_process() {
    // Past the largest number a process can have (PID_MAX_LIMIT, include/linux/threads.h).
    assert_eq!(filters(1 << 23), Err(FiltersError::NoProcess(1 << 23)));
}
