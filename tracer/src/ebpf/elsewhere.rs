//! In place of a session on machines that the BPF object isn't built for.

use super::unavailable::Unavailable;
use crate::command::Prepared;
use crate::observed::Recorded;
use crate::record::{Capacities, RecordError};

/// There is none.
pub(crate) enum Session {}

impl Session {
    pub(crate) fn attach(_: &Capacities) -> Result<Self, Unavailable> {
        Err(Unavailable::machine())
    }

    pub(crate) fn record(self, _: &Prepared) -> Result<Recorded, RecordError> {
        match self {}
    }
}
