//! `run`: the command under the filter is the process itself.

#![allow(clippy::unwrap_used)]

mod support;

use std::ffi::OsString;

use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::policy::FilterFlag;
use callgate_tracer::command::Prepared;
use callgate_tracer::enforce::{self, EXEC_FAILED, EnforceError, EnforceOptions, LoadError};
use support::{become_nobody, compile, exited, filter, forked, say, skip};
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

/// What the forked child ends with when `run` returned.
const NOT_RUN: i32 = 99;

fn run(program: &Program, flags: &[FilterFlag], command: &Prepared) -> (i32, String) {
    forked(|| {
        let error = enforce::run(program, flags, command, EnforceOptions::default());
        say(&error.to_string());
        NOT_RUN
    })
}

fn command<const N: usize>(words: [&str; N]) -> Prepared {
    Prepared::new(&words.map(OsString::from)).unwrap()
}

fn shell(script: &str) -> Prepared {
    command(["sh", "-c", script])
}

#[test]
fn status_and_signals_are_the_commands() {
    let allow_all = filter(&[], Action::Allow);
    let flags = [FilterFlag::Log, FilterFlag::SpecAllow, FilterFlag::Tsync];
    assert_eq!(run(&allow_all, &flags, &shell("exit 0")), (exited(0), String::new()));
    assert_eq!(run(&allow_all, &[], &shell("exit 7")).0, exited(7));
    assert_eq!(run(&allow_all, &[], &shell("kill -TERM $$")).0, libc::SIGTERM);
}

#[test]
fn a_denied_call_returns_eperm_and_a_killed_one_kills() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("made");
    let mkdir = command(["mkdir", made.to_str().unwrap()]);
    let rules = |action| {
        [
            (libc::SYS_mkdirat, action),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_mkdir, action),
        ]
    };
    let (status, text) = run(&filter(&rules(Action::Errno(1)), Action::Allow), &[], &mkdir);
    assert_eq!(status, exited(1));
    assert!(text.contains("Operation not permitted"), "{text}");
    let (status, _) = run(&filter(&rules(Action::KillProcess), Action::Allow), &[], &mkdir);
    assert_eq!(status & 0x7f, libc::SIGSYS);
    assert!(!made.exists());
    assert_eq!(run(&filter(&[], Action::Allow), &[], &mkdir).0, exited(0));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn execve_is_the_only_call_after_the_load() {
    let directory = tempfile::tempdir().unwrap();
    let source = "void _start(void) { __asm__ volatile(\"syscall\" :: \"a\"(231), \"D\"(41)); }";
    let Some(tiny) = compile(directory.path(), "tiny", source, &["-nostdlib", "-static"]) else { return };
    let only =
        |calls: &[i64]| filter(&calls.iter().map(|&nr| (nr, Action::Allow)).collect::<Vec<_>>(), Action::KillProcess);
    let tiny = command([tiny.to_str().unwrap()]);
    assert_eq!(run(&only(&[libc::SYS_execve, libc::SYS_exit_group]), &[], &tiny), (exited(41), String::new()));
    assert_eq!(run(&only(&[libc::SYS_exit_group]), &[], &tiny).0 & 0x7f, libc::SIGSYS);
    assert_eq!(run(&only(&[libc::SYS_execve]), &[], &tiny).0 & 0x7f, libc::SIGSYS);
}

#[test]
fn nothing_runs_when_the_load_fails() {
    let directory = tempfile::tempdir().unwrap();
    let proof = directory.path().join("ran");
    let touch = command(["touch", proof.to_str().unwrap()]);
    let allow_all = filter(&[], Action::Allow);
    let without_return = Program::new(allow_all.instructions[..1].to_vec());
    let too_long = filter(&[(0, Action::Allow); 2048], Action::Allow);
    let notify = filter(&[(libc::SYS_mount, Action::Notify)], Action::Allow);
    let failures: [(&Program, &[FilterFlag], &str); 5] = [
        (&without_return, &[], "refuses the filter as invalid"),
        (&too_long, &[], "4098 instructions"),
        (&Program::new(Vec::new()), &[], "0 instructions"),
        (&allow_all, &[FilterFlag::WaitKillableRecv], "needs a listener"),
        (&notify, &[], "asks a supervisor"),
    ];
    for (program, flags, expected) in failures {
        let (status, text) = run(program, flags, &touch);
        assert_eq!(status, exited(NOT_RUN));
        assert!(text.contains(expected) && text.contains("\n  next: "), "{text}");
    }
    assert!(!proof.exists());
}

#[test]
fn a_filter_without_no_new_privs_needs_rights() {
    let allow_all = filter(&[], Action::Allow);
    let (status, text) = forked(|| {
        become_nobody();
        let keep = EnforceOptions { keep_privileges: true };
        match enforce::run(&allow_all, &[], &shell("exit 0"), keep) {
            EnforceError::Load(LoadError::NotPrivileged) => 0,
            error => {
                say(&error.to_string());
                NOT_RUN
            }
        }
    });
    assert_eq!((status, text.as_str()), (exited(0), ""));
}

#[test]
fn privileges_are_kept_when_asked() {
    // SAFETY: asks and changes nothing.
    if unsafe { libc::geteuid() } != 0 {
        return skip("needs root");
    }
    let allow_all = filter(&[], Action::Allow);
    let grep = |value: &str| shell(&format!("grep -q '^NoNewPrivs:.{value}$' /proc/self/status"));
    let kept = forked(|| {
        let _ = enforce::run(&allow_all, &[], &grep("0"), EnforceOptions { keep_privileges: true });
        NOT_RUN
    });
    assert_eq!(kept.0, exited(0));
    assert_eq!(run(&allow_all, &[], &grep("1")).0, exited(0));
}

#[test]
fn a_failed_exec_is_said_as_far_as_the_policy_lets_it() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "exit 0\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = command([script.to_str().unwrap()]);
    let (status, text) = run(&filter(&[], Action::Allow), &[], &script);
    assert_eq!(status, exited(EXEC_FAILED));
    assert!(text.starts_with("error: can't execute `") && text.contains("ENOEXEC") && text.contains("`#!`"), "{text}");

    let refused = filter(&[(libc::SYS_execve, Action::Errno(1))], Action::Allow);
    let (status, text) = run(&refused, &[], &shell("exit 0"));
    assert_eq!(status, exited(EXEC_FAILED));
    assert!(text.contains("EPERM") && text.contains("policy may refuse execve"), "{text}");

    let only_exit = filter(&[(libc::SYS_exit_group, Action::Allow)], Action::Errno(1));
    assert_eq!(run(&only_exit, &[], &shell("exit 0")), (exited(EXEC_FAILED), String::new()));
    assert_eq!(run(&filter(&[], Action::Errno(1)), &[], &shell("exit 0")), (libc::SIGSEGV, String::new()));
}

#[test]
fn the_command_inherits_no_ignored_sigpipe() {
    let (status, _) = run(&filter(&[], Action::Allow), &[], &shell("kill -PIPE $$; exit 0"));
    assert_eq!(status, libc::SIGPIPE);
}

#[test]
fn a_filter_can_be_loaded_into_this_process() {
    let (status, text) = forked(|| {
        nix::sys::prctl::set_no_new_privs().unwrap();
        enforce::load_into_self(&filter(&[(libc::SYS_getppid, Action::Errno(40))], Action::Allow), &[]).unwrap();
        // SAFETY: a call without arguments.
        let returned = unsafe { libc::syscall(libc::SYS_getppid) };
        i32::from(returned != -1 || nix::errno::Errno::last_raw() != 40)
    });
    assert_eq!((status, text.as_str()), (exited(0), ""));
}
