//! The comment at the head of a derived policy: of which runs it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::text::for_comment;
use crate::tally::Tally;

/// How many commands are listed.
const COMMANDS_SHOWN: usize = 5;

pub(super) fn comment(tally: &Tally) -> String {
    let mut commands: BTreeMap<String, u64> = BTreeMap::new();
    for (words, runs) in &tally.commands {
        *commands.entry(command(words)).or_default() += runs;
    }
    let complete = if tally.is_complete() { "complete" } else { "INCOMPLETE" };
    let how: BTreeSet<String> = tally
        .recorded_with
        .iter()
        .map(|(backend, kernel, machine)| {
            format!("{backend} on Linux {} {}", for_comment(kernel), for_comment(machine))
        })
        .collect();
    let how = how.into_iter().collect::<Vec<_>>().join(", ");
    let runs = count(tally.runs(), "run");
    let mut text = String::new();
    if let (1, Some(command)) = (commands.len(), commands.keys().next()) {
        let _ = writeln!(text, "# Derived by callgate from {runs} of `{command}`");
    } else {
        let _ = writeln!(text, "# Derived by callgate from {runs} of {} commands:", commands.len());
        for (command, &times) in commands.iter().take(COMMANDS_SHOWN) {
            let _ = writeln!(text, "#   `{command}` ({})", count(times, "run"));
        }
        if commands.len() > COMMANDS_SHOWN {
            let _ = writeln!(text, "#   and {} more", commands.len() - COMMANDS_SHOWN);
        }
    }
    let _ = writeln!(text, "# ({complete}; recorded with {how}).");
    if !tally.is_complete() {
        let _ = writeln!(text, "# Lost: {}. The command may need calls that are not here.", lost(&tally.lost));
    }
    text
}

/// The command as a shell would take it, near enough to recognise it.
fn command(words: &[String]) -> String {
    let word = |argument: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) { argument.clone() } else { format!("'{argument}'") }
    };
    for_comment(&words.iter().map(word).collect::<Vec<_>>().join(" "))
}

pub(super) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The losses in words, `3 forked_tasks`.
pub(super) fn lost(lost: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = lost.iter().map(|(what, number)| format!("{number} {}", for_comment(what))).collect();
    words.join(", ")
}
