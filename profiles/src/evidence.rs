//! What other programs observed, as a recording: strace's text, and the audit records that the kernel writes of filtered calls.
//!
//! Neither is made to be whole. What the source says it dropped, what can't be read and what has a name nobody knows is
//! counted in [`Run::lost`], so that the recording is incomplete like any other that lost something.

mod audit;
mod strace;

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use sha2::{Digest, Sha256};

use crate::recording::{Backend, Phase, Recording, Row, Run, Scope, Since};

/// A source of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What strace(1) writes: a line a call, or the table of `-c`.
    Strace,
    /// Records of type SECCOMP (1326), as the kernel's log and audit.log have them.
    Audit,
}

/// What came of reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// One run. Its id is made from the text, so that the same text merged twice is there once.
    pub recording: Recording,
    /// What whoever derives from it should know, a sentence each.
    pub notes: Vec<String>,
}

impl Source {
    /// What a text looks like. `None` for a recording of callgate's, and for what shows no call.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if text.trim_start().starts_with('{') {
            None
        } else if text.lines().any(audit::is_record) {
            Some(Self::Audit)
        } else {
            strace::looks_like(text).then_some(Self::Strace)
        }
    }

    /// Reads a text. Never fails: what can't be read is counted as lost.
    ///
    /// `native` is the ABI of the machine it is from; neither source says it.
    #[must_use]
    pub fn read(self, text: &str, native: Abi) -> Evidence {
        let (observed, notes) = match self {
            Self::Strace => strace::read(text, native),
            Self::Audit => audit::read(text),
        };
        Evidence { recording: Recording::of(observed.into_run(self, text, native)), notes }
    }

    fn backend(self) -> Backend {
        match self {
            Self::Strace => Backend::Strace,
            Self::Audit => Backend::Audit,
        }
    }
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Observed {
    command: Vec<String>,
    calls: BTreeMap<(Abi, u32, Phase), u64>,
    lost: BTreeMap<&'static str, u64>,
    ended: Option<String>,
}

impl Observed {
    fn call(&mut self, abi: Abi, nr: u32, phase: Phase, times: u64) {
        let calls = self.calls.entry((abi, nr, phase)).or_default();
        *calls = calls.saturating_add(times);
    }

    fn lose(&mut self, what: &'static str, count: u64) {
        let lost = self.lost.entry(what).or_default();
        *lost = lost.saturating_add(count);
    }

    fn into_run(self, source: Source, text: &str, native: Abi) -> Run {
        let row = |((abi, nr, phase), calls)| Row {
            abi,
            syscall: tables::name(abi, nr).map(str::to_owned),
            nr,
            phase,
            calls,
            arguments: BTreeMap::new(),
            first: None,
        };
        Run {
            id: id(text),
            command: self.command,
            scope: Scope::default(),
            since: Since::default(),
            backend: source.backend(),
            kernel: "unknown".to_owned(),
            machine: native.name().to_owned(),
            calls_exact: source == Source::Strace && self.lost.is_empty(),
            lost: self.lost.into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
            still_running: 0,
            serving_after: None,
            in_progress: false,
            ended: self.ended.unwrap_or_else(|| "unknown".to_owned()),
            rows: self.calls.into_iter().filter(|&(_, calls)| calls > 0).map(row).collect(),
            denied: Vec::new(),
        }
    }
}

/// 32 hex digits: the first half of the text's SHA-256.
fn id(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
