//! The callgate command.
#![forbid(unsafe_code)]

mod backend;
mod cli;
mod commands;
mod failure;
mod input;
mod objective;
mod output;
mod policy;
mod recordings;
mod report;
mod vectors;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Compile(args) => commands::compile::run(&args),
        Command::Test(args) => commands::test::run(&args),
        Command::Fmt(args) => commands::fmt::run(&args),
        Command::Lint(args) => commands::lint::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Merge(args) => commands::merge::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Learn(args) => commands::learn::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Record(args) => commands::record::run(&args),
        Command::Derive(args) => commands::derive::run(&args),
        Command::Completions(args) => commands::generated::completions(args.shell),
        Command::Man => commands::generated::man(),
        Command::Run(args) => commands::run::run(&args),
        Command::Hook(args) => commands::hook::run(&args),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            if !failure.is_said() {
                eprintln!("{failure}");
            }
            ExitCode::from(failure.status)
        }
    }
}
