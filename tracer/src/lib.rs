//! Everything that touches a running kernel: record system calls, load a filter.

mod arguments;
pub mod cgroup;
pub mod command;
pub mod ebpf;
pub mod enforce;
pub mod filters;
mod first;
pub mod host;
pub mod imitate;
pub mod notify;
mod observed;
#[doc(hidden)]
pub mod probe;
#[cfg(test)]
mod process_trees;
mod processes;
pub mod ptrace;
pub mod record;
mod seccomp;
mod shared;
mod signals;
mod stacks;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
mod tasks;
#[doc(hidden)]
pub mod trial;
mod watch;
