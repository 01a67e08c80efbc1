//! Why a statement can't be parsed: takes it apart, and finds every error in it rather than the first.

use std::ops::Range;

use pest::Parser as _;

use super::build::{Builder, part};
use super::report::Report;
use super::scan::{BLANKS, shown, skip_blanks, top_level};
use super::syntax_error::{SyntaxError, syntax_error};
use super::words::{self, KEYWORDS, SYNONYMS, VERBS};
use super::{Gate, Rule};
use crate::tree::{StatementKind, Target};
use crate::{Diagnostic, codes, did_you_mean};

/// Reports every error of a statement that starts at byte `base` of the text, and returns what of it can be used: the
/// good targets of a rule, so that the compiler can look for more errors in them.
pub(super) fn statement(slice: &str, base: usize, error: &SyntaxError, report: &Report) -> Option<StatementKind> {
    let head = words::leading_word(slice);
    let colon = top_level(slice, ':').next();
    if words::is_verb(head) {
        match colon {
            Some(colon) => return rule_parts(slice, base, colon, error, report),
            None => report.push(missing_colon(slice, base, head, report)),
        }
    } else if head == "when" {
        report.push(
            Diagnostic::error(codes::MISSING_BLOCK, "this `when` has no block")
                .at(report.span(base, base + slice.len()), "")
                .help("end the line with `{`, write the statements below it, and close with `}`"),
        );
    } else if KEYWORDS.contains(&head) {
        let needs_colon = head != "let" && colon.is_none();
        let is_empty = colon.is_some_and(|colon| skip_blanks(slice, colon + 1) == slice.len());
        report.push(match colon {
            _ if needs_colon => missing_colon(slice, base, head, report),
            Some(colon) if is_empty => empty_list(base, head, colon, report),
            _ => syntax_error(slice, base, Rule::statement_alone, error, report),
        });
    } else {
        report.push(unknown_start(slice, base, head, colon, error, report));
        let known = colon.filter(|_| suggestion(head).is_some_and(words::is_verb));
        if let Some(colon) = known {
            targets(slice, base, colon, report);
        }
    }
    None
}

/// What is wrong with the text before a `{` that opens a block without `when`.
pub(super) fn block_head(text: &str, head: &Range<usize>, brace: usize, report: &Report) -> Diagnostic {
    let word = words::leading_word(&text[head.clone()]);
    if suggestion(word) == Some("when") {
        return Diagnostic::error(codes::UNKNOWN_VERB, format!("a statement can't start with `{}`", shown(word)))
            .at(report.span(head.start, head.start + word.len()), "")
            .help("did you mean `when`?");
    }
    Diagnostic::error(codes::MISSING_WHEN, "a block needs a `when` before its `{`")
        .at(report.span(brace, brace + 1), "this opens a block")
        .help("write `when cap SYS_ADMIN { … }`, or `verb: targets` without brackets")
}

/// The head and each target of `verb: targets` by themselves, so that all their errors are found.
fn rule_parts(slice: &str, base: usize, colon: usize, error: &SyntaxError, report: &Report) -> Option<StatementKind> {
    let before = report.count();
    let head = slice[..colon].trim_end();
    let verb = match Gate::parse(Rule::verb_alone, head) {
        Ok(mut pairs) => Builder::new(report, base).reported(|builder| builder.verb(part(&mut pairs))),
        Err(error) => {
            report.push(syntax_error(head, base, Rule::verb_alone, &error, report));
            None
        }
    };
    let targets = targets(slice, base, colon, report);
    if report.count() == before {
        report.push(syntax_error(slice, base, Rule::statement_alone, error, report));
    }
    verb.filter(|_| !targets.is_empty()).map(|verb| StatementKind::Rule { verb, targets })
}

fn targets(slice: &str, base: usize, colon: usize, report: &Report) -> Vec<Target> {
    let mut good = Vec::new();
    let first = colon + 1;
    if skip_blanks(slice, first) == slice.len() {
        report.push(empty_list(base, words::leading_word(slice), colon, report));
        return good;
    }
    let commas: Vec<usize> = top_level(slice, ',').filter(|&at| at >= first).collect();
    let starts = std::iter::once(first).chain(commas.iter().map(|comma| comma + 1));
    let ends = commas.iter().copied().chain(std::iter::once(slice.len()));
    for (start, end) in starts.zip(ends) {
        let start = skip_blanks(slice, start).min(end);
        let target = slice[start..end].trim_end_matches(BLANKS);
        if target.is_empty() {
            report.push(empty_entry(base + start, end == slice.len(), report));
            continue;
        }
        match Gate::parse(Rule::target_alone, target) {
            Ok(mut pairs) => good.extend(Builder::new(report, base + start).target(part(&mut pairs))),
            Err(error) => report.push(syntax_error(target, base + start, Rule::target_alone, &error, report)),
        }
    }
    good
}

/// Nothing stands between two commas, or after the last one. `at` is the byte after the comma.
pub(super) fn empty_entry(at: usize, is_last: bool, report: &Report) -> Diagnostic {
    let comma = report.span(at.saturating_sub(1), at);
    if is_last {
        return Diagnostic::error(codes::TRAILING_COMMA, "a statement can't end with a comma")
            .at(report.span(at, at), "another entry is expected here")
            .help("delete the comma, or add an entry");
    }
    Diagnostic::error(codes::EMPTY_ENTRY, "nothing stands before this comma")
        .at(report.span(at, at + 1).to(comma), "")
        .help("delete one comma")
}

fn empty_list(base: usize, head: &str, colon: usize, report: &Report) -> Diagnostic {
    let example = match head {
        "arch" => "arch: x86_64, aarch64",
        "known" => "known: 6.12",
        "use" => "use: @glibc",
        "expect" => "expect: read => allow",
        "flags" => "flags: LOG",
        "listener" => "listener: \"/run/callgate.sock\"",
        "listener-metadata" => "listener-metadata: \"web\"",
        _ => "allow: read, write",
    };
    Diagnostic::error(codes::EMPTY_LIST, format!("nothing stands after `{}:`", shown(head)))
        .at(report.span(base + colon, base + colon + 1), "")
        .help(format!("write `{example}` for instance, or delete the line"))
}

fn missing_colon(slice: &str, base: usize, head: &str, report: &Report) -> Diagnostic {
    let after_value = slice[head.len()..].trim_start().starts_with('(') && words::is_verb(head);
    let end = match slice.find(')') {
        Some(close) if after_value => close + 1,
        _ => head.len(),
    };
    let written = &slice[..end];
    Diagnostic::error(codes::MISSING_COLON, format!("a `:` is missing after `{}`", shown(written)))
        .at(report.span(base + end, base + end), "here")
        .help(format!("write `{}: …`", shown(written)))
}

/// What `word` was probably meant to be, of the words that start a statement.
pub(super) fn suggestion(word: &str) -> Option<&'static str> {
    let synonym = SYNONYMS.iter().find(|(habit, _)| word.eq_ignore_ascii_case(habit)).map(|&(_, name)| name);
    synonym.or_else(|| did_you_mean(word, VERBS.iter().chain(KEYWORDS).copied()))
}

fn unknown_start(
    slice: &str,
    base: usize,
    head: &str,
    colon: Option<usize>,
    error: &SyntaxError,
    report: &Report,
) -> Diagnostic {
    let first = slice.chars().next().unwrap_or(' ');
    let head_span = report.span(base, base + head.len());
    let after_head = slice[head.len()..].trim_start();
    let starts_like_statement = !head.is_empty() && after_head.starts_with([':', '(']) && colon.is_some();
    if starts_like_statement || (colon.is_none() && suggestion(head).is_some() && !after_head.starts_with(',')) {
        let unknown = Diagnostic::error(codes::UNKNOWN_VERB, format!("a statement can't start with `{}`", shown(head)))
            .at(head_span, "");
        return match suggestion(head) {
            _ if head == "default" => unknown.help("the default is what happens to `all`: write `deny: all`"),
            Some(word) => unknown.help(format!("did you mean `{word}`?")),
            None => unknown.help(format!("the verbs are {}", VERBS.join(", "))),
        };
    }
    if colon.is_none() && (!head.is_empty() || first == '@') {
        return Diagnostic::error(codes::MISSING_VERB, "a statement starts with what to do, a verb and `:`")
            .at(report.span(base, base), "the verb is missing here")
            .help(format!("write `allow: {}` for instance", shown(slice)));
    }
    if first == ':' {
        return Diagnostic::error(codes::MISSING_VERB, "a statement starts with what to do, a verb and `:`")
            .at(report.span(base, base + 1), "the verb is missing before this")
            .help(format!("write `allow{}` for instance", shown(slice)));
    }
    if first == ',' {
        return Diagnostic::error(codes::UNEXPECTED_TEXT, "a line can't start with a comma")
            .at(report.span(base, base + 1), "")
            .help("put the comma at the end of the line before; the list then goes on here");
    }
    syntax_error(slice, base, Rule::statement_alone, error, report)
}
