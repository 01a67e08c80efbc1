//! What crosses crates: the house itself, the command line, the live kernel, real runtimes, one truth table.
#![forbid(unsafe_code)]

mod bad_input;
mod bundle;
mod circle;
mod commands;
mod corpus;
mod decompile;
mod diff;
mod engines;
mod expectations;
mod explain;
mod house;
mod readme;
mod rights;
mod stats;
mod support;
#[path = "../src/vectors.rs"]
mod table;
mod vectors;
