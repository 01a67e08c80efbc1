//! What a backend saw, by number; names come at the end, so that counting costs one look-up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_profiles::recording::{Backend, Denied, First, Phase, Row, Run, Scope, Since, Unbounded, Values, Verdict};
use nix::sys::utsname::uname;

use crate::stacks::Moment;

/// How many values of one argument of one call are kept; one more, and the argument is unbounded. Far above what a
/// policy can use, so the bound only keeps a program that invents values (ioctl fuzzers) from filling the memory.
const VALUES_KEPT: usize = 1024;

/// The calls of a run, as a backend counts them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    calls: BTreeMap<(Abi, u32, Phase), Seen>,
    denied: BTreeMap<(Abi, u32, Phase, Verdict), Refused>,
    serving_after: Option<u64>,
    lost: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    calls: u64,
    arguments: BTreeMap<u8, Values>,
    first: Option<First>,
}

#[derive(Clone, Debug, Default)]
struct Refused {
    calls: u64,
    first: Option<First>,
}

/// What is said of a run apart from what was observed.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    id: String,
    command: Vec<String>,
    scope: Scope,
    since: Since,
    backend: Backend,
    kernel: String,
    machine: String,
}

impl Identity {
    /// A new one, on the machine this is.
    ///
    /// # Errors
    ///
    /// When `/dev/urandom` or uname(2) can't be read.
    pub(crate) fn new(command: Vec<String>, scope: Scope, since: Since, backend: Backend) -> io::Result<Self> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let machine = uname()?;
        Ok(Self {
            id: format!("{:032x}", u128::from_be_bytes(random)),
            command,
            scope,
            since,
            backend,
            kernel: machine.release().to_string_lossy().into_owned(),
            machine: machine.machine().to_string_lossy().into_owned(),
        })
    }
}

/// What ended a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The command, with this status as waitpid(2) gives it.
    Status(libc::c_int),
    /// Nothing is left in the scope.
    Scope,
    /// The user, or the time that was set.
    Stopped,
    /// Nothing: it goes on.
    InProgress,
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What ended it.
    pub(crate) end: End,
    /// Whether every count is exact.
    pub(crate) calls_exact: bool,
    /// Descendants still running when the recording was ended by the user.
    pub(crate) still_running: u64,
    /// Whether the user asked for the end, while the command ran or after.
    pub(crate) interrupted: bool,
}

/// What a backend hands back.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// What it saw.
    pub(crate) observed: Observed,
    /// How it ended.
    pub(crate) ending: Ending,
    /// What the user should know of how this backend changes a run, one sentence each.
    pub(crate) notes: Vec<String>,
}

impl Observed {
    /// Counts a call as a filter sees it, and keeps the values that `kept` names of it. One of an ABI that the tables don't
    /// know is lost: `unknown_abi`. Returns the call when it is the first of its phase.
    pub(crate) fn call<I: IntoIterator<Item = (u8, u64)>>(
        &mut self,
        arch: u32,
        nr: u32,
        args: [u64; 6],
        phase: Phase,
        kept: impl Fn(Abi, u32, [u64; 6]) -> I,
    ) -> Option<(Abi, u32)> {
        let Some(abi) = Abi::of_call(arch, nr) else {
            self.lose("unknown_abi", 1);
            return None;
        };
        let is_first = !self.calls.contains_key(&(abi, nr, phase));
        self.count(abi, nr, phase, 1);
        for (arg, value) in kept(abi, nr, args) {
            self.value(abi, nr, phase, arg, value);
        }
        is_first.then_some((abi, nr))
    }

    /// Counts `n` more of a call.
    pub(crate) fn count(&mut self, abi: Abi, nr: u32, phase: Phase, n: u64) {
        let seen = self.calls.entry((abi, nr, phase)).or_default();
        seen.calls = seen.calls.saturating_add(n);
    }

    /// Keeps a value that argument `arg` (0 to 5) of a call was seen with.
    pub(crate) fn value(&mut self, abi: Abi, nr: u32, phase: Phase, arg: u8, value: u64) {
        let arguments = &mut self.calls.entry((abi, nr, phase)).or_default().arguments;
        let values = arguments.entry(arg).or_insert_with(|| Values::Seen(BTreeSet::new()));
        if let Values::Seen(seen) = values {
            seen.insert(value);
            if seen.len() > VALUES_KEPT {
                *values = Values::Unbounded(Unbounded::Unbounded);
            }
        }
    }

    /// Says that not every value of argument `arg` could be kept: it is unconstrained.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn unbounded(&mut self, abi: Abi, nr: u32, phase: Phase, arg: u8) {
        let arguments = &mut self.calls.entry((abi, nr, phase)).or_default().arguments;
        arguments.insert(arg, Values::Unbounded(Unbounded::Unbounded));
    }

    /// Who made a call of `phase` first.
    pub(crate) fn first(&mut self, abi: Abi, nr: u32, phase: Phase, first: First) {
        if let Some(seen) = self.calls.get_mut(&(abi, nr, phase)) {
            seen.first = Some(first);
        }
    }

    /// Adds what stacks first calls had.
    pub(crate) fn stacks(&mut self, mut stacks: BTreeMap<Moment, Vec<String>>) {
        for first in self.calls.values_mut().filter_map(|seen| seen.first.as_mut()) {
            let at = Moment { time: first.after, task: first.task };
            first.stack = stacks.remove(&at).unwrap_or_default();
        }
    }

    /// Counts `n` more of a call that a filter answered.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn deny(&mut self, abi: Abi, nr: u32, phase: Phase, verdict: Verdict, n: u64, first: Option<First>) {
        let refused = self.denied.entry((abi, nr, phase, verdict)).or_default();
        refused.calls = refused.calls.saturating_add(n);
        refused.first = refused.first.take().or(first);
    }

    /// Says when the scope began to serve, in nanoseconds after the start.
    pub(crate) fn served_after(&mut self, after: Option<u64>) {
        self.serving_after = after;
    }

    /// Says that `n` things of the kind `name` are missing. Nothing is noted for 0.
    pub(crate) fn lose(&mut self, name: &str, n: u64) {
        if n > 0 {
            let lost = self.lost.entry(name.to_owned()).or_default();
            *lost = lost.saturating_add(n);
        }
    }

    /// The rows of a recording, named and sorted.
    ///
    /// A call of which only a value was kept was made at least once: its count is 1.
    pub(crate) fn into_rows(self) -> Vec<Row> {
        self.calls
            .into_iter()
            .map(|((abi, nr, phase), seen)| Row {
                abi,
                syscall: syscall_name(abi, nr),
                nr,
                phase,
                calls: seen.calls.max(1),
                arguments: seen
                    .arguments
                    .into_iter()
                    .map(|(arg, values)| (parameter_name(abi, nr, arg), values))
                    .collect(),
                first: seen.first,
            })
            .collect()
    }

    /// The whole run.
    pub(crate) fn into_run(mut self, identity: &Identity, ending: Ending) -> Run {
        let denied = std::mem::take(&mut self.denied).into_iter();
        let denied = denied.map(|((abi, nr, phase, verdict), Refused { calls, first })| Denied {
            abi,
            syscall: syscall_name(abi, nr),
            nr,
            phase,
            verdict,
            calls,
            first,
        });
        let Identity { id, command, scope, since, backend, kernel, machine } = identity.clone();
        Run {
            id,
            command,
            scope,
            since,
            backend,
            kernel,
            machine,
            calls_exact: ending.calls_exact,
            lost: std::mem::take(&mut self.lost),
            still_running: ending.still_running,
            serving_after: self.serving_after,
            in_progress: ending.end == End::InProgress,
            ended: ending.end.in_words(),
            denied: denied.collect(),
            rows: self.into_rows(),
        }
    }
}

impl End {
    /// As recordings spell it: a wait status is `exit 0`, `signal 15`.
    fn in_words(self) -> String {
        match self {
            Self::Status(status) if libc::WIFSIGNALED(status) => format!("signal {}", libc::WTERMSIG(status)),
            Self::Status(status) => format!("exit {}", libc::WEXITSTATUS(status)),
            Self::Scope => "scope ended".to_owned(),
            Self::Stopped => "stopped".to_owned(),
            Self::InProgress => "recording in progress".to_owned(),
        }
    }
}

/// The call's name in the tables; `None` when they have none.
fn syscall_name(abi: Abi, nr: u32) -> Option<String> {
    tables::name(abi, nr).map(str::to_owned)
}

/// The parameter's name in the tables, else `arg0` to `arg5`.
fn parameter_name(abi: Abi, nr: u32, arg: u8) -> String {
    tables::name(abi, nr)
        .and_then(|name| tables::prototype(abi, name)?.get(usize::from(arg)))
        .map_or_else(|| format!("arg{arg}"), |parameter| parameter.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_counted_by_abi_number_and_phase() {
        let mut observed = Observed::default();
        observed.count(Abi::X86, 20, Phase::Run, 2);
        observed.count(Abi::X86_64, 59, Phase::Run, 1);
        observed.count(Abi::X86_64, 59, Phase::Exec, 1);
        observed.count(Abi::X86, 20, Phase::Run, 3);
        observed.count(Abi::X86_64, 39, Phase::Run, u64::MAX);
        observed.count(Abi::X86_64, 39, Phase::Run, 1);
        let rows: Vec<_> =
            observed.into_rows().into_iter().map(|row| (row.abi, row.nr, row.phase, row.calls)).collect();
        assert_eq!(
            rows,
            [
                (Abi::X86_64, 39, Phase::Run, u64::MAX),
                (Abi::X86_64, 59, Phase::Exec, 1),
                (Abi::X86_64, 59, Phase::Run, 1),
                (Abi::X86, 20, Phase::Run, 5),
            ]
        );
    }

    #[test]
    fn too_many_values_are_unbounded_and_stay_so() {
        // Its parameters are `arg0` to `arg5`, in this order.
        const UNNAMED: u32 = 10_000;
        let mut observed = Observed::default();
        for value in 0..=VALUES_KEPT as u64 {
            observed.value(Abi::X86_64, UNNAMED, Phase::Run, 1, value);
            observed.value(Abi::X86_64, UNNAMED, Phase::Run, 2, value % 2);
        }
        observed.value(Abi::X86_64, UNNAMED, Phase::Run, 1, 7);
        observed.unbounded(Abi::X86_64, UNNAMED, Phase::Run, 3);
        observed.value(Abi::X86_64, UNNAMED, Phase::Run, 3, 7);
        let rows = observed.into_rows();
        let values: Vec<_> = rows[0].arguments.values().collect();
        let unbounded = Values::Unbounded(Unbounded::Unbounded);
        assert_eq!(values, [&unbounded, &Values::Seen(BTreeSet::from([0, 1])), &unbounded]);
        assert_eq!(rows[0].calls, 1);
    }

    #[test]
    fn a_run_has_an_identity_and_says_how_it_ended() {
        let run = |status| {
            let mut observed = Observed::default();
            observed.lose("values", 0);
            observed.lose("forked_tasks", 2);
            observed.lose("forked_tasks", 1);
            let command = vec!["/bin/true".to_owned(), "x".to_owned()];
            let identity = Identity::new(command, Scope::Command, Since::Start, Backend::Notify).unwrap();
            let ending = Ending { end: End::Status(status), calls_exact: true, still_running: 0, interrupted: false };
            observed.into_run(&identity, ending)
        };
        let (exited, killed) = (run(7 << 8), run(15));
        assert_eq!((exited.ended.as_str(), killed.ended.as_str()), ("exit 7", "signal 15"));
        assert_eq!(exited.id.len(), 32);
        assert!(exited.id.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(exited.id, killed.id);
        assert_eq!(exited.lost, BTreeMap::from([("forked_tasks".into(), 3)]));
        assert_eq!(exited.command, ["/bin/true", "x"]);
        assert_eq!(exited.kernel, std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim());
    }
}
