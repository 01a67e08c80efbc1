//! In place of a session on machines that the BPF object isn't built for.

use super::plan::Plan;
use super::unavailable::Unavailable;
use crate::command::Prepared;
use crate::observed::Recorded;
use crate::record::RecordError;
use crate::watch::Watch;

/// There is none.
pub(crate) enum Session {}

impl Session {
    pub(crate) fn attach(_: Plan) -> Result<Self, Unavailable> {
        Err(Unavailable::machine())
    }

    pub(crate) fn record(self, _: &Prepared, _: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        match self {}
    }

    pub(crate) fn follow_cgroup(self, _: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        match self {}
    }

    pub(crate) fn follow_process(self, _: u32, _: &mut Watch<'_>) -> Result<Recorded, RecordError> {
        match self {}
    }
}
