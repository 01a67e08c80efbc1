//! What crosses crates: the house itself, the command line, the live kernel, real runtimes.
#![forbid(unsafe_code)]

mod bad_input;
mod bundle;
mod circle;
mod commands;
mod corpus;
mod diff;
mod expectations;
mod house;
mod readme;
mod rights;
mod support;
