//! Recording a command: which backend, and what came of it.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{Backend, Run, Scope, Since, Values};

use crate::cgroup::Cgroup;
use crate::command::{CommandError, Prepared};
use crate::ebpf::{self, Plan, Session};
use crate::notify::{self, NotifyError};
use crate::observed::{End, Identity};
use crate::ptrace::{self, PtraceError};
use crate::watch::Watch;
use crate::{arguments, observed, processes};

/// How to record.
#[derive(Clone, Debug, Default)]
pub struct RecordOptions {
    /// What watches the calls. `None`: eBPF; where that can't be used, user notification; where that can't either, ptrace;
    /// with a note that says why.
    pub backend: Option<Backend>,
    /// From when on calls are counted. `None`: from the start; of a container, from its filter on, if it has one. Other than
    /// [`Since::Start`] needs eBPF.
    pub since: Option<Since>,
    /// Record what is in this cgroup and below instead of the command and its descendants: for a command that asks a daemon to
    /// start what is to be recorded. Needs eBPF.
    pub cgroup: Option<Cgroup>,
    /// How often to hand out what was recorded so far; `None` for never.
    pub checkpoint: Option<Duration>,
    /// When to say that what is recorded has begun to serve, counted from the start; SIGUSR1 says it too. Only
    /// eBPF notices it by itself.
    pub serving_after: Option<Duration>,
    /// When to end the recording of something that runs already, counted from the start.
    pub duration: Option<Duration>,
    /// Calls that are known: user notification lets them through, and doesn't count them, where nothing of them is kept. For
    /// learning over many processes, where a call that one has shown needn't cost the next anything.
    pub learned: BTreeSet<(Abi, u32)>,
    /// What the recording says was run, where the command has words that aren't its user's. `None`: the command.
    pub called: Option<Vec<String>>,
    /// The test that is running, for [`callgate_profiles::recording::First::test`].
    pub test: Option<String>,
    /// Also keep the stack of whoever makes a call first, [`callgate_profiles::recording::First::stack`]. Needs eBPF or ptrace.
    pub stacks: bool,
    /// For tests of what happens when room runs out.
    #[doc(hidden)]
    pub capacities: Capacities,
}

/// Sizes of the BPF maps, in entries; `None` is the size that the BPF object was built with.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Capacities {
    /// Numbers of 512 and above, and negative ones, by phase and ABI.
    pub other_numbers: Option<u32>,
    /// Argument values of 64 and above.
    pub large_values: Option<u32>,
    /// Tasks that the kernel refused storage.
    pub stragglers: Option<u32>,
    /// Refused calls, by phase, number and verdict.
    pub denied: Option<u32>,
    /// Other than 0: refuse every new task its storage.
    pub refuse_task_storage: u8,
}

/// What runs already, to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The tasks in a cgroup and below, whoever starts them, until nothing is in it.
    Cgroup {
        /// Which.
        cgroup: Cgroup,
        /// What the recording calls it.
        scope: Scope,
        /// What is in it already has its program still to come: the container is being made, to run this command.
        starting: Option<Vec<String>>,
    },
    /// A process and its descendants, until the last has ended. A process whose ancestors in between have ended before the
    /// recording began is no descendant any more.
    Process(u32),
}

/// Is told how a recording goes on. Called by the recording thread; calls go on being counted meanwhile.
pub trait Watcher {
    /// From now on nothing is missed.
    fn ready(&mut self) {}

    /// What was recorded so far: [`Run::in_progress`] is set.
    fn checkpoint(&mut self, run: Run) {
        drop(run);
    }
}

/// Doesn't listen.
impl Watcher for () {}

/// A finished recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was observed. It is complete when [`Run::lost`] is empty and [`Run::still_running`] is 0.
    pub run: Run,
    /// How the command ended.
    pub status: Status,
    /// Whether a signal asked callgate to end (Ctrl-C, kill(1)), while the command ran or after it.
    pub interrupted: bool,
    /// What the user should know, each a sentence or two: why eBPF wasn't used, which argument has too many values.
    pub notes: Vec<String>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this exit status, 0 to 255.
    Exited(i32),
    /// Killed by this signal's number.
    Signaled(i32),
}

impl Status {
    /// From what waitpid(2) gives of a process that has ended.
    pub(crate) fn of(status: libc::c_int) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signaled(libc::WTERMSIG(status))
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }
}

/// Why there is no recording. Each message ends with the next step.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The command can't be started.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// eBPF was asked for and can't be used.
    #[error(transparent)]
    Ebpf(#[from] ebpf::Unavailable),
    /// User notification was asked for and can't be used.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// ptrace was asked for, or is what is left, and can't be used.
    #[error(transparent)]
    Ptrace(#[from] PtraceError),
    /// There is no such process.
    #[error("there is no process {0}\n  next: give the number of one that runs, as `ps` shows it; not of a thread")]
    NoProcess(u32),
    /// Only eBPF can do what was asked for.
    #[error("{0} can't record {1}\n  next: record with the ebpf backend, as root")]
    OnlyEbpf(Backend, &'static str),
    /// This backend sees no registers.
    #[error("{0} can't keep stacks\n  next: record with the ebpf or the ptrace backend")]
    NoStacks(Backend),
    /// Something whose text callgate reads was asked to record.
    #[error("{0} can't be asked to record\n  next: `callgate derive` reads what it has written")]
    NotARecorder(Backend),
    /// The command's process couldn't be marked, or what was recorded couldn't be taken out of the kernel.
    #[error("{0}\n  next: record again; if it happens again, use another backend")]
    Kernel(#[source] Box<dyn Error + Send + Sync>),
    /// A system call that should work failed.
    #[error("{0}\n  next: check the limits on processes, memory and open files (`ulimit -a`)")]
    System(#[from] io::Error),
}

/// Runs `command` until it and all its descendants have ended, and records every system call they make.
///
/// The command is found as execvp(3) would find it, and gets this process's environment, descriptors, signal mask and
/// dispositions (SIGPIPE at its default). It stays in this process's group, so that Ctrl-C reaches it. Meanwhile SIGINT,
/// SIGTERM, SIGHUP and SIGQUIT don't end this process: what another process sends is passed on to the command, and once
/// the command has ended, any of them ends the recording, with the descendants left in [`Run::still_running`].
///
/// While it runs, this process adopts orphaned descendants and may reap every child it has, also those of others. Call it from
/// a process with one thread: signals are taken from the calling thread only. Calls from several threads take turns.
///
/// # Errors
///
/// When the command can't be started, or the backend that was asked for can't be used. A loss is no error: it is in
/// [`Run::lost`].
pub fn record(command: &[OsString], options: &RecordOptions) -> Result<Recorded, RecordError> {
    record_watched(command, options, &mut ())
}

/// [`record()`], with checkpoints.
///
/// # Errors
///
/// As [`record()`].
pub fn record_watched(
    command: &[OsString],
    options: &RecordOptions,
    watcher: &mut dyn Watcher,
) -> Result<Recorded, RecordError> {
    let _turn = turn();
    let prepared = Prepared::new(command)?;
    let since = options.since.unwrap_or_default();
    let plan = Plan {
        capacities: options.capacities.clone(),
        cgroup: options.cgroup.clone(),
        more_filters_than: (since == Since::Filter).then(|| processes::filters(std::process::id()).unwrap_or(0)),
        watch_denied: since == Since::Filter || options.cgroup.is_some() || under_a_filter(),
        stacks: options.stacks,
        test: options.test.clone(),
        ..Plan::default()
    };
    let called = || options.called.clone().unwrap_or_else(|| prepared.words());
    let identity = |backend| Identity::new(called(), Scope::Command, since, backend);
    let by_ebpf = |session: Session, watcher| {
        let mut watch = Watch::new(identity(Backend::Ebpf)?, options, watcher);
        let recorded = session.record(&prepared, &mut watch)?;
        Ok(concluded(&watch.identity, recorded, options))
    };
    let (identity, recorded) = match options.backend {
        Some(Backend::Ebpf) => return by_ebpf(Session::attach(plan)?, watcher),
        None => match Session::attach(plan) {
            Ok(session) => return by_ebpf(session, watcher),
            Err(unavailable) if since == Since::Filter || options.cgroup.is_some() => return Err(unavailable.into()),
            Err(unavailable) => best_of_the_rest(&prepared, &identity, options, watcher, &unavailable)?,
        },
        Some(other) if since == Since::Filter => return Err(RecordError::OnlyEbpf(other, "from a filter on")),
        Some(other) if options.cgroup.is_some() => return Err(RecordError::OnlyEbpf(other, "a cgroup")),
        Some(other @ Backend::Notify) if options.stacks => return Err(RecordError::NoStacks(other)),
        Some(Backend::Notify) => {
            let mut watch = Watch::new(identity(Backend::Notify)?, options, watcher);
            let recorded = notify::record(&prepared, arguments::values, &options.learned, &mut watch)?;
            (watch.identity, recorded)
        }
        Some(Backend::Ptrace) => {
            let mut watch = Watch::new(identity(Backend::Ptrace)?, options, watcher);
            let recorded = ptrace::record(&prepared, arguments::values, &mut watch)?;
            (watch.identity, recorded)
        }
        Some(read @ (Backend::Strace | Backend::Audit)) => return Err(RecordError::NotARecorder(read)),
    };
    let mut recorded = concluded(&identity, recorded, options);
    if under_a_filter() {
        recorded.notes.push(
            "callgate itself runs under a seccomp filter; calls that it refuses are not in the recording".to_owned(),
        );
    }
    Ok(recorded)
}

/// Records what runs already, by eBPF, until it has ended, [`RecordOptions::duration`] is over, or SIGINT, SIGTERM, SIGHUP
/// or SIGQUIT comes. None of them reaches what is recorded, unless the terminal sends it there too. [`Recorded::status`] is
/// `Exited(0)`.
///
/// A task is in scope by its place in the kernel, never by a name: by the cgroup that it is in when it makes the call, or by
/// its ancestry.
///
/// # Errors
///
/// When there is no such process, or eBPF can't be used. A loss is no error: it is in [`Run::lost`].
pub fn record_running(
    target: &Target,
    options: &RecordOptions,
    watcher: &mut dyn Watcher,
) -> Result<Recorded, RecordError> {
    let _turn = turn();
    if let Some(other @ (Backend::Notify | Backend::Ptrace | Backend::Strace | Backend::Audit)) = options.backend {
        return Err(RecordError::OnlyEbpf(other, "what runs already"));
    }
    let (scope, members) = match target {
        Target::Cgroup { cgroup, scope, .. } => (scope.clone(), cgroup.processes()),
        Target::Process(pid) => (Scope::Process(*pid), processes::with_descendants(*pid, &processes::parents())),
    };
    let first = processes::oldest(&members);
    // Whoever started it stands under what the host puts it under; its own filter comes on top.
    let starters = first.and_then(processes::parent).and_then(processes::filters);
    let starters = starters.or_else(|| processes::filters(std::process::id())).unwrap_or(0);
    let confined = first.and_then(processes::filters).is_some_and(|filters| filters > starters);
    let since = options.since.unwrap_or(match target {
        Target::Cgroup { .. } if confined => Since::Filter,
        _ => Since::Start,
    });
    let plan = Plan {
        capacities: options.capacities.clone(),
        cgroup: match target {
            Target::Cgroup { cgroup, .. } => Some(cgroup.clone()),
            Target::Process(_) => None,
        },
        starting: matches!(target, Target::Cgroup { starting: Some(_), .. }),
        threads: matches!(target, Target::Process(_)),
        more_filters_than: (since == Since::Filter).then_some(starters),
        watch_denied: true,
        stacks: options.stacks,
        test: options.test.clone(),
        executables: processes::executables(&members),
    };
    let command = match target {
        Target::Cgroup { starting: Some(command), .. } => command.clone(),
        Target::Cgroup { .. } | Target::Process(_) => first.map(processes::command_line).unwrap_or_default(),
    };
    let session = Session::attach(plan)?;
    let mut watch = Watch::new(Identity::new(command, scope, since, Backend::Ebpf)?, options, watcher);
    let recorded = match target {
        Target::Cgroup { .. } => session.follow_cgroup(&mut watch)?,
        Target::Process(pid) => session.follow_process(*pid, &mut watch)?,
    };
    Ok(concluded(&watch.identity, recorded, options))
}

/// Children are reaped and signals taken for the whole process: one recording at a time.
fn turn() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn concluded(identity: &Identity, recorded: observed::Recorded, options: &RecordOptions) -> Recorded {
    let observed::Recorded { observed, ending, mut notes } = recorded;
    let run = observed.into_run(identity, ending);
    notes.extend(unbounded_arguments(&run));
    if options.stacks {
        notes.extend(missing_stacks(&run));
    }
    let status = match ending.end {
        End::Status(status) => Status::of(status),
        End::Scope | End::Stopped | End::InProgress => Status::Exited(0),
    };
    Recorded { run, status, interrupted: ending.interrupted, notes }
}

/// Records with the first backend that can be used here without eBPF. Only what failed before the command ran is tried
/// otherwise.
fn best_of_the_rest(
    command: &Prepared,
    identity: &impl Fn(Backend) -> io::Result<Identity>,
    options: &RecordOptions,
    watcher: &mut dyn Watcher,
    not_ebpf: &ebpf::Unavailable,
) -> Result<(Identity, observed::Recorded), RecordError> {
    if options.stacks {
        let mut watch = Watch::new(identity(Backend::Ptrace)?, options, watcher);
        let mut recorded = ptrace::record(command, arguments::values, &mut watch)?;
        recorded.notes.insert(0, format!("recorded by ptrace, which keeps stacks: {not_ebpf}"));
        return Ok((watch.identity, recorded));
    }
    let mut watch = Watch::new(identity(Backend::Notify)?, options, watcher);
    let (mut recorded, reason) = match notify::record(command, arguments::values, &options.learned, &mut watch) {
        Ok(recorded) => (recorded, format!("recorded by user notification: {not_ebpf}")),
        Err(not_notify @ (NotifyError::Busy | NotifyError::Absent | NotifyError::System { call: "seccomp", .. })) => {
            let reason = format!("recorded by ptrace: {not_notify}\n{not_ebpf}");
            watch.identity = identity(Backend::Ptrace)?;
            (ptrace::record(command, arguments::values, &mut watch)?, reason)
        }
        Err(error) => return Err(error.into()),
    };
    recorded.notes.insert(0, reason);
    Ok((watch.identity, recorded))
}

/// Whether a filter stands between this process's calls and the kernel (`Seccomp: 2` in proc(5)'s status).
fn under_a_filter() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
    })
}

/// A note when stacks are missing.
fn missing_stacks(run: &Run) -> Option<String> {
    let firsts = run.rows.iter().filter_map(|row| row.first.as_ref());
    let (with, without): (Vec<_>, Vec<_>) = firsts.partition(|first| !first.stack.is_empty());
    let (missing, all) = (without.len(), with.len() + without.len());
    (missing > 0).then(|| {
        format!(
            "{missing} of {all} first calls have no stack: their process had ended before the list of its files was read, or \
             isn't an x86-64 one"
        )
    })
}

/// A note for each argument that had more values than are kept.
fn unbounded_arguments(run: &Run) -> impl Iterator<Item = String> + '_ {
    run.rows.iter().flat_map(|row| {
        let unbounded = row.arguments.iter().filter(|(_, values)| matches!(values, Values::Unbounded(_)));
        unbounded.map(|(parameter, _)| {
            let name = row.syscall.clone().unwrap_or_else(|| format!("call {}", row.nr));
            format!("`{parameter}` of {name} ({}) had more values than are kept; it is recorded as unbounded", row.abi)
        })
    })
}
