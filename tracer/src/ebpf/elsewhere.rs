//! In place of a session on machines that the BPF object isn't built for.

use crate::command::Prepared;
use crate::observed::{Ending, Observed};
use crate::record::{Capacities, RecordError};

use super::unavailable::Unavailable;

/// There is none.
pub(crate) enum Session {}

impl Session {
    pub(crate) fn attach(_: &Capacities) -> Result<Self, Unavailable> {
        Err(Unavailable::machine())
    }

    pub(crate) fn record(self, _: &Prepared, _: &mut Vec<String>) -> Result<(Observed, Ending), RecordError> {
        match self {}
    }
}
