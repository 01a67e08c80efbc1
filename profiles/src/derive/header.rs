//! The comment at the head of a derived policy: of which runs it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::text::for_comment;
use crate::recording::{Recording, Run};

/// How many commands are listed.
const COMMANDS_SHOWN: usize = 5;

pub(super) fn comment(recording: &Recording) -> String {
    let runs: Vec<&Run> = recording.runs.values().collect();
    let mut commands: BTreeMap<String, usize> = BTreeMap::new();
    for run in &runs {
        *commands.entry(command(run)).or_default() += 1;
    }
    let complete = if recording.is_complete() { "complete" } else { "INCOMPLETE" };
    let how: BTreeSet<String> = runs
        .iter()
        .map(|run| format!("{} on Linux {} {}", run.backend, for_comment(&run.kernel), for_comment(&run.machine)))
        .collect();
    let how = how.into_iter().collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    if let (1, Some(command)) = (commands.len(), commands.keys().next()) {
        let _ = writeln!(text, "# Derived by callgate from {} of `{command}`", count(runs.len(), "run"));
    } else {
        let _ =
            writeln!(text, "# Derived by callgate from {} of {} commands:", count(runs.len(), "run"), commands.len());
        for (command, times) in commands.iter().take(COMMANDS_SHOWN) {
            let _ = writeln!(text, "#   `{command}` ({})", count(*times, "run"));
        }
        if commands.len() > COMMANDS_SHOWN {
            let _ = writeln!(text, "#   and {} more", commands.len() - COMMANDS_SHOWN);
        }
    }
    let _ = writeln!(text, "# ({complete}; recorded with {how}).");
    if !recording.is_complete() {
        let _ = writeln!(text, "# Lost: {}. The command may need calls that are not here.", lost(&recording.lost()));
    }
    text
}

/// The command as a shell would take it, near enough to recognise it.
fn command(run: &Run) -> String {
    let word = |argument: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) { argument.clone() } else { format!("'{argument}'") }
    };
    for_comment(&run.command.iter().map(word).collect::<Vec<_>>().join(" "))
}

pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The losses in words, `3 forked_tasks`.
pub(super) fn lost(lost: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = lost.iter().map(|(what, number)| format!("{number} {}", for_comment(what))).collect();
    words.join(", ")
}
