//! What crosses crates: the house itself, the command line, the live kernel, real runtimes, one truth table.
#![forbid(unsafe_code)]

#[path = "../src/backend/mod.rs"]
mod backend;
mod backends;
mod bad_input;
mod bars;
mod bundle;
mod ci;
mod circle;
mod circle_clients;
mod clients;
mod commands;
mod containers;
mod corpus;
mod decompile;
mod diff;
mod engines;
mod exactness;
mod expectations;
mod explain;
mod formats;
mod house;
mod kernel_facts;
mod learning;
mod learning_examples;
mod libraries;
mod lint;
mod merge;
mod nextest_runner;
mod objective;
#[path = "../benches/policies/mod.rs"]
#[allow(dead_code)] // the benchmarks need more of it
mod policies;
mod program_mutants;
mod programs;
mod readme;
mod recordings;
mod removal;
mod rights;
mod stack;
mod starts;
mod stats;
mod support;
#[path = "../src/vectors.rs"]
mod table;
mod text_formats;
mod vectors;
mod verify;
