//! Everything that touches a running kernel: record system calls, load a filter.

pub mod command;
#[allow(dead_code)]
mod observed;
