//! The long lists: a rule whose verb is one word is read target by target, and bare names without pest.
//!
//! A profile is mostly names between commas, and pest looks at each of them in a dozen ways. What isn't a bare name is
//! parsed by pest alone; if pest refuses any of it, the statement is left to the one way that reports errors. A test
//! holds every answer from here to what pest makes of the whole statement.

use std::ops::Range;

use pest::Parser as _;
use pest::iterators::Pairs;

use super::build::{self, Builder, plain_verb};
use super::report::Report;
use super::scan::{BLANKS, top_level};
use super::{Gate, Rule, words};
use crate::Spanned;
use crate::tree::{Call, NameOrNumber, StatementKind, Target, TargetKind};

/// Words that are no name of a call (`target_word` in gate.pest).
const TARGET_WORDS: [&str; 3] = ["all", "unknown", "arch"];

enum Part<'i> {
    /// A bare name, by its bytes in the statement.
    Name(Range<usize>),
    /// Where the text starts, and what pest found in it.
    Other(usize, Pairs<'i, Rule>),
}

/// The statement as [`Builder::statement`] would build it; `None` when it isn't such a list or not all of it is sound.
pub(super) fn rule(text: &str, base: usize, report: &Report) -> Option<Option<StatementKind>> {
    let word = words::leading_word(text);
    let verb = plain_verb(word)?;
    let colon = text.len() - text[word.len()..].trim_start_matches(BLANKS).len();
    let start = text[colon..].starts_with(':').then_some(colon + 1)?;
    let mut parts = Vec::new();
    let mut from = start;
    for end in top_level(&text[start..], ',').map(|at| start + at).chain([text.len()]) {
        parts.push(part(text, from..end)?);
        from = end + 1;
    }
    let target = |part: Part<'_>| match part {
        Part::Name(at) => {
            let span = report.span(base + at.start, base + at.end);
            let callee = Spanned::new(NameOrNumber::Name(text[at].to_owned()), span);
            Some(Spanned::new(TargetKind::Call(Call { callee, arguments: None, span }), span))
        }
        Part::Other(from, mut pairs) => Builder::new(report, base + from).target(build::part(&mut pairs)),
    };
    let targets: Vec<Target> = parts.into_iter().filter_map(target).collect();
    let verb = Spanned::new(verb, report.span(base, base + word.len()));
    Some((!targets.is_empty()).then_some(StatementKind::Rule { verb, targets }))
}

fn part(text: &str, at: Range<usize>) -> Option<Part<'_>> {
    let whole = &text[at.clone()];
    let trimmed = whole.trim_start_matches(BLANKS);
    let start = at.end - trimmed.len();
    let name = trimmed.trim_end_matches(BLANKS);
    if is_name(name) && !TARGET_WORDS.contains(&name) {
        return Some(Part::Name(start..start + name.len()));
    }
    Some(Part::Other(at.start, Gate::parse(Rule::target_alone, whole).ok()?))
}

/// Whether this is a `name` of gate.pest.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(is_part) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Diagnostic, SourceId};

    type Read = (Option<StatementKind>, Vec<Diagnostic>);

    fn here(text: &str) -> Option<Read> {
        let report = Report::new(SourceId(3));
        rule(text, 11, &report).map(|kind| (kind, report.finish()))
    }

    fn by_pest(text: &str) -> Option<Read> {
        let report = Report::new(SourceId(3));
        let mut pairs = Gate::parse(Rule::statement_alone, text).ok()?;
        Some((Builder::new(&report, 11).statement(build::part(&mut pairs)), report.finish()))
    }

    #[test]
    fn lists_are_read_here_and_as_pest_reads_them() {
        for text in [
            "allow: read",
            "kill-thread :read\r\n,\twrite , in",
            "deny: read, # why, not\n  write",
            "log: socket(family == 1, type in {1, 2}), all, unknown, arch x86, @signals, 41, arch_prctl",
            "notify: socket(family == 0x), read",
            "allow: all_of_it, unknown2",
        ] {
            assert!(here(text).is_some(), "{text}");
            assert_eq!(here(text), by_pest(text), "{text}");
        }
        for text in
            ["errno(1): read", "allow", "allow: read,", "allow: , read", "allow: a b", "allow # x\n: read", "arch: x"]
        {
            assert_eq!(here(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_read_here_is_what_pest_reads(
            verb in prop::sample::select(vec!["allow", "deny", "kill", "kill-thread", "log", "notify", "arch", "allow-", "allow2"]),
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "read", "write", "all", "unknown", "arch", "x86", "_", "4", "0x", "@g", "@", "é", "a", "-", ".", "(", ")", "{", "}",
                    "arg0", "raw(arg0)", "==", "1", "&&", ",", ",", ",", " ", "\n", "\t", "#", "# c\n", ":", "\"", "\u{b}",
                ]),
                0..12,
            ),
            colon in prop::sample::select(vec![":", " :", ": ", "", "::"]),
        ) {
            let text = format!("{verb}{colon}{}", pieces.concat());
            if let Some(read) = here(&text) {
                prop_assert_eq!(Some(read), by_pest(&text));
            }
        }
    }
}
