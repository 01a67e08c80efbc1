//! Text to tree.
//!
//! Two passes. [`split`] cuts the text into statements in one walk; pest (`gate.pest`) parses each by itself, and
//! [`build`] turns what it found into the tree. A statement that can't be parsed is taken apart by [`explain`], which
//! says what is wrong in the author's words; the others are not affected. Long lists of names go a shorter way ([`list`]).

mod build;
mod expected;
mod explain;
mod expression;
mod list;
mod literal;
pub(crate) mod report;
mod scan;
pub(crate) mod split;
mod syntax_error;
mod words;

use std::ops::Range;

use pest::Parser as _;
use pest::iterators::Pairs;

use crate::tree::{Call, File, Statement, StatementKind, Verb};
use crate::{Diagnostic, SourceId, Spanned, codes};
use build::Builder;
use report::Report;
use split::{Piece, split};
use syntax_error::syntax_error;

#[derive(pest_derive::Parser)]
#[grammar = "gate.pest"]
struct Gate;

/// Parses a policy. Never fails: what could be read is in the tree (of a rule with errors, its good targets), and
/// every error of the text is in the list, in the order of the text. The tree stands for the whole policy only if no diagnostic [is an error](Diagnostic::is_error).
///
/// Takes time and memory in proportion to the text. Brackets may nest 64 deep, a statement may be 1 MiB long, and an
/// expression may chain 512 operators; after 1,000 errors the rest is not read. `source` is put into every span.
#[must_use]
pub fn parse(source: SourceId, text: &str) -> (File, Vec<Diagnostic>) {
    let report = Report::new(source);
    let mut file = File::default();
    if let Some(refusal) = refuse_whole(text, &report) {
        report.push(refusal);
        return (file, report.finish());
    }
    let found = split(text, &report);
    file.comments = found.comments.iter().map(|comment| report.span(comment.start, comment.end)).collect();
    file.statements = statements(text, found.pieces, &report);
    (file, report.finish())
}

/// Parses one call as `expect:` has it, `socket(AF_UNIX, SOCK_STREAM, 0)`.
///
/// # Errors
/// Everything that is wrong with it; at least one error.
pub fn parse_call(source: SourceId, text: &str) -> Result<Call, Vec<Diagnostic>> {
    parse_alone(source, text, Rule::call_alone, |builder, mut pairs| builder.call(build::part(&mut pairs)))
}

/// Parses one verb, `errno(ENOSYS)`.
///
/// # Errors
/// Everything that is wrong with it; at least one error.
pub fn parse_verb(source: SourceId, text: &str) -> Result<Spanned<Verb>, Vec<Diagnostic>> {
    if let Some(verb) = build::plain_verb(text) {
        return Ok(Spanned::new(verb, Report::new(source).span(0, text.len())));
    }
    parse_alone(source, text, Rule::verb_alone, |builder, mut pairs| builder.verb(build::part(&mut pairs)))
}

fn parse_alone<T>(
    source: SourceId,
    text: &str,
    rule: Rule,
    build: impl FnOnce(&Builder<'_>, Pairs<'_, Rule>) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let report = Report::new(source);
    if let Some(refusal) = refuse_whole(text, &report) {
        return Err(vec![refusal]);
    }
    // The first pass bounds the nesting; what it cuts at line ends is parsed whole all the same.
    split(text, &report);
    if report.count() > 0 {
        return Err(report.finish());
    }
    let built = match Gate::parse(rule, text) {
        Ok(pairs) => Builder::new(&report, 0).reported(|builder| build(builder, pairs)),
        Err(error) => {
            report.push(syntax_error(text, 0, rule, &error, &report));
            None
        }
    };
    built.ok_or_else(|| report.finish())
}

/// The errors that make looking at single statements pointless.
fn refuse_whole(text: &str, report: &Report) -> Option<Diagnostic> {
    if !fits(text.len()) {
        return Some(
            Diagnostic::error(codes::TEXT_TOO_LARGE, "a policy of 4 GiB or more can't be read")
                .help("split it into files and name them with `use:`"),
        );
    }
    let start = text.trim_start_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    let at = text.len() - start.len();
    let inside = start.strip_prefix(['{', '['])?.trim_start();
    inside.starts_with(['"', '{', '}', ']']).then(|| {
        Diagnostic::error(codes::LOOKS_LIKE_JSON, "this looks like JSON; a policy is a list of `verb: targets` lines")
            .at(report.span(at, at + 1), "a policy does not start with a bracket")
            .help("read a Docker or OCI profile with `--from docker` or `--from oci`")
    })
}

/// Whether every offset into a text of this many bytes fits a [`crate::Span`].
fn fits(bytes: usize) -> bool {
    u32::try_from(bytes).is_ok()
}

/// A block whose `}` was not reached yet.
struct OpenBlock {
    head: Range<usize>,
    brace: usize,
    sound: bool,
    body: Vec<Statement>,
    /// Findings so far when the body began.
    findings: usize,
    pieces: usize,
}

fn statements(text: &str, pieces: Vec<Piece>, report: &Report) -> Vec<Statement> {
    let mut outermost = Vec::new();
    let mut blocks: Vec<OpenBlock> = Vec::new();
    let mut after_bare_when = false;
    for piece in pieces {
        if report.is_full() {
            break;
        }
        if let Some(block) = blocks.last_mut() {
            block.pieces += 1;
        }
        let read = match piece {
            Piece::Statement { text: range, sound } => {
                after_bare_when = words::leading_word(&text[range.clone()]) == "when";
                sound.then(|| statement(text, range, report)).flatten()
            }
            Piece::BlockOpen { head, brace, sound } => {
                // A `when` whose `{` went to the next line was reported once already.
                let sound = sound && !(after_bare_when && head.is_empty());
                let findings = report.count();
                blocks.push(OpenBlock { head, brace, sound, body: Vec::new(), findings, pieces: 0 });
                after_bare_when = false;
                None
            }
            Piece::BlockClose { end } => blocks.pop().and_then(|block| when_statement(text, block, end, report)),
        };
        blocks.last_mut().map_or(&mut outermost, |block| &mut block.body).extend(read);
    }
    outermost
}

fn when_statement(text: &str, block: OpenBlock, end: usize, report: &Report) -> Option<Statement> {
    let OpenBlock { head, brace, sound, body, findings, pieces } = block;
    // The block's own `}` is the one piece that is always there.
    if pieces <= 1 && report.count() == findings {
        report.push(
            Diagnostic::error(codes::EMPTY_BLOCK, "this block says nothing")
                .at(report.span(brace, end), "")
                .help("write the statements that hold then, or delete it"),
        );
    }
    if !sound {
        return None;
    }
    if words::leading_word(&text[head.clone()]) != "when" {
        report.push(explain::block_head(text, &head, brace, report));
        return None;
    }
    match Gate::parse(Rule::when_alone, &text[head.clone()]) {
        Ok(mut pairs) => {
            let builder = Builder::new(report, head.start);
            let guards = builder.reported(|builder| builder.guards(build::part(&mut pairs)))?;
            Some(Spanned::new(StatementKind::When { guards, body }, report.span(head.start, end)))
        }
        Err(error) => {
            report.push(syntax_error(&text[head.clone()], head.start, Rule::when_alone, &error, report));
            None
        }
    }
}

fn statement(text: &str, range: Range<usize>, report: &Report) -> Option<Statement> {
    let slice = &text[range.clone()];
    let spanned = |kind| Spanned::new(kind, report.span(range.start, range.end));
    if let Some(kind) = list::rule(slice, range.start, report) {
        return kind.map(spanned);
    }
    let kind = match Gate::parse(Rule::statement_alone, slice) {
        Ok(mut pairs) => Builder::new(report, range.start).statement(build::part(&mut pairs)),
        Err(error) => explain::statement(slice, range.start, &error, report),
    };
    kind.map(spanned)
}

#[cfg(test)]
mod tests {
    use super::fits;

    /// The text itself would take 4 GiB of memory.
    #[test]
    fn four_gigabytes_do_not_fit_a_span() {
        assert!(fits(0xffff_ffff));
        assert!(!fits(0x1_0000_0000));
    }
}
