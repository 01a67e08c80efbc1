//! Everything that touches a running kernel: record system calls, load a filter.

mod arguments;
pub mod command;
pub mod ebpf;
#[allow(dead_code)]
mod observed;
pub mod record;
