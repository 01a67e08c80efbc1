//! From a policy's syntax tree to a proven classic BPF seccomp filter.
//!
//! Pure: no I/O, nothing of the running kernel, no clock. Same input, same bytes.
#![forbid(unsafe_code)]

pub mod abi;
pub mod action;
pub mod bpf;
pub mod call;
pub mod combine;
pub mod compile;
pub mod condition;
pub mod decompile;
pub mod generate;
pub mod graph;
pub mod lower;
pub mod measure;
pub mod outcome;
pub mod policy;
pub mod prove;
pub mod provenance;
pub mod tables;
pub mod verify;

#[cfg(test)]
mod samples;
