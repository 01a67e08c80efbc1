//! What the runs of a recording come to, call by call. Computed, never stored as the truth.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use serde::{Deserialize, Serialize};

use super::{Phase, Recording, Row, Unbounded, Values};

/// One system call of one ABI in one phase, over every run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// The ABI the call was really made through.
    pub abi: Abi,
    /// Its name there; absent when no run has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<String>,
    /// The number as the kernel sees it; x32's carry bit 30.
    pub nr: u32,
    /// When.
    pub phase: Phase,
    /// How often over all runs; stops at 2⁶⁴-1.
    pub calls: u64,
    /// In how many runs.
    pub runs: u64,
    /// By parameter name, the values of the parameters that *every* one of those runs kept: a run that didn't look at a
    /// parameter may have seen anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Values>,
}

impl Total {
    fn of(row: &Row) -> Self {
        Self {
            abi: row.abi,
            syscall: row.syscall.clone(),
            nr: row.nr,
            phase: row.phase,
            calls: row.calls,
            runs: 1,
            arguments: row.arguments.clone(),
        }
    }

    /// Adds the row of another run.
    fn add(&mut self, row: &Row) {
        // Of two spellings (two versions of the tables) the lesser, so that the order of runs can't show.
        self.syscall = match (self.syscall.take(), row.syscall.clone()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.calls = self.calls.saturating_add(row.calls);
        self.runs += 1;
        common_values(&mut self.arguments, &row.arguments);
    }
}

/// Keeps the parameters both maps have, each with the values of both.
pub(crate) fn common_values(kept: &mut BTreeMap<String, Values>, other: &BTreeMap<String, Values>) {
    kept.retain(|parameter, _| other.contains_key(parameter));
    for (parameter, values) in kept {
        if let Some(others) = other.get(parameter) {
            *values = union(values, others);
        }
    }
}

fn union(one: &Values, other: &Values) -> Values {
    match (one, other) {
        (Values::Seen(one), Values::Seen(other)) => Values::Seen(one | other),
        _ => Values::Unbounded(Unbounded::Unbounded),
    }
}

impl Recording {
    /// What the runs come to, sorted by ABI, number and phase.
    #[must_use]
    pub fn totals(&self) -> Vec<Total> {
        let mut totals: BTreeMap<(Abi, u32, Phase), Total> = BTreeMap::new();
        for row in self.runs.values().flat_map(|run| &run.rows) {
            totals
                .entry((row.abi, row.nr, row.phase))
                .and_modify(|total| total.add(row))
                .or_insert_with(|| Total::of(row));
        }
        totals.into_values().collect()
    }

    /// Every run's losses, added up. Empty when the recording is complete.
    #[must_use]
    pub fn lost(&self) -> BTreeMap<String, u64> {
        let mut lost: BTreeMap<String, u64> = BTreeMap::new();
        let counters = self.runs.values().flat_map(|run| &run.lost);
        for (what, &count) in counters.filter(|&(_, &count)| count != 0) {
            let sum = lost.entry(what.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
        lost
    }
}
