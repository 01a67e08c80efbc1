//! Every command the README shows runs, and prints what the README says it prints.
//!
//! In a block marked `console`, a line that starts with `$ ` is a command; the lines after it are what it prints, standard
//! error and output together. `...` stands for any lines, `[..]` for any text in a line.

use std::fs;
use std::path::Path;
use std::process::Command;

use snapbox::IntoData as _;
use tempfile::TempDir;

use crate::support::{Need, have, root};

struct Shown {
    line: usize,
    command: String,
    prints: String,
}

fn commands(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            if let Some(command) = line.strip_prefix("$ ") {
                found.push(Shown { line: index + 1, command: command.to_owned(), prints: String::new() });
            } else if let Some(last) = found.last_mut() {
                last.prints.push_str(line);
                last.prints.push('\n');
            }
        }
    }
    found
}

/// `cargo run … -- ARGUMENTS` is the built callgate with these arguments; building it again would only take time.
fn as_built(command: &str) -> String {
    match command.strip_prefix("cargo run ").and_then(|rest| rest.split_once("-- ")) {
        Some((_, arguments)) => format!("callgate {arguments}"),
        None => command.to_owned(),
    }
}

fn run(shown: &Shown, folder: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_callgate")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {}", as_built(&shown.command))])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("RUST_BACKTRACE")
        .env("LC_ALL", "C")
        .output()
        .expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = snapbox::Assert::new().try_eq(
        Some(&format!("README.md:{}: $ {}", shown.line, shown.command)),
        printed.into_data(),
        shown.prints.clone().into_data(),
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md");
    let commands = commands(&text);
    assert!(commands.len() >= 8, "the README shows its commands in console blocks");
    if !have(&[Need::Root]) {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples")).expect("a link");
    for shown in &commands {
        // The whole test suite can't run inside itself: `.ci/run` runs this very command.
        if shown.command == test_command() {
            let gate = fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
            assert!(
                gate.contains(&format!("{} --features", test_command())),
                ".ci/run must run the README's test command"
            );
        } else {
            run(shown, folder.path());
        }
    }
}

fn test_command() -> &'static str {
    "cargo test --workspace"
}

#[test]
fn the_readme_opens_with_two_commands() {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md");
    let commands = commands(&text);
    assert!(commands[0].command.starts_with("cargo run "), "{}", commands[0].command);
    assert_eq!(commands[1].command, test_command());
    assert!(commands[1].line < 30, "they come first");
}
