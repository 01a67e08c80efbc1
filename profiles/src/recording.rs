//! What was observed of a run, with counters that say whether it is all of it.
//!
//! A policy is always derived from a recording, so that it can be derived again, differently, without tracing again.
//! Rows are kept by run; totals are computed. So merging is commutative, associative and idempotent.

mod denied;
mod file;
mod first;
mod merge;
mod scope;
mod totals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use callgate_compiler::abi::Abi;
use serde::{Deserialize, Serialize};

pub use denied::{Denied, Verdict};
pub use file::RecordingError;
pub use first::First;
pub use merge::RunConflict;
pub use scope::{Scope, Since};
pub use totals::Total;
pub(crate) use totals::common_values;

/// The version of the file format that this code writes.
pub const SCHEMA: u32 = 1;

/// One or more recorded runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// By [`Run::id`].
    pub runs: BTreeMap<String, Run>,
}

impl Recording {
    /// A recording of one run.
    #[must_use]
    pub fn of(run: Run) -> Self {
        Self { runs: BTreeMap::from([(run.id.clone(), run)]) }
    }

    /// Whether every run is complete: see [`Run::is_complete`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.runs.values().all(Run::is_complete)
    }
}

/// What watched the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// BPF programs on the kernel's `sys_enter` tracepoint.
    Ebpf,
    /// seccomp user notification, every call continued.
    Notify,
    /// `PTRACE_SYSCALL`.
    Ptrace,
    /// strace(1); its text was read.
    Strace,
    /// Audit records of a filter; see [`crate::evidence`].
    Audit,
}

impl fmt::Display for Backend {
    /// As the file spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ebpf => "ebpf",
            Self::Notify => "notify",
            Self::Ptrace => "ptrace",
            Self::Strace => "strace",
            Self::Audit => "audit",
        })
    }
}

/// One run of one command, traced from before its first instruction; or of what else [`Run::scope`] says, from when the
/// recorder was attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Tells the run from every other: 32 hex digits, random.
    pub id: String,
    /// What was run, argument by argument (lossy UTF-8); of a container or a process that ran already, its own arguments.
    pub command: Vec<String>,
    /// Whose calls these are.
    #[serde(default, skip_serializing_if = "Scope::is_command")]
    pub scope: Scope,
    /// From when on a task's calls are counted.
    #[serde(default, skip_serializing_if = "Since::is_start")]
    pub since: Since,
    /// What watched.
    pub backend: Backend,
    /// `uname -r` of the machine.
    pub kernel: String,
    /// `uname -m` of the machine.
    pub machine: String,
    /// Whether every call's count is exact; user notification with learned calls let through can't count them.
    pub calls_exact: bool,
    /// What is missing, by a name that says what (`argument_values`, `forked_tasks`…). Zero counters are left out; empty
    /// means the run is complete.
    #[serde(default)]
    pub lost: BTreeMap<String, u64>,
    /// Descendants still running when the recording was ended by the user; their later calls aren't in it.
    #[serde(default)]
    pub still_running: u64,
    /// When the scope began to serve, in nanoseconds after the recording's start: the first time that a process which has
    /// called `listen`, or whose ancestor has, waited for a connection; or when the user said so. Absent while it hasn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_after: Option<u64>,
    /// Written while it was recorded: the recorder has not come to its end, and later calls are not in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_progress: bool,
    /// How the command ended: a wait status in words, `exit 0` or `signal 15`; of a scope without a wait status, what ended
    /// the recording: `scope ended`, `stopped`, `recording in progress`.
    pub ended: String,
    /// Sorted by ABI, number and phase; no two alike.
    pub rows: Vec<Row>,
    /// What a filter that was there already refused; sorted by ABI, number, phase and verdict, no two alike. None of them
    /// is in `rows`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denied>,
}

impl Run {
    /// Whether everything the command did is in it. Descendants that outlived a recording ended by its user don't count as
    /// a loss: the run is whole up to its end.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.in_progress && self.lost.values().all(|&count| count == 0)
    }
}

/// When in the life of a process a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the command's own program: the execve that starts it, made by the recorder's child under the command's
    /// filter. Of a container, everything its runtime does between loading the filter and the end of that execve.
    Exec,
    /// After it: all the rest where no serving was told apart, else the start-up.
    Run,
    /// After the scope began to serve: see [`Run::serving_after`].
    Serving,
}

/// One system call of one ABI in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The ABI the call was really made through.
    pub abi: Abi,
    /// Its name there; absent when the tables have none for the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<String>,
    /// The number as the kernel sees it; x32's carry bit 30.
    pub nr: u32,
    /// When.
    pub phase: Phase,
    /// How often; at least 1.
    pub calls: u64,
    /// Values seen, by parameter name, for selectors and flags (never pointers).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Values>,
    /// Who made the first of them, and when; absent where the backend doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
}

/// The values one parameter was seen with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum Values {
    /// All of them.
    Seen(BTreeSet<u64>),
    /// Too many to keep: the parameter is unconstrained.
    Unbounded(Unbounded),
}

/// The one spelling of [`Values::Unbounded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unbounded {
    /// `"unbounded"`
    #[serde(rename = "unbounded")]
    Unbounded,
}
