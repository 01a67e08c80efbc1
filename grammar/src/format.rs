//! The one canonical form of a policy.
//!
//! One statement a line, four blanks for a block, at most one empty line in a row, lines of at most 100 columns where a line
//! may be broken at all. Every comment stays where it was: on its own line, or behind what it was behind. Numbers,
//! strings and parentheses stay as written. `when` with a single statement takes one line if it fits.

mod statement;
mod tokens;

use std::ops::Range;

use crate::parse::report::Report;
use crate::parse::split::{Piece, split};
use crate::{Diagnostic, SourceId, parse};
use statement::{laid_out, on_one_line};

/// Lines are broken to be at most this many characters long; comments are not broken.
const WIDTH: usize = 100;

/// What a block or a broken bracket adds.
const INDENT: usize = 4;

/// The canonical form of a policy. Formatting it again changes nothing, and it [parses](crate::parse()) to the same tree
/// with the same comments; only the places differ.
///
/// # Errors
/// Every error of a text that is no policy. Such a text has no canonical form, and nothing of it is guessed. The
/// spans are of source 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let source = SourceId(0);
    let (_, diagnostics) = parse(source, text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let mut printer = Printer { text, out: String::new(), indent: 0, before: None };
    let elements = elements(text, source);
    let mut rest = elements.as_slice();
    while let Some((element, after)) = rest.split_first() {
        rest = match (element, after) {
            (Element::Open { .. }, [body @ Element::Statement(_), close @ Element::Close { .. }, after @ ..])
                if printer.block_on_one_line(element, body, close) =>
            {
                after
            }
            _ => {
                printer.element(element);
                after
            }
        };
    }
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    Ok(printer.out)
}

/// What stands on lines of its own or at the end of one, by its place in the text.
#[derive(Debug)]
enum Element {
    Statement(Range<usize>),
    Open {
        head: Range<usize>,
        brace: usize,
    },
    Close {
        end: usize,
    },
    /// A comment outside statements.
    Comment(Range<usize>),
}

impl Element {
    fn range(&self) -> Range<usize> {
        match self {
            Self::Statement(range) | Self::Comment(range) => range.clone(),
            Self::Open { head, brace } => head.start..brace + 1,
            Self::Close { end } => end - 1..*end,
        }
    }
}

/// The pieces of the text and the comments between them, in order.
fn elements(text: &str, source: SourceId) -> Vec<Element> {
    let found = split(text, &Report::new(source));
    let mut elements = Vec::with_capacity(found.pieces.len() + found.comments.len());
    let mut comments = found.comments.into_iter().peekable();
    for piece in found.pieces {
        let element = match piece {
            Piece::Statement { text, .. } => Element::Statement(text),
            Piece::BlockOpen { head, brace, .. } => Element::Open { head, brace },
            Piece::BlockClose { end } => Element::Close { end },
        };
        let Range { start, end } = element.range();
        while let Some(comment) = comments.next_if(|comment| comment.start < start) {
            elements.push(Element::Comment(comment));
        }
        // Those inside are the statement's own.
        while comments.next_if(|comment| comment.start < end).is_some() {}
        elements.push(element);
    }
    elements.extend(comments.map(Element::Comment));
    elements
}

/// What was printed last.
struct Before {
    /// Where it ended in the text.
    end: usize,
    opened_block: bool,
}

struct Printer<'t> {
    text: &'t str,
    out: String,
    indent: usize,
    /// `None` at the start of the text.
    before: Option<Before>,
}

impl Printer<'_> {
    fn element(&mut self, element: &Element) {
        let range = element.range();
        let mut opened_block = matches!(element, Element::Open { .. });
        match element {
            Element::Comment(_) => {
                let comment = self.text[range.clone()].trim_end();
                let on_this_line = |before: &&Before| !self.text[before.end..range.start].contains('\n');
                if let Some(before) = self.before.as_ref().filter(on_this_line) {
                    opened_block = before.opened_block;
                    self.out.push_str("  ");
                } else {
                    self.begin_line(range.start);
                }
                self.out.push_str(comment);
            }
            Element::Statement(_) => {
                self.begin_line(range.start);
                self.out.push_str(&laid_out(&self.text[range.clone()], self.indent));
            }
            Element::Open { head, .. } => {
                self.begin_line(range.start);
                self.out.push_str(&laid_out(&self.text[head.clone()], self.indent));
                self.out.push_str(" {");
                self.indent += INDENT;
            }
            Element::Close { .. } => {
                self.indent = self.indent.saturating_sub(INDENT);
                self.new_line();
                self.out.push('}');
            }
        }
        self.before = Some(Before { end: range.end, opened_block });
    }

    /// Prints `when … { one statement }` if it fits one line, and says whether it did.
    fn block_on_one_line(&mut self, open: &Element, body: &Element, close: &Element) -> bool {
        let Element::Open { head, .. } = open else { return false };
        let (Some(head), Some(body)) = (on_one_line(&self.text[head.clone()]), on_one_line(&self.text[body.range()]))
        else {
            return false;
        };
        let line = format!("{head} {{ {body} }}");
        let fits = self.indent + line.chars().count() <= WIDTH;
        if fits {
            self.begin_line(open.range().start);
            self.out.push_str(&line);
            self.before = Some(Before { end: close.range().end, opened_block: false });
        }
        fits
    }

    /// Starts the line of what stands at byte `start` of the text, behind an empty line if it was behind one there.
    fn begin_line(&mut self, start: usize) {
        let Some(before) = &self.before else { return };
        let line_ends = self.text[before.end..start].matches('\n').count();
        if line_ends > 1 && !before.opened_block {
            self.out.push('\n');
        }
        self.new_line();
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent));
    }
}
