//! The words a statement can start with, and how to recognise one before anything is parsed.

/// The verbs, as the language spells them.
pub(crate) const VERBS: &[&str] = &["allow", "deny", "errno", "kill", "kill-thread", "trap", "trace", "log", "notify"];

/// The other words a statement can start with.
pub(crate) const KEYWORDS: &[&str] =
    &["arch", "known", "use", "let", "when", "expect", "flags", "listener", "listener-metadata"];

/// Words of other seccomp tools and of habit, and what they are called here.
pub(crate) const SYNONYMS: &[(&str, &str)] = &[
    ("accept", "allow"),
    ("permit", "allow"),
    ("block", "deny"),
    ("drop", "deny"),
    ("forbid", "deny"),
    ("refuse", "deny"),
    ("reject", "deny"),
    ("if", "when"),
    ("import", "use"),
    ("include", "use"),
    ("kill-process", "kill"),
    ("kill_process", "kill"),
    ("kill_thread", "kill-thread"),
    ("test", "expect"),
];

/// Whether `word` is a verb.
pub(crate) fn is_verb(word: &str) -> bool {
    VERBS.contains(&word)
}

/// The letters, digits, `_` and `-` at the start of `text`; may be empty.
pub(crate) fn leading_word(text: &str) -> &str {
    let end = text.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_' && byte != b'-');
    &text[..end.unwrap_or(text.len())]
}

/// Whether a line can only be the start of a statement, never the middle of an expression or a list.
///
/// That ends a statement whose bracket or last entry was forgotten. A parameter may be called `log` or `flags`, so the
/// word alone does not decide.
pub(crate) fn starts_statement(line: &str) -> bool {
    let line = line.trim_start();
    let word = leading_word(line);
    let rest = line[word.len()..].trim_start();
    match word {
        "when" => !leading_word(rest).is_empty(),
        "let" => {
            let value = rest[leading_word(rest).len()..].trim_start();
            !leading_word(rest).is_empty() && value.starts_with('=') && !value.starts_with("==")
        }
        "expect" => rest.starts_with(':') || leading_word(rest) == "on",
        "errno" | "trap" | "trace" if rest.starts_with('(') => {
            rest.split_once(')').is_some_and(|(_, after)| after.trim_start().starts_with(':'))
        }
        _ => (is_verb(word) || KEYWORDS.contains(&word)) && rest.starts_with(':'),
    }
}
