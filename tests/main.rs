//! What crosses crates: the house itself, the command line, the live kernel, real runtimes, one truth table.
#![forbid(unsafe_code)]

#[path = "../src/backend/mod.rs"]
mod backend;
mod backends;
mod bad_input;
mod bundle;
mod circle;
mod commands;
mod corpus;
mod diff;
mod engines;
mod expectations;
mod house;
mod merge;
mod readme;
mod rights;
mod stack;
mod stats;
mod support;
#[path = "../src/vectors.rs"]
mod table;
mod vectors;
