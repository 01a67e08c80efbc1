//! Several recordings as one.

use std::collections::btree_map::Entry;

use thiserror::Error;

use super::Recording;

/// Two recordings have a run of one id with different content, so at least one was changed after it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "run {id} differs between two recordings, so at least one was changed after it was recorded\n  next: leave one of them out"
)]
pub struct RunConflict {
    /// The run's id.
    pub id: String,
}

impl Recording {
    /// The runs of both. Commutative, associative and idempotent: a run that both have is there once.
    ///
    /// A recording is its runs, row by row, so it is as large as all of them; what a policy is derived from takes less, and is made
    /// run by run ([`Tally`](crate::tally::Tally)).
    ///
    /// # Errors
    /// When both have a run of one id with different content.
    pub fn merge(mut self, other: Self) -> Result<Self, RunConflict> {
        for (id, run) in other.runs {
            match self.runs.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(run);
                }
                Entry::Occupied(same) if *same.get() == run => {}
                Entry::Occupied(different) => return Err(RunConflict { id: different.key().clone() }),
            }
        }
        Ok(self)
    }
}
