//! From a policy's syntax tree to a proven classic BPF seccomp filter.
//!
//! Pure: no I/O, nothing of the running kernel, no clock. Same input, same bytes.
#![forbid(unsafe_code)]

pub mod abi;
pub mod action;
pub mod bpf;
pub mod call;
pub mod condition;
pub mod policy;
pub mod tables;
