//! Policies to export, and engines that carry out what was exported.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod compiler;
pub mod container;
pub mod engine;
pub mod policies;
