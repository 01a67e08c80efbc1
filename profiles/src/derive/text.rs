//! Statements of the policy language, wrapped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use callgate_compiler::abi::Abi;

/// A statement is cut into several at this many columns.
const WIDTH: usize = 110;

/// The targets of statements, by ABI and the name of the call (or its number in decimal digits): the name, or the name with a
/// condition.
pub(super) type Targets = BTreeMap<(Abi, String), String>;

/// Statements that share a reason.
pub(super) struct Section {
    /// A comment above them, a line each.
    pub(super) reason: Vec<String>,
    pub(super) targets: Targets,
}

impl Section {
    /// The comment and the statements: one for all ABIs where they agree, and a `when arch` block where they don't, so that
    /// nothing is said of an ABI that wasn't meant.
    pub(super) fn write(&self, verb: &str, abis: &BTreeSet<Abi>) -> String {
        let mut places: BTreeMap<&str, BTreeSet<Abi>> = BTreeMap::new();
        for ((abi, _), target) in &self.targets {
            places.entry(target).or_default().insert(*abi);
        }
        // A number means another call on another ABI, even where both ABIs list it.
        let everywhere =
            |target: &str, on: &BTreeSet<Abi>| on == abis && !target.starts_with(|c: char| c.is_ascii_digit());
        let mut text = String::from("\n");
        for line in &self.reason {
            let _ = writeln!(text, "# {line}");
        }
        let common: Vec<&str> =
            places.iter().filter(|(target, on)| everywhere(target, on)).map(|(target, _)| *target).collect();
        text.push_str(&statements(verb, &common, ""));
        for abi in abis {
            let here: Vec<&str> = places
                .iter()
                .filter(|(target, on)| on.contains(abi) && !everywhere(target, on))
                .map(|(target, _)| *target)
                .collect();
            if !here.is_empty() {
                let _ = writeln!(text, "when arch {abi} {{\n{}}}", statements(verb, &here, "    "));
            }
        }
        text
    }
}

/// `verb: a, b, …` in as many statements as it takes; a single target is never cut.
fn statements(verb: &str, targets: &[&str], indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for target in targets {
        if !line.is_empty() && line.len() + 2 + target.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line.clear();
        }
        if line.is_empty() {
            let _ = write!(line, "{indent}{verb}: {target}");
        } else {
            let _ = write!(line, ", {target}");
        }
    }
    if !line.is_empty() {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// `arch: …`
pub(super) fn arch(abis: &BTreeSet<Abi>) -> String {
    let names: Vec<&str> = abis.iter().map(|abi| abi.name()).collect();
    format!("arch: {}\n", names.join(", "))
}

/// Text from a recording for a comment: no line break or other control character gets through, and it stays short.
pub(super) fn for_comment(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut safe: String = text.chars().flat_map(escaped).take(LONGEST + 1).collect();
    if safe.chars().count() > LONGEST {
        safe = safe.chars().take(LONGEST).collect();
        safe.push('…');
    }
    safe
}

/// A character as it is, or escaped when it could end the comment, hide in it or turn its direction.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let plain = !c.is_control() && (c == ' ' || !c.is_whitespace()) && c.escape_debug().len() == 1;
    let plain = plain || matches!(c, '"' | '\'' | '\\');
    let (kept, escape) = if plain { (Some(c), None) } else { (None, Some(c.escape_unicode())) };
    kept.into_iter().chain(escape.into_iter().flatten())
}
