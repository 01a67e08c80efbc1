//! Other people's seccomp formats, recordings, shipped groups and runtime baselines.
#![forbid(unsafe_code)]

mod baseline;
pub mod derive;
pub mod engine;
pub mod evidence;
pub mod export;
pub mod groups;
mod held;
pub mod import;
mod kafel_names;
mod probes;
pub mod recording;
pub mod refused;
mod sets;
pub mod shipped;
mod siblings;
pub mod stability;
pub mod tally;

pub use baseline::{Need, Needed, Runtime, UnknownRuntime, baseline, needs};
pub use held::{Arguments, UnknownArguments};
