//! Known process trees under the backends that need no rights: every call is counted, once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_profiles::recording::{self, Phase, Scope, Since};
use tempfile::TempDir;
// Tests here fork, and what another thread holds locked then stays so in the child: each test is a process of its own.
use test_fork::test;

use crate::command::Prepared;
use crate::notify;
use crate::observed::{Identity, Recorded};
use crate::ptrace;
use crate::record::RecordOptions;
use crate::seccomp::Filter;
use crate::support::{become_nobody, compile, filter, forked, say};
use crate::watch::Watch;

/// A backend under test: records, or says why not.
type Backend = fn(&Prepared) -> Result<Recorded, String>;

fn by_notify(command: &Prepared) -> Result<Recorded, String> {
    let mut nobody = ();
    let mut watch = watch(command, &mut nobody);
    notify::record(command, ioctl_requests, &BTreeSet::new(), &mut watch).map_err(|error| error.to_string())
}

fn by_ptrace(command: &Prepared) -> Result<Recorded, String> {
    let mut nobody = ();
    ptrace::record(command, ioctl_requests, &mut watch(command, &mut nobody)).map_err(|error| error.to_string())
}

/// One that has nothing to do.
fn watch<'nobody>(command: &Prepared, nobody: &'nobody mut ()) -> Watch<'nobody> {
    let identity = Identity::new(command.words(), Scope::Command, Since::Start, recording::Backend::Notify).unwrap();
    Watch::new(identity, &RecordOptions::default(), nobody)
}

fn ioctl_requests(_abi: Abi, nr: u32, args: [u64; 6]) -> Option<(u8, u64)> {
    (i64::from(nr) == libc::SYS_ioctl).then_some((1, args[1]))
}

/// The compiled C program, readable by everyone.
struct Cases {
    _directory: TempDir,
    program: PathBuf,
}

impl Cases {
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let source = include_str!("../tests/support/process_tree.c");
        let program = compile(directory.path(), "process_tree", source, &[])?;
        Some(Self { _directory: directory, program })
    }

    fn command(&self, words: &[&str]) -> Prepared {
        let words = [self.program.clone().into_os_string()].into_iter().chain(words.iter().map(OsString::from));
        Prepared::new(&words.collect::<Vec<_>>()).unwrap()
    }
}

/// What a recording in a forked child came to.
#[derive(Debug, Default)]
struct Told {
    calls: BTreeMap<(String, i64, bool), u64>,
    facts: BTreeMap<String, String>,
}

impl Told {
    fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// How often a native call was made after the first execve.
    fn native(&self, nr: i64) -> u64 {
        self.of(if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Aarch64 }, nr)
    }

    fn of(&self, abi: Abi, nr: i64) -> u64 {
        self.calls.get(&(abi.name().to_owned(), nr, false)).copied().unwrap_or(0)
    }

    /// Asserts that the recording is whole, began with one execve and ended so.
    fn whole(&self, ended: &str) -> &Self {
        assert_eq!(self.fact("ended"), ended, "{self:?}");
        assert_eq!(self.fact("exact"), "true");
        assert_eq!(self.fact("lost"), "{}");
        assert_eq!(self.fact("running"), "0");
        let first: Vec<_> = self.calls.iter().filter(|((_, _, exec), _)| *exec).collect();
        assert_eq!(first.len(), 1, "{first:?}");
        assert_eq!((first[0].0.1, *first[0].1), (libc::SYS_execve, 1));
        self
    }
}

/// Records in a forked child, which has one thread, as callgate has: as an ordinary user if wanted.
fn told(backend: Backend, command: &Prepared, as_nobody: bool) -> Told {
    let (status, text) = forked(|| {
        if as_nobody {
            become_nobody();
        }
        match backend(command) {
            Ok(Recorded { observed, ending, notes }) => {
                let (scope, since) = (Scope::Command, Since::Start);
                let identity = Identity::new(command.words(), scope, since, recording::Backend::Notify).unwrap();
                let run = observed.into_run(&identity, ending);
                for row in &run.rows {
                    let exec = row.phase == Phase::Exec;
                    say(&format!("call\t{}\t{}\t{exec}\t{}\n", row.abi, row.nr, row.calls));
                    if !row.arguments.is_empty() {
                        say(&format!("values\t{:?}\n", row.arguments));
                    }
                }
                say(&format!("ended\t{}\n", run.ended));
                say(&format!("exact\t{}\n", run.calls_exact));
                say(&format!("lost\t{:?}\n", run.lost));
                say(&format!("running\t{}\n", run.still_running));
                say(&format!("notes\t{}\n", notes.join(" ")));
            }
            Err(error) => say(&format!("error\t{}\n", error.replace('\n', " "))),
        }
        0
    });
    assert_eq!(status, 0, "{text}");
    let mut told = Told::default();
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["call", abi, nr, exec, calls] => {
                let key = (abi.to_owned(), nr.parse().unwrap(), exec == "true");
                told.calls.insert(key, calls.parse().unwrap());
            }
            [name, fact] => {
                told.facts.insert(name.to_owned(), fact.to_owned());
            }
            // What the command itself says.
            _ => {}
        }
    }
    told
}

/// A learned call is let through, everywhere in the tree; what has arguments to keep, and what starts programs, is not.
#[test]
fn learned_calls_are_let_through() {
    let Some(cases) = Cases::new() else { return };
    let native = if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Aarch64 };
    let learned: Backend = |command| {
        let native = if cfg!(target_arch = "x86_64") { Abi::X86_64 } else { Abi::Aarch64 };
        let learned = [libc::SYS_getppid, libc::SYS_execve, libc::SYS_ioctl, libc::SYS_wait4];
        let learned = learned.into_iter().map(|nr| (native, u32::try_from(nr).unwrap())).collect();
        let mut nobody = ();
        let mut watch = watch(command, &mut nobody);
        notify::record(command, ioctl_requests, &learned, &mut watch).map_err(|error| error.to_string())
    };
    for (words, getppids) in
        [(["forks", "50"], 0), (["threads", "16"], 0), (["vfork-exec", "10"], 0), (["daemon", "200"], 0)]
    {
        let told = told(learned, &cases.command(&words), true);
        assert_eq!(told.native(libc::SYS_getppid), getppids, "{words:?}");
        assert_eq!((told.fact("ended"), told.fact("exact"), told.fact("lost")), ("exit 0", "false", "{}"), "{words:?}");
        let exec = told.calls.get(&(native.name().to_owned(), libc::SYS_execve, true));
        assert_eq!(exec, Some(&1), "{words:?}");
    }
    let arguments = told(learned, &cases.command(&["arguments"]), true);
    assert_eq!(arguments.fact("values"), r#"{"cmd": Seen({21504, 21505})}"#);
}

/// Every tree whose count of getppid is known and seen by both backends, as root (if the test is) and as nobody.
fn trees_are_counted(backend: Backend) {
    let Some(cases) = Cases::new() else { return };
    let trees: [(&[&str], u64); 8] = [
        (&["loop", "1000"], 1000),
        (&["forks", "50"], 50),
        (&["threads", "16"], 1600),
        (&["vfork-exec", "10"], 100),
        (&["thread-exec"], 500),
        (&["daemon", "200"], 200),
        (&["stops", "20"], 20),
        (&["signal-storm", "20000"], 20000),
    ];
    for as_nobody in [false, true] {
        for (words, calls) in trees {
            let told = told(backend, &cases.command(words), as_nobody);
            assert_eq!(told.whole("exit 0").native(libc::SYS_getppid), calls, "{words:?} nobody: {as_nobody}");
            assert_eq!(told.native(libc::SYS_getuid), told.native(libc::SYS_rt_sigreturn), "{words:?}");
        }
    }
}

/// Tasks that are killed wherever they are, in a call that waits for an answer too, are no loss.
fn killed_tasks_are_no_loss(backend: Backend) {
    let Some(cases) = Cases::new() else { return };
    let told = told(backend, &cases.command(&["kill-storm", "100"]), true);
    assert_eq!(told.whole("exit 0").native(libc::SYS_kill), 100);
}

/// How the command ends is told, and no more is counted than it did.
fn ends_are_told(backend: Backend) {
    let Some(cases) = Cases::new() else { return };
    told(backend, &cases.command(&["killed"]), true).whole("signal 9");
    let arguments = told(backend, &cases.command(&["arguments"]), true);
    assert_eq!(arguments.whole("exit 0").fact("values"), r#"{"cmd": Seen({21504, 21505})}"#);
    let script = Prepared::new(&["sh", "-c", "exit 7"].map(OsString::from)).unwrap();
    told(backend, &script, true).whole("exit 7");
    let ignored = Prepared::new(&["sh", "-c", "kill -PIPE $$"].map(OsString::from)).unwrap();
    told(backend, &ignored, true).whole("signal 13");
}

/// A command that can't be executed is an error, and no recording.
fn a_failed_exec_is_an_error(backend: Backend) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "exit 0\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let command = Prepared::new(&[script.into_os_string()]).unwrap();
    let told = told(backend, &command, true);
    assert!(told.fact("error").contains("ENOEXEC"), "{told:?}");
}

/// A signal to callgate reaches the command, which here sends it itself; the recording is kept.
fn a_signal_is_passed_on(backend: Backend) {
    let Some(cases) = Cases::new() else { return };
    let told = told(backend, &cases.command(&["signal-recorder"]), true);
    assert_eq!(told.whole("exit 5").native(libc::SYS_getppid), 1);
}

/// Once the command has ended, a signal ends the recording, and what runs on runs on unharmed.
fn the_user_can_end_it(backend: Backend) {
    let Some(cases) = Cases::new() else { return };
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let proof = directory.path().join("unharmed");
    let told = told(backend, &cases.command(&["lingering", proof.to_str().unwrap()]), true);
    assert_eq!((told.fact("ended"), told.fact("exact"), told.fact("running")), ("exit 3", "true", "1"));
    while !proof.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn notify_counts_every_call_of_a_tree() {
    trees_are_counted(by_notify);
}

#[test]
fn notify_survives_killed_tasks() {
    killed_tasks_are_no_loss(by_notify);
}

#[test]
fn notify_tells_how_it_ended() {
    ends_are_told(by_notify);
}

#[test]
fn notify_reports_a_failed_exec() {
    a_failed_exec_is_an_error(by_notify);
}

#[test]
fn notify_passes_signals_on() {
    a_signal_is_passed_on(by_notify);
}

#[test]
fn notify_can_be_ended_by_the_user() {
    the_user_can_end_it(by_notify);
}

#[test]
fn ptrace_counts_every_call_of_a_tree() {
    trees_are_counted(by_ptrace);
}

#[test]
fn ptrace_survives_killed_tasks() {
    killed_tasks_are_no_loss(by_ptrace);
}

#[test]
fn ptrace_tells_how_it_ended() {
    ends_are_told(by_ptrace);
}

#[test]
fn ptrace_reports_a_failed_exec() {
    a_failed_exec_is_an_error(by_ptrace);
}

#[test]
fn ptrace_passes_signals_on() {
    a_signal_is_passed_on(by_ptrace);
}

#[test]
fn ptrace_can_be_ended_by_the_user() {
    the_user_can_end_it(by_ptrace);
}

#[test]
fn ptrace_says_what_it_may_not_see() {
    let Some(cases) = Cases::new() else { return };
    let told = told(by_ptrace, &cases.command(&["untraced"]), true);
    assert_eq!(told.fact("lost"), r#"{"untraced_tasks": 1}"#);
    assert_eq!(told.native(libc::SYS_getppid), 0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn ptrace_knows_the_real_abi() {
    let Some(cases) = Cases::new() else { return };
    let told = told(by_ptrace, &cases.command(&["int80", "3"]), true);
    assert_eq!(told.whole("exit 0").of(Abi::X86, 64), 3);
    assert_eq!(told.native(libc::SYS_getppid), 1);
}

#[test]
fn notify_sees_what_a_tracer_may_not() {
    let Some(cases) = Cases::new() else { return };
    let told = told(by_notify, &cases.command(&["untraced"]), true);
    assert_eq!(told.whole("exit 0").native(libc::SYS_getppid), 70);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn notify_knows_the_real_abi() {
    let Some(cases) = Cases::new() else { return };
    let told = told(by_notify, &cases.command(&["int80", "3"]), true);
    assert_eq!(told.whole("exit 0").of(Abi::X86, 64), 3);
    assert_eq!(told.native(libc::SYS_getppid), 1);
}

#[test]
fn the_backends_agree_on_a_real_program() {
    let find = Prepared::new(
        &["find", "/usr/lib", "/etc", "-newer", "/etc/passwd", "-fprint", "/dev/null"].map(OsString::from),
    )
    .unwrap();
    let [notify, ptrace] = [by_notify as Backend, by_ptrace].map(|backend| told(backend, &find, false).calls);
    assert_eq!(notify, ptrace);
    assert!(notify.values().sum::<u64>() > 100);
}

#[test]
fn a_second_listener_is_refused_with_a_next_step() {
    let Some(cases) = Cases::new() else { return };
    let inner: Backend = |command| {
        // As if under another supervisor; the number that it asks about is nobody's.
        nix::sys::prctl::set_no_new_privs().unwrap();
        let outer = Filter::new(&filter(&[(0xffff, Action::Notify)], Action::Allow)).unwrap();
        outer.load(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, [0; 3]).unwrap();
        by_notify(command)
    };
    let told = told(inner, &cases.command(&["loop", "1"]), true);
    assert!(told.fact("error").contains("already runs under a seccomp listener"), "{told:?}");
    assert!(told.fact("error").contains("next: "));
}
