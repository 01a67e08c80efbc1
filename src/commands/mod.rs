//! One file a command.

pub(crate) mod compile;
pub(crate) mod derive;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod exposure;
pub(crate) mod fmt;
pub(crate) mod generated;
pub(crate) mod hook;
pub(crate) mod learn;
pub(crate) mod lint;
mod listing;
pub(crate) mod merge;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod spelling;
mod stats;
pub(crate) mod test;
