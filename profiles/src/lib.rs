//! Other people's seccomp formats, recordings, shipped groups and runtime baselines.
#![forbid(unsafe_code)]

pub mod export;
pub mod groups;
pub mod recording;
