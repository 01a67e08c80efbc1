//! What was observed of a run, with counters that say whether it is all of it.
//!
//! A policy is always derived from a recording, so that it can be derived again, differently, without tracing again.
//! Rows are kept by run; totals are computed. So merging is commutative, associative and idempotent.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use serde::{Deserialize, Serialize};

/// The version of the file format that this code writes.
pub const SCHEMA: u32 = 1;

/// One or more recorded runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// By [`Run::id`].
    pub runs: BTreeMap<String, Run>,
}

/// What watched the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// BPF programs on the kernel's sys_enter tracepoint.
    Ebpf,
    /// seccomp user notification, every call continued.
    Notify,
    /// PTRACE_SYSCALL.
    Ptrace,
}

/// One run of one command, traced from before its first instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Tells the run from every other: 32 hex digits, random.
    pub id: String,
    /// What was run, argument by argument (lossy UTF-8).
    pub command: Vec<String>,
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
    /// How the command ended: a wait status in words, `exit 0` or `signal 15`.
    pub ended: String,
    /// Sorted by ABI, number and phase; no two alike.
    pub rows: Vec<Row>,
}

/// When in the life of a process a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The execve that starts the command: made by the recorder's child, under the command's filter.
    Exec,
    /// After it.
    Run,
}

/// One system call of one ABI in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
