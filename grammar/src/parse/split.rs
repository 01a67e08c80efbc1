//! The first pass: cuts a text into statements, in one walk over its bytes and without recursion.
//!
//! It knows brackets, strings, comments and line ends, and nothing of what a statement says. That gives three things:
//! an error in one statement never hides the next one; nesting is bounded before the recursive parser sees it; and
//! time and memory grow with the length of the text, whatever is in it.

use std::ops::Range;

use super::report::Report;
use super::words;
use crate::{Diagnostic, codes};

/// Brackets and blocks nest at most this deep. The second pass recurses once per level.
pub(crate) const DEEPEST_NESTING: usize = 64;

/// The second pass needs some hundred bytes of memory per byte of one statement.
const LONGEST_STATEMENT: usize = 1 << 20;

/// A part of the text, by byte offsets. `sound` is false when an error in it was reported already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One statement, without blanks and comments around it.
    Statement { text: Range<usize>, sound: bool },
    /// What stands before the `{` of a block (empty if nothing), and where the `{` is.
    BlockOpen { head: Range<usize>, brace: usize, sound: bool },
    /// The end of the innermost open block.
    BlockClose { end: usize },
}

/// What the first pass found.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// In text order; every `BlockOpen` has its `BlockClose`.
    pub(crate) pieces: Vec<Piece>,
    /// From `#` to before the line end.
    pub(crate) comments: Vec<Range<usize>>,
}

/// Cuts `text` into pieces.
pub(crate) fn split(text: &str, report: &Report) -> Pieces {
    let mut splitter = Splitter {
        text,
        report,
        found: Pieces::default(),
        open: Vec::new(),
        open_blocks: 0,
        current: None,
        after_block: false,
    };
    splitter.run();
    splitter.found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Parenthesis,
    Set,
    Block,
}

/// The statement being read.
struct Current {
    start: usize,
    /// One past its last byte that is neither blank nor comment.
    end: usize,
    sound: bool,
    parentheses: usize,
    sets: usize,
    after_comma: bool,
    /// Whether a `{` outside brackets would open a block rather than a set.
    may_open_block: bool,
}

impl Current {
    fn is_inside_brackets(&self) -> bool {
        self.parentheses + self.sets > 0
    }
}

struct Splitter<'a> {
    text: &'a str,
    report: &'a Report,
    found: Pieces,
    /// Every bracket that is open, and where it stands.
    open: Vec<(Bracket, usize)>,
    open_blocks: usize,
    current: Option<Current>,
    /// On the rest of a line that closed a block.
    after_block: bool,
}

impl Splitter<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while at < bytes.len() && !self.report.is_full() {
            at = match bytes[at] {
                b'\n' => {
                    self.line_end(at);
                    at + 1
                }
                b' ' | b'\t' => at + 1,
                b'\r' => {
                    self.carriage_return(at);
                    at + 1
                }
                b'#' => self.comment(at),
                b'"' => self.string(at),
                b';' => {
                    self.semicolon(at);
                    at + 1
                }
                b'(' => {
                    self.opening(Bracket::Parenthesis, at);
                    at + 1
                }
                b'{' => {
                    self.opening_brace(at);
                    at + 1
                }
                b')' => {
                    self.closing_parenthesis(at);
                    at + 1
                }
                b'}' => {
                    self.closing_brace(at);
                    at + 1
                }
                // Inside a statement nothing about a letter matters but where it ends.
                byte if is_of_word(byte) && self.current.is_some() => {
                    let length = bytes[at..].iter().position(|&byte| !is_of_word(byte));
                    let end = length.map_or(bytes.len(), |length| at + length);
                    self.significant(at, end);
                    end
                }
                _ => self.other(at),
            };
        }
        self.text_end();
    }

    /// The statement that the bytes `at..end` belong to; begins one when there is none.
    fn significant(&mut self, at: usize, end: usize) -> &mut Current {
        if self.current.is_none() && self.after_block {
            self.after_block = false;
            self.report.push(
                Diagnostic::error(codes::MISSING_NEWLINE, "a block ends the line it is closed on")
                    .at(self.report.span(at, end), "this starts another statement")
                    .help("put it on its own line"),
            );
        }
        let text = self.text;
        let current = self.current.get_or_insert_with(|| Current {
            start: at,
            end,
            sound: true,
            parentheses: 0,
            sets: 0,
            after_comma: false,
            may_open_block: words::leading_word(&text[at..]) != "let",
        });
        current.end = end;
        current.after_comma = false;
        current
    }

    fn other(&mut self, at: usize) -> usize {
        let character = self.text[at..].chars().next().unwrap_or('\0');
        let end = at + character.len_utf8();
        let previous = at.checked_sub(1).map(|before| self.text.as_bytes()[before]);
        let next = self.text.as_bytes().get(end).copied();
        let text = self.text;
        let current = self.significant(at, end);
        let separates = match character {
            ':' => true,
            '=' => !matches!(previous, Some(b'=' | b'<' | b'>' | b'!')) && !matches!(next, Some(b'=')),
            _ => false,
        };
        if separates && current.may_open_block && words::leading_word(&text[current.start..]) != "when" {
            current.may_open_block = false;
        }
        if character == ',' {
            current.after_comma = true;
        }
        if is_bidirectional_control(character) {
            self.hidden_character(at..end, "a character that reorders the text around it");
        }
        end
    }

    fn hidden_character(&mut self, place: Range<usize>, what: &str) {
        self.report.push(
            Diagnostic::error(codes::HIDDEN_CHARACTER, format!("{what}: the policy does not say what it shows"))
                .at(self.report.span(place.start, place.end), "invisible here")
                .help("delete it"),
        );
        if let Some(current) = &mut self.current {
            current.sound = false;
        }
    }

    fn carriage_return(&mut self, at: usize) {
        if self.text.as_bytes().get(at + 1) != Some(&b'\n') {
            self.hidden_character(at..at + 1, "a carriage return that ends no line");
        }
    }

    fn comment(&mut self, at: usize) -> usize {
        let line = self.text[at..].split('\n').next().unwrap_or("");
        let comment = line.strip_suffix('\r').unwrap_or(line);
        self.found.comments.push(at..at + comment.len());
        for (offset, character) in comment.char_indices() {
            let place = at + offset..at + offset + character.len_utf8();
            if character == '\r' {
                self.hidden_character(place, "a carriage return that ends no line");
            } else if is_bidirectional_control(character) {
                self.hidden_character(place, "a character that reorders the text around it");
            }
        }
        at + comment.len()
    }

    fn string(&mut self, at: usize) -> usize {
        let mut escaped = false;
        let mut end = at + 1;
        for character in self.text[end..].chars() {
            if character == '\n' {
                break;
            }
            let place = end..end + character.len_utf8();
            end = place.end;
            if is_bidirectional_control(character) {
                self.significant(at, end);
                self.hidden_character(place, "a character that reorders the text around it");
            }
            if character == '"' && !escaped {
                self.significant(at, end);
                return end;
            }
            escaped = character == '\\' && !escaped;
        }
        let end = at + self.text[at..end].trim_end().len();
        self.significant(at, end).sound = false;
        self.report.push(
            Diagnostic::error(codes::UNCLOSED_STRING, "this string has no end")
                .at(self.report.span(at, end), "")
                .help("close it with `\"` on the same line"),
        );
        end
    }

    fn semicolon(&mut self, at: usize) {
        let separates_statements = !self.current.as_ref().is_some_and(Current::is_inside_brackets);
        let help = if separates_statements {
            "a statement ends at the end of its line; delete the `;`"
        } else {
            "separate with a comma"
        };
        self.report.push(
            Diagnostic::error(codes::SEMICOLON, "callgate has no `;`").at(self.report.span(at, at + 1), "").help(help),
        );
        if separates_statements {
            self.end_statement();
        } else {
            self.significant(at, at + 1).sound = false;
        }
    }

    fn opening(&mut self, bracket: Bracket, at: usize) {
        let too_deep = self.open.len() == DEEPEST_NESTING;
        let current = self.significant(at, at + 1);
        match bracket {
            Bracket::Parenthesis => current.parentheses += 1,
            Bracket::Set => current.sets += 1,
            Bracket::Block => {}
        }
        if too_deep && current.sound {
            current.sound = false;
            self.report.push(
                Diagnostic::error(
                    codes::NESTING_TOO_DEEP,
                    format!("brackets are nested more than {DEEPEST_NESTING} deep"),
                )
                .at(self.report.span(at, at + 1), "one too many")
                .help("write several statements instead"),
            );
        }
        self.open.push((bracket, at));
    }

    fn opening_brace(&mut self, at: usize) {
        let opens_block = self.open.len() < DEEPEST_NESTING
            && self.current.as_ref().is_none_or(|current| current.may_open_block && !current.is_inside_brackets());
        if !opens_block {
            self.opening(Bracket::Set, at);
            return;
        }
        let (head, sound) = match self.current.take() {
            Some(current) => (current.start..current.end, current.sound && self.is_short_enough(&current)),
            None => (at..at, true),
        };
        self.after_block = false;
        self.found.pieces.push(Piece::BlockOpen { head, brace: at, sound });
        self.open.push((Bracket::Block, at));
        self.open_blocks += 1;
    }

    fn closing_parenthesis(&mut self, at: usize) {
        if self.current.as_ref().is_some_and(|current| current.parentheses > 0) {
            self.close(Bracket::Parenthesis);
            self.significant(at, at + 1);
        } else {
            self.unmatched(at, ")", "(");
        }
    }

    fn closing_brace(&mut self, at: usize) {
        if self.current.as_ref().is_some_and(|current| current.sets > 0) {
            self.close(Bracket::Set);
            self.significant(at, at + 1);
        } else if self.open_blocks > 0 {
            self.close_brackets_of_statement();
            self.end_statement();
            self.open.pop();
            self.open_blocks -= 1;
            self.found.pieces.push(Piece::BlockClose { end: at + 1 });
            self.after_block = true;
        } else {
            self.unmatched(at, "}", "{");
        }
    }

    /// Closes the innermost `wanted`; what is open inside it was left open by mistake.
    fn close(&mut self, wanted: Bracket) {
        while let Some((bracket, at)) = self.open.pop() {
            if let Some(current) = &mut self.current {
                match bracket {
                    Bracket::Parenthesis => current.parentheses -= 1,
                    Bracket::Set => current.sets -= 1,
                    Bracket::Block => {}
                }
            }
            if bracket == wanted {
                return;
            }
            self.unclosed(bracket, at);
        }
    }

    /// Gives up on every bracket the current statement left open.
    fn close_brackets_of_statement(&mut self) {
        while let Some(&(bracket, at)) = self.open.last() {
            if bracket == Bracket::Block {
                break;
            }
            self.unclosed(bracket, at);
            self.open.pop();
        }
    }

    /// Reports an opening bracket without its other half, once a statement.
    fn unclosed(&mut self, bracket: Bracket, at: usize) {
        let (opening, closing) = if bracket == Bracket::Parenthesis { ("(", ")") } else { ("{", "}") };
        let end = match &mut self.current {
            Some(current) => {
                if !std::mem::replace(&mut current.sound, false) {
                    return;
                }
                current.end
            }
            None => self.text.trim_end().len(),
        };
        self.report.push(
            Diagnostic::error(codes::UNCLOSED_BRACKET, format!("this `{opening}` is never closed"))
                .at(self.report.span(at, at + 1), "opened here")
                .at(self.report.span(end, end), format!("`{closing}` is missing, here at the latest"))
                .help(format!("add the missing `{closing}`")),
        );
    }

    fn unmatched(&mut self, at: usize, closing: &str, opening: &str) {
        let current = self.significant(at, at + 1);
        if !std::mem::replace(&mut current.sound, false) {
            return;
        }
        self.report.push(
            Diagnostic::error(codes::UNMATCHED_BRACKET, format!("this `{closing}` closes nothing"))
                .at(self.report.span(at, at + 1), format!("no `{opening}` is open here"))
                .help(format!("delete it, or add the missing `{opening}`")),
        );
    }

    fn line_end(&mut self, at: usize) {
        self.after_block = false;
        let Some(current) = &self.current else { return };
        let continues = current.is_inside_brackets() || current.after_comma;
        if continues && !words::starts_statement(self.text[at + 1..].split('\n').next().unwrap_or("")) {
            return;
        }
        self.close_brackets_of_statement();
        self.end_statement();
    }

    fn end_statement(&mut self) {
        if let Some(current) = self.current.take() {
            let sound = current.sound && self.is_short_enough(&current);
            self.found.pieces.push(Piece::Statement { text: current.start..current.end, sound });
        }
    }

    fn is_short_enough(&self, current: &Current) -> bool {
        let short_enough = current.end - current.start <= LONGEST_STATEMENT;
        if !short_enough {
            self.report.push(
                Diagnostic::error(codes::STATEMENT_TOO_LONG, "this statement is longer than 1 MiB")
                    .at(self.report.span(current.start, current.start), "it starts here")
                    .help("write several statements; their order does not matter"),
            );
        }
        short_enough
    }

    fn text_end(&mut self) {
        self.close_brackets_of_statement();
        self.end_statement();
        let end = self.text.trim_end().len();
        while let Some((bracket, at)) = self.open.pop() {
            self.unclosed(bracket, at);
            self.found.pieces.push(Piece::BlockClose { end });
        }
    }
}

/// Whether the byte is a letter, a digit or `_`, which mean nothing to this pass.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The Unicode characters that reorder what is shown (CVE-2021-42574, "Trojan Source").
fn is_bidirectional_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
