//! Everything that touches a running kernel: record system calls, load a filter.

mod arguments;
pub mod command;
pub mod ebpf;
pub mod enforce;
#[allow(dead_code)]
mod observed;
#[doc(hidden)]
pub mod probe;
pub mod record;
mod seccomp;
mod shared;
#[allow(dead_code)]
mod signals;
