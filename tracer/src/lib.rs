//! Everything that touches a running kernel: record system calls, load a filter.

pub mod command;
pub mod enforce;
#[allow(dead_code)]
pub mod notify;
#[allow(dead_code)]
mod observed;
#[doc(hidden)]
pub mod probe;
#[cfg(test)]
mod process_trees;
#[allow(dead_code)]
pub mod ptrace;
mod seccomp;
mod shared;
#[allow(dead_code)]
mod signals;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
#[allow(dead_code)]
mod tasks;
