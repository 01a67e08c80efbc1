//! Policies to export, and an engine that carries out what was exported.

pub mod engine;
pub mod policies;
