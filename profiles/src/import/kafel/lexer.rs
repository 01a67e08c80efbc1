//! kafel's words and signs, with included files in the place of their `#include` (kafel's src/lexer.l).

use callgate_grammar::{Diagnostic, SourceId, Span};

use crate::import::Includes;
use crate::import::piece::span;

/// A word or sign and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number; negative ones as the 64-bit word they are.
    Number(u64),
    /// Anything else.
    Sign(&'static str),
}

/// How deep files may include each other, as in kafel.
const DEPTH: usize = 16;

/// How many files one policy may include. kafel has no limit; without one, sixteen files of a few lines could ask for millions.
const FILES: usize = 256;

/// Longer ones first.
const SIGNS: [&str; 20] =
    ["==", "!=", "<=", ">=", "||", "&&", "<", ">", "|", "&", "[", "]", "(", ")", "{", "}", ",", "!", "#", ";"];

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// Reads tokens until there are no more.
pub(super) struct Lexer<'i, 'a> {
    pub(super) includes: &'i mut Includes<'a>,
    pub(super) tokens: Vec<Token>,
    pub(super) files: usize,
}

fn wrong<T>(place: Span, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(Box::new(Diagnostic::error("bad-token", message).at(place, "").help(help)))
}

impl Lexer<'_, '_> {
    /// Adds the tokens of a text.
    pub(super) fn text(&mut self, text: &str, source: SourceId, depth: usize) -> Result<()> {
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            if first.is_whitespace() || first == '\u{feff}' {
                at += first.len_utf8();
            } else if rest.starts_with("//") {
                at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else {
                    return wrong(span(source, at, at + 2), "this comment has no end", "write */ where it ends");
                };
                at += end + 4;
            } else if rest.starts_with("#include") {
                at = self.include(text, source, at, depth)?;
            } else if first.is_ascii_alphabetic() {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                self.push(Kind::Word(rest[..length].to_owned()), source, at, length);
                at += length;
            } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
                let sign = usize::from(first == '-');
                let length =
                    rest[sign..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |digits| digits + sign);
                let Some(number) = number(&rest[..length]) else {
                    let message = format!("`{}` is no number", &rest[..length.min(64)]);
                    return wrong(
                        span(source, at, at + length),
                        message,
                        "write 42, 0x2a, 052 or 0b101010, up to 64 bits",
                    );
                };
                self.push(Kind::Number(number), source, at, length);
                at += length;
            } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                self.push(Kind::Sign(sign), source, at, sign.len());
                at += sign.len();
            } else {
                let place = span(source, at, at + first.len_utf8());
                return wrong(place, format!("kafel has no `{}`", first.escape_debug()), "take it out");
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, source: SourceId, at: usize, length: usize) {
        self.tokens.push(Token { kind, span: span(source, at, at + length) });
    }

    /// `#include "a" "b"`, to the end of the line or a semicolon. Gives back where the text goes on.
    fn include(&mut self, text: &str, source: SourceId, start: usize, depth: usize) -> Result<usize> {
        let mut at = start + "#include".len();
        let whole = || span(source, start, start + "#include".len());
        loop {
            let rest = &text[at..];
            match rest.chars().next() {
                None | Some('\n' | ';') => return Ok((at + 1).min(text.len())),
                Some(blank) if blank.is_whitespace() => at += blank.len_utf8(),
                Some('"') => {
                    let Some(end) = rest[1..].find('"') else {
                        return wrong(whole(), "the name of the file has no end", "close the quotes");
                    };
                    let place = span(source, at, at + end + 2);
                    if depth >= DEPTH {
                        let message = format!("more than {DEPTH} files include each other");
                        return wrong(place, message, "take one of the includes away");
                    }
                    self.files += 1;
                    if self.files > FILES {
                        return wrong(place, format!("more than {FILES} files are included"), "include fewer");
                    }
                    let (included, text) = (self.includes)(&rest[1..=end], place).map_err(Box::new)?;
                    self.text(&text, included, depth + 1)?;
                    at += end + 2;
                }
                Some(_) => return wrong(whole(), "the name of a file stands in quotes", "write #include \"a.policy\""),
            }
        }
    }
}

/// kafel's numbers: decimal with a sign, hexadecimal, octal, binary.
fn number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0b") {
        return u64::from_str_radix(digits, 2).ok();
    }
    if let Some(digits) = text.strip_prefix('-') {
        return digits.parse::<u64>().ok().map(u64::wrapping_neg);
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}
