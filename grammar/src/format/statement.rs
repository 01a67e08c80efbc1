//! One statement, on one line if it fits, else broken behind commas and inside brackets.
//!
//! The output depends on the tokens only, and has the same tokens; that is why formatting twice is formatting once.

use super::tokens::{Kind, Token, tokens};
use super::{INDENT, WIDTH};

/// A statement without line breaks; `None` if a comment in it needs one.
pub(super) fn on_one_line(statement: &str) -> Option<String> {
    let tokens = tokens(statement);
    if tokens.iter().any(|token| token.is_comment()) {
        return None;
    }
    let mut line = String::with_capacity(statement.len());
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 && tokens[at - 1].is_spaced_from(*token) {
            line.push(' ');
        }
        line.push_str(token.text);
    }
    Some(line)
}

/// A statement that starts at column `indent`. Lines behind the first are indented in the text that is returned.
pub(super) fn laid_out(statement: &str, indent: usize) -> String {
    let tokens = tokens(statement);
    let measures = Measures::of(&tokens);
    let mut layout = Layout {
        tokens: &tokens,
        measures,
        out: String::with_capacity(statement.len()),
        column: indent,
        line_indent: indent,
        at_line_start: true,
        line_is_over: false,
    };
    layout.entries(0, tokens.len(), indent + INDENT, false);
    layout.out
}

/// What is asked of the tokens often, computed once.
struct Measures {
    /// For each token, the columns it would start and end in if all stood on one line.
    columns: Vec<(usize, usize)>,
    /// For each token, how many comments stand before it; one more for the end.
    comments: Vec<usize>,
    /// For each `(` and `{`, the token that closes it.
    closings: Vec<usize>,
}

impl Measures {
    fn of(tokens: &[Token<'_>]) -> Self {
        let mut columns = Vec::with_capacity(tokens.len());
        let mut comments = Vec::with_capacity(tokens.len() + 1);
        let mut closings = vec![0; tokens.len()];
        let mut open = Vec::new();
        let (mut column, mut seen) = (0, 0);
        for (at, token) in tokens.iter().enumerate() {
            column += usize::from(at > 0 && tokens[at - 1].is_spaced_from(*token));
            comments.push(seen);
            let start = column;
            column += token.text.chars().count();
            columns.push((start, column));
            seen += usize::from(token.is_comment());
            match token.kind {
                Kind::Open => open.push(at),
                Kind::Close => {
                    if let Some(opening) = open.pop() {
                        closings[opening] = at;
                    }
                }
                _ => {}
            }
        }
        comments.push(seen);
        Self { columns, comments, closings }
    }

    /// How wide the tokens are on one line, if they can stand on one.
    fn width(&self, start: usize, end: usize) -> Option<usize> {
        if start >= end {
            return Some(0);
        }
        (self.comments[end] == self.comments[start]).then(|| self.columns[end - 1].1 - self.columns[start].0)
    }
}

struct Layout<'t> {
    tokens: &'t [Token<'t>],
    measures: Measures,
    out: String,
    column: usize,
    /// How far the current line is indented.
    line_indent: usize,
    at_line_start: bool,
    /// A comment was written; nothing can follow it on this line.
    line_is_over: bool,
}

impl Layout<'_> {
    /// The tokens `start..end`, entries with commas between them. `indent` is for the lines that are begun here; `inside`
    /// brackets a line may be broken anywhere.
    fn entries(&mut self, start: usize, end: usize, indent: usize, inside: bool) {
        let mut at = start;
        while at < end {
            at = self.comments(at, end, indent);
            let stop = self.end_of_entry(at, end);
            // One more for the blank before it.
            let fits = self.measures.width(at, stop).is_some_and(|width| self.column + 1 + width <= WIDTH);
            if at > start && !fits && !self.at_line_start {
                self.new_line(indent);
            }
            self.sequence(at, stop, indent, inside);
            at = stop;
        }
    }

    /// Writes the comments from token `at` on, and returns the token behind them.
    fn comments(&mut self, mut at: usize, end: usize, indent: usize) -> usize {
        while at < end && self.tokens[at].is_comment() {
            self.token(at, indent);
            at += 1;
        }
        at
    }

    /// One past the comma that ends the entry at token `at`, or `end`.
    fn end_of_entry(&self, mut at: usize, end: usize) -> usize {
        while at < end {
            match self.tokens[at].kind {
                Kind::Comma => return at + 1,
                Kind::Open => at = self.measures.closings[at] + 1,
                _ => at += 1,
            }
        }
        end
    }

    /// The tokens `start..end` in a row, brackets broken where they don't fit.
    fn sequence(&mut self, start: usize, end: usize, indent: usize, inside: bool) {
        let mut at = start;
        while at < end {
            if inside && at > start && self.tokens[at - 1].joins() && !self.operand_fits(at, end) {
                self.new_line(indent + INDENT);
            }
            self.token(at, indent);
            at += 1;
            if self.tokens[at - 1].kind != Kind::Open {
                continue;
            }
            let close = self.measures.closings[at - 1];
            // One more for a comma behind it. An empty bracket has nothing to break.
            let width = self.measures.width(at, close + 1);
            let fits = at == close || width.is_some_and(|width| self.column + width < WIDTH);
            if fits {
                // A bracket that fits is written like any other tokens, by the next turns of this loop.
                while at <= close {
                    self.token(at, indent);
                    at += 1;
                }
            } else if self.is_one_bracket_at_its_end(at, close) {
                self.sequence(at, close, indent, true);
            } else {
                let outer = self.line_indent;
                if !self.tokens[at].is_comment() {
                    self.new_line(outer + INDENT);
                }
                self.entries(at, close, outer + INDENT, true);
                self.new_line(outer);
            }
            if at <= close {
                self.token(close, indent);
                at = close + 1;
            }
        }
    }

    /// Whether what stands up to the next `&&`, `||`, `|` or comma fits this line.
    fn operand_fits(&self, start: usize, end: usize) -> bool {
        let mut at = start;
        while at < end && !self.tokens[at].joins() {
            at = if self.tokens[at].kind == Kind::Open { self.measures.closings[at] + 1 } else { at + 1 };
        }
        let stop = (at + 1).min(end);
        self.measures.width(start, stop).is_some_and(|width| self.column + 1 + width <= WIDTH)
    }

    /// Whether a bracket's content is a single entry that ends in a bracket itself, `ioctl(cmd in {…})`: breaking the
    /// inner one is enough.
    fn is_one_bracket_at_its_end(&self, start: usize, close: usize) -> bool {
        let mut at = start;
        while at < close {
            match self.tokens[at].kind {
                Kind::Comma | Kind::Comment { .. } => return false,
                Kind::Open => {
                    at = self.measures.closings[at] + 1;
                    if at == close {
                        return true;
                    }
                }
                _ if self.tokens[at].joins() => return false,
                _ => at += 1,
            }
        }
        false
    }

    fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
        self.line_indent = indent;
        self.at_line_start = true;
        self.line_is_over = false;
    }

    /// Writes a token with what stands between it and the one before. `indent` is for the line it may have to begin.
    fn token(&mut self, at: usize, indent: usize) {
        let token = self.tokens[at];
        let own_line = token.kind == Kind::Comment { own_line: true };
        if self.line_is_over || (own_line && !self.at_line_start) {
            self.new_line(indent);
        }
        if !self.at_line_start {
            let blanks = match token.kind {
                Kind::Comment { .. } => "  ",
                _ if self.tokens[at - 1].is_spaced_from(token) => " ",
                _ => "",
            };
            self.out.push_str(blanks);
            self.column += blanks.len();
        }
        self.out.push_str(token.text);
        self.column += token.text.chars().count();
        self.at_line_start = false;
        self.line_is_over = token.is_comment();
    }
}
