//! Recording by ptrace(2): slow, and the fallback that works where no filter with a listener can be loaded.
//!
//! Unlike the other backends it sees calls that a filter refuses too: the stop at a call's entry comes before seccomp.

mod stack;
mod tracee;

use std::sync::atomic::Ordering::SeqCst;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::Phase;
use libc::{c_int, pid_t};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use self::tracee::Entry;
use crate::command::{CommandError, Prepared};
use crate::observed::{End, Ending, Observed, Recorded};
use crate::shared::SharedWords;
use crate::signals::{Arrived, CommandProcess, Signals, default_sigpipe};
use crate::stacks::Stacks;
use crate::tasks::Tasks;
use crate::watch::Watch;

/// Why the command can't be recorded by ptrace.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PtraceError {
    /// The command can't be started.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// EPERM: something keeps this process from tracing its own child.
    #[error(
        "this process may not trace: Yama (`/proc/sys/kernel/yama/ptrace_scope`), a container's filter or a debugger \
         forbids it\n  next: record with `--backend notify`"
    )]
    Forbidden,
    /// The kernel has no `PTRACE_GET_SYSCALL_INFO`, without which a call's ABI isn't known.
    #[error("this kernel is too old to record by ptrace (Linux 5.3)\n  next: use a newer kernel")]
    Absent,
    /// Another call failed, and which.
    #[error("{call}: {error}\n  next: record with `--backend notify`", error = .errno.desc())]
    System {
        /// What failed.
        call: &'static str,
        /// How.
        errno: Errno,
    },
}

/// The words the child and its parent share.
mod word {
    /// Set when the child is traced and may execute.
    pub(super) const GO: usize = 0;
    /// Why execve(2) failed.
    pub(super) const EXEC_ERROR: usize = 1;
    pub(super) const COUNT: usize = 2;
}

/// How often the child looks whether it is traced, in microseconds.
const GO_CHECK: u32 = 50;

/// Waits for any task that this thread traces, and only those.
const TRACEES: c_int = libc::__WALL | libc::__WNOTHREAD;

/// Of clone(2) and clone3(2): the new task isn't traced.
const CLONE_UNTRACED: u64 = 0x0080_0000;

/// Records `command` and all its descendants until the last has ended, or the user ends it once the command has.
///
/// `kept` says which argument values to keep of a call: argument index (0 to 5) and value.
pub(crate) fn record<I: IntoIterator<Item = (u8, u64)>>(
    command: &Prepared,
    kept: impl Fn(Abi, u32, [u64; 6]) -> I,
    watch: &mut Watch<'_>,
) -> Result<Recorded, PtraceError> {
    let words = SharedWords::new(word::COUNT).map_err(failed("mmap"))?;
    let signals = Signals::take_with_serving().map_err(failed("signalfd"))?;
    // SAFETY: getpid has no preconditions.
    let recorder = unsafe { libc::getpid() };
    // SAFETY: the child makes async-signal-safe calls alone and ends or becomes the command.
    let pid = Errno::result(unsafe { libc::fork() }).map_err(failed("fork"))?;
    if pid == 0 {
        become_command(command, &signals, &words, recorder);
    }
    let mut tracer = Tracer {
        process: CommandProcess::new(pid),
        tasks: Tasks::default(),
        observed: Observed::default(),
        stacks: Stacks::default(),
        started: false,
        phase: Phase::Exec,
    };
    let still_running = match tracer.attach(&words).and_then(|()| tracer.trace(&signals, kept, watch)) {
        Ok(still_running) => still_running,
        Err(error) => {
            // The descendants die with this process's tracing (PTRACE_O_EXITKILL), the command now.
            tracer.process.end();
            return Err(error);
        }
    };
    let status = tracer.process.reap_blocking();
    match i32::try_from(words[word::EXEC_ERROR].load(SeqCst)) {
        Ok(0) | Err(_) => {}
        Ok(errno) => return Err(command.failed(Errno::from_raw(errno)).into()),
    }
    tracer.observed.stacks(tracer.stacks.unwind());
    Ok(Recorded {
        observed: tracer.observed,
        ending: Ending {
            end: End::Status(status),
            calls_exact: true,
            still_running,
            interrupted: signals.asked_to_end(),
        },
        notes: notes(still_running),
    })
}

fn notes(still_running: u64) -> Vec<String> {
    let mut notes = vec![
        "ptrace: a tracer or debugger in the command is refused (EPERM), and without CAP_SYS_PTRACE setuid programs and \
         file capabilities gave no rights"
            .to_owned(),
    ];
    if still_running > 0 {
        notes.push(format!("{still_running} processes still run, untraced now"));
    }
    notes
}

fn failed(call: &'static str) -> impl Fn(Errno) -> PtraceError {
    move |errno| PtraceError::System { call, errno }
}

/// In the child: waits until it is traced, and executes. What it calls until then isn't the command's and isn't counted.
fn become_command(command: &Prepared, signals: &Signals, words: &SharedWords, recorder: pid_t) -> ! {
    signals.put_back();
    default_sigpipe();
    // SAFETY: plain system calls; the last ends the process without running anything of the parent's.
    unsafe {
        while words[word::GO].load(SeqCst) == 0 {
            if libc::getppid() != recorder {
                libc::_exit(127);
            }
            libc::usleep(GO_CHECK);
        }
        words[word::EXEC_ERROR].store((command.exec() as i32).into(), SeqCst);
        libc::_exit(127)
    }
}

struct Tracer {
    process: CommandProcess,
    /// Every task that was traced; some have ended.
    tasks: Tasks,
    observed: Observed,
    /// Those of first calls, when they are wanted.
    stacks: Stacks,
    /// Whether the child has come to its execve(2).
    started: bool,
    phase: Phase,
}

/// A task and its wait status.
struct Stop {
    task: pid_t,
    status: c_int,
}

impl Tracer {
    /// Attaches to the waiting child and lets it go on.
    fn attach(&mut self, words: &SharedWords) -> Result<(), PtraceError> {
        let child = self.process.pid().as_raw();
        tracee::seize(child).map_err(|errno| match errno {
            Errno::EPERM => PtraceError::Forbidden,
            errno => PtraceError::System { call: "PTRACE_SEIZE", errno },
        })?;
        tracee::interrupt(child).map_err(failed("PTRACE_INTERRUPT"))?;
        self.note(child);
        words[word::GO].store(1, SeqCst);
        Ok(())
    }

    fn note(&mut self, task: pid_t) {
        self.tasks.saw(task.cast_unsigned());
    }

    /// Serves stops until no traced task is left. The count of processes that still run when the user ended it.
    fn trace<I: IntoIterator<Item = (u8, u64)>>(
        &mut self,
        signals: &Signals,
        kept: impl Fn(Abi, u32, [u64; 6]) -> I,
        watch: &mut Watch<'_>,
    ) -> Result<u64, PtraceError> {
        let recorder = std::process::id().to_string();
        loop {
            loop {
                if watch.tick(&self.observed, || self.tasks.running("TracerPid:", &recorder)) {
                    self.serve_from_now_on(watch);
                }
                let stop = match wait(libc::WNOHANG)? {
                    Waited::Stop(stop) => stop,
                    Waited::Nothing => break,
                    Waited::NoTasks => return Ok(0),
                };
                match self.serve(&stop, &kept, watch) {
                    // ESRCH: the task was killed while it was stopped; its end is still to be waited for.
                    Ok(()) | Err(PtraceError::System { errno: Errno::ESRCH, .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let mut descriptor = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
            match poll(&mut descriptor, watch.timeout(None)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed("poll")(errno)),
            }
            while let Some(arrived) = signals.next() {
                match arrived {
                    Arrived::Child => {}
                    Arrived::Serving => self.serve_from_now_on(watch),
                    Arrived::Ending { signal, from_terminal } => {
                        let running = self.tasks.running("TracerPid:", &recorder);
                        if watch.wants_checkpoints() {
                            watch.checkpoint(self.observed.clone(), running);
                        }
                        if self.process.on_ending(signal, from_terminal) {
                            self.let_all_go()?;
                            return Ok(running);
                        }
                    }
                }
            }
        }
    }

    /// The phase begins in which the command serves, if it has begun to run.
    fn serve_from_now_on(&mut self, watch: &Watch<'_>) {
        if self.phase == Phase::Run {
            self.phase = Phase::Serving;
            self.observed.served_after(Some(watch.elapsed()));
        }
    }

    fn serve<I: IntoIterator<Item = (u8, u64)>>(
        &mut self,
        &Stop { task, status }: &Stop,
        kept: impl Fn(Abi, u32, [u64; 6]) -> I,
        watch: &Watch<'_>,
    ) -> Result<(), PtraceError> {
        if !libc::WIFSTOPPED(status) {
            if task == self.process.pid().as_raw() {
                self.process.ended(status);
            }
            return Ok(());
        }
        let signal = libc::WSTOPSIG(status);
        let resumed = match status >> 16 {
            0 if signal == libc::SIGTRAP | 0x80 => {
                let entry = tracee::entry(task).map_err(|errno| match errno {
                    Errno::EIO | Errno::EINVAL => PtraceError::Absent,
                    errno => PtraceError::System { call: "PTRACE_GET_SYSCALL_INFO", errno },
                })?;
                if let Some(entry) = entry {
                    self.count(task, &entry, kept, watch);
                }
                tracee::run_to_call(task, 0)
            }
            0 => tracee::run_to_call(task, signal),
            libc::PTRACE_EVENT_STOP if is_job_control(signal) => tracee::listen(task),
            event => {
                // A new task's first stop is one of these.
                if event == libc::PTRACE_EVENT_STOP {
                    self.note(task);
                }
                tracee::run_to_call(task, 0)
            }
        };
        resumed.map_err(failed("ptrace"))
    }

    /// Counts a call, from the child's execve(2) on.
    fn count<I: IntoIterator<Item = (u8, u64)>>(
        &mut self,
        task: pid_t,
        entry: &Entry,
        kept: impl Fn(Abi, u32, [u64; 6]) -> I,
        watch: &Watch<'_>,
    ) {
        if !self.started {
            if i64::from(entry.nr) != libc::SYS_execve {
                return;
            }
            self.started = true;
        }
        let new = self.observed.call(entry.arch, entry.nr, entry.args, self.phase, kept);
        if let Some(call) = new {
            let credited = watch.credit(&mut self.observed, call, self.phase, task.cast_unsigned());
            if let Some((process, at)) = credited.filter(|_| watch.stacks) {
                self.stacks.take(stack::sample(task, process, at).into_iter().collect());
            }
        }
        if self.phase == Phase::Exec {
            self.phase = Phase::Run;
        }
        if starts_untraced_task(task, entry) {
            self.observed.lose("untraced_tasks", 1);
        }
    }

    /// Stops tracing whatever is left, so that it runs on by itself.
    fn let_all_go(&mut self) -> Result<(), PtraceError> {
        for task in self.tasks.seen() {
            // ESRCH: it has ended.
            let _ = tracee::interrupt(task.cast_signed());
        }
        while let Waited::Stop(Stop { task, status }) = wait(0)? {
            if libc::WIFSTOPPED(status) {
                let signal = libc::WSTOPSIG(status);
                let for_the_task = status >> 16 == 0 && signal != libc::SIGTRAP | 0x80;
                let _ = tracee::detach(task, if for_the_task { signal } else { 0 });
            }
        }
        Ok(())
    }
}

/// The signals that stop a process group; with `PTRACE_EVENT_STOP` they say that it is stopped.
fn is_job_control(signal: c_int) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// Whether the call asks for a task that ptrace doesn't follow.
fn starts_untraced_task(task: pid_t, entry: &Entry) -> bool {
    /// `arch/x86/entry/syscalls/syscall_32.tbl`
    const I386_CLONE: u32 = 120;
    /// The same on every ABI.
    const CLONE3: u32 = 435;
    let flags = match (Abi::of_call(entry.arch, entry.nr), entry.nr & !callgate_compiler::abi::X32_BIT) {
        (Some(_), CLONE3) => tracee::word_at(task, entry.args[0]).unwrap_or(0),
        (Some(Abi::X86), I386_CLONE) => entry.args[0],
        (Some(Abi::X86_64 | Abi::X32 | Abi::Aarch64), nr) if i64::from(nr) == libc::SYS_clone => entry.args[0],
        _ => 0,
    };
    flags & CLONE_UNTRACED != 0
}

/// What waiting for a traced task came to.
enum Waited {
    /// One stopped or ended.
    Stop(Stop),
    /// None has, now.
    Nothing,
    /// There are none left.
    NoTasks,
}

/// The next stop or end of a traced task.
fn wait(options: c_int) -> Result<Waited, PtraceError> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for one status.
        let task = unsafe { libc::waitpid(-1, &raw mut status, options | TRACEES) };
        return match Errno::result(task) {
            Ok(0) => Ok(Waited::Nothing),
            Ok(task) => Ok(Waited::Stop(Stop { task, status })),
            Err(Errno::ECHILD) => Ok(Waited::NoTasks),
            Err(Errno::EINTR) => continue,
            Err(errno) => Err(failed("waitpid")(errno)),
        };
    }
}
