//! Everything that touches a running kernel: record system calls, load a filter.

pub mod command;
pub mod enforce;
#[allow(dead_code)]
mod observed;
#[doc(hidden)]
pub mod probe;
#[allow(dead_code)]
mod seccomp;
mod shared;
mod signals;
