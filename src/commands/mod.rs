//! One file a command.

pub(crate) mod compile;
pub(crate) mod eval;
mod spelling;
pub(crate) mod test;
