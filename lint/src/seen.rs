//! What a program was seen to call.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_profiles::recording::Recording;

/// The calls of one or more recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// By ABI and `seccomp_data.nr`.
    pub calls: BTreeSet<(Abi, u32)>,
    /// How many runs they are from.
    pub runs: usize,
}

impl Seen {
    /// Every call of every run.
    #[must_use]
    pub fn of<'r>(recordings: impl IntoIterator<Item = &'r Recording>) -> Self {
        let mut seen = Self::default();
        for run in recordings.into_iter().flat_map(|recording| recording.runs.values()) {
            seen.runs += 1;
            seen.calls.extend(run.rows.iter().map(|row| (row.abi, row.nr)));
        }
        seen
    }

    /// The names of the calls.
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.calls.iter().filter_map(|&(abi, nr)| tables::name(abi, nr)).collect()
    }
}
