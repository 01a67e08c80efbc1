//! Policies to export, and an engine that carries out what was exported.
#![allow(clippy::unwrap_used, unreachable_pub)]

pub mod engine;
pub mod policies;
