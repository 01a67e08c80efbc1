//! Looking at text without parsing it, to find and show the places of mistakes.

use super::words;

/// What separates words: the grammar knows no other white space.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The first byte at or after `at` that is neither blank nor in a comment.
pub(super) fn skip_blanks(slice: &str, mut at: usize) -> usize {
    loop {
        let rest = &slice[at..];
        at += rest.len() - rest.trim_start_matches(BLANKS).len();
        if !slice[at..].starts_with('#') {
            return at;
        }
        at += slice[at..].find('\n').unwrap_or(slice.len() - at);
    }
}

/// The bytes where `wanted` stands outside brackets, strings and comments.
pub(super) fn top_level(slice: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut in_comment = false;
    let mut escaped = false;
    slice.char_indices().filter_map(move |(at, character)| {
        if in_comment {
            in_comment = character != '\n';
        } else if in_string {
            in_string = escaped || character != '"';
            escaped = character == '\\' && !escaped;
        } else {
            match character {
                '"' => in_string = true,
                '#' => in_comment = true,
                '(' | '{' => depth += 1,
                ')' | '}' => depth = depth.saturating_sub(1),
                _ => return (character == wanted && depth == 0).then_some(at),
            }
        }
        None
    })
}

/// How many bytes of `text` belong to what a reader sees as one thing: a word, an operator, or one character.
pub(super) fn word_length(text: &str) -> usize {
    match words::leading_word(text).len() {
        0 if ["==", "=>", "!=", "<=", ">=", "&&", "||", ".."].iter().any(|pair| text.starts_with(pair)) => 2,
        0 => text.chars().next().map_or(0, char::len_utf8),
        length => length,
    }
}

/// `text` short enough for a message, on one line.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or("").trim_end();
    if line.chars().count() <= LONGEST && line.len() == text.len() {
        return line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    }
    let start: String = line.chars().take(LONGEST).collect();
    format!("{} …", start.escape_debug())
}
