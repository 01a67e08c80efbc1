//! minijail's policy files (minijail, tools/README.md and tools/parser.py).
//!
//! A file is for the ABI it is compiled for, kills what no line is about, and reads the lines of a call as one list whose
//! first match counts, included files in the place of their `@include`. Words are compared whole.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, SourceId, Span, did_you_mean};

use super::guard::Guard;
use super::minijail_filter::{Filter, action, filters};
use super::rules::{Order, Rule, Statements, When};
use super::{Document, Includes};

/// Words that start a statement of callgate's own language; a minijail line starts with a call.
const GATE_WORDS: &[&str] = &[
    "arch",
    "known",
    "use",
    "let",
    "expect",
    "flags",
    "listener",
    "when",
    "allow",
    "deny",
    "errno",
    "kill-thread",
    "trap",
    "trace",
    "log",
    "notify",
];

/// Whether a text's first line is one of minijail's.
pub(super) fn looks_like(text: &str) -> bool {
    let Some(line) = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return false;
    };
    if ["@include ", "@frequency ", "@default ", "@denylist"].iter().any(|word| line.starts_with(word)) {
        return true;
    }
    let Some((head, rest)) = line.split_once(':') else { return false };
    let first = rest.trim_start();
    let is_filter = ["1", "arg", "return ", "allow", "kill", "trap", "trace", "log", "user-notify", "{"]
        .iter()
        .any(|word| first.starts_with(word));
    is_filter && !GATE_WORDS.contains(&head.split(['(', ' ']).next().unwrap_or_default())
}

/// A piece of a text and where it starts.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) source: SourceId,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn span(&self) -> Span {
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { source: self.source, start: offset(self.at), end: offset(self.at + self.text.len()) }
    }

    /// A part of it, without blanks and line continuations around.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        let blank = |c: char| c.is_whitespace() || c == '\\';
        let text = &self.text[start..end];
        let trimmed = text.trim_start_matches(blank);
        let at = self.at + start + text.len() - trimmed.len();
        Self { text: trimmed.trim_end_matches(blank), at, ..*self }
    }

    /// The parts between separators.
    pub(super) fn split(&self, separator: &str) -> Vec<Piece<'a>> {
        let mut parts = Vec::new();
        let mut start = 0;
        for (at, _) in self.text.match_indices(separator) {
            parts.push(self.part(start, at));
            start = at + separator.len();
        }
        parts.push(self.part(start, self.text.len()));
        parts
    }
}

/// The lines of a text, continued ones together, comments blanked so that offsets stay.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut current: Option<(usize, String)> = None;
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let code = raw.find('#').map_or(raw, |comment| &raw[..comment]);
        let continued = code.trim_end().ends_with('\\');
        let mut line = code.to_owned();
        line.push_str(&" ".repeat(raw.len() - code.len()));
        match &mut current {
            Some((_, text)) => text.push_str(&line),
            None => current = Some((at, line)),
        }
        if !continued {
            found.extend(current.take());
        }
        at += raw.len();
    }
    found.extend(current);
    found
}

struct Importer<'i, 'd> {
    includes: &'i mut Includes<'i>,
    diagnostics: &'d mut Vec<Diagnostic>,
    default: Option<String>,
    calls: BTreeMap<String, Vec<(Filter, Span)>>,
}

/// How deep files may include each other; minijail itself stops at one.
const DEPTH: usize = 8;

pub(super) fn import(
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Statements {
    let mut give = |path: &str, span: Span| includes(path, span);
    let mut importer = Importer { includes: &mut give, diagnostics, default: None, calls: BTreeMap::new() };
    importer.text(document.text, document.source, 0);
    let Importer { default, calls, diagnostics, .. } = importer;
    let guard = Guard::on(&Statements::abis(None));
    let mut rules = Vec::new();
    for (call, filters) in calls {
        let last = filters.len() - 1;
        for (at, (filter, span)) in filters.into_iter().enumerate() {
            if filter.when == When::Always && at < last {
                diagnostics.push(
                    Diagnostic::error("unreachable-filter", format!("`{call}` is decided here already"))
                        .at(span, "this matches every call, and more follows")
                        .help("take one of the lines out, or put this one last"),
                );
            }
            rules.push(Rule { call: call.clone(), guard: guard.clone(), when: filter.when, verb: filter.verb });
        }
    }
    let default = default.unwrap_or_else(|| "kill".to_owned());
    Statements { listed: None, header: Vec::new(), default, rules, order: Order::FirstMatch }
}

impl Importer<'_, '_> {
    fn text(&mut self, text: &str, source: SourceId, depth: usize) {
        for (at, line) in lines(text) {
            let whole = Piece { text: &line, source, at };
            let line = whole.part(0, whole.text.len());
            if line.text.is_empty() {
                continue;
            }
            if line.text.starts_with('@') {
                self.directive(&line, depth);
            } else {
                self.line(&line);
            }
        }
    }

    fn directive(&mut self, line: &Piece<'_>, depth: usize) {
        let (word, rest) = line.text.split_once(char::is_whitespace).unwrap_or((line.text, ""));
        let rest = rest.trim();
        match word {
            // Frequencies order the checks; they mean nothing.
            "@frequency" => {}
            "@denylist" => self.default = Some("allow".to_owned()),
            "@default" => match action(&Piece { text: rest, ..*line }) {
                Ok(verb) => self.default = Some(verb),
                Err(error) => self.diagnostics.push(*error),
            },
            "@include" if depth >= DEPTH => self.diagnostics.push(
                Diagnostic::error("use-cycle", format!("more than {DEPTH} files include each other"))
                    .at(line.span(), "")
                    .help("take one of the includes away"),
            ),
            "@include" => match (self.includes)(rest, line.span()) {
                Ok((source, text)) => self.text(&text, source, depth + 1),
                Err(error) => self.diagnostics.push(error),
            },
            _ => self.diagnostics.push(
                Diagnostic::error("unknown-directive", format!("minijail has no `{word}`"))
                    .at(line.span(), "")
                    .help("it has @include, @frequency, @default and @denylist"),
            ),
        }
    }

    /// `name: filter`, `{name, name}: {filter, filter}`
    fn line(&mut self, line: &Piece<'_>) {
        let Some(colon) = line.text.find(':') else {
            self.diagnostics.push(
                Diagnostic::error("not-a-rule", "a line is `call: filter`")
                    .at(line.span(), "there is no colon here")
                    .help("write `read: 1` to allow a call"),
            );
            return;
        };
        let head = line.part(0, colon);
        let names = match head.text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some(inner) => Piece { text: inner, at: head.at + 1, ..head }.split(","),
            None => vec![head],
        };
        let filters = match filters(&line.part(colon + 1, line.text.len())) {
            Ok(filters) => filters,
            Err(error) => {
                self.diagnostics.push(*error);
                return;
            }
        };
        for name in names {
            if !Abi::ALL.iter().any(|&abi| tables::number(abi, name.text).is_some()) {
                let error = Diagnostic::error("unknown-syscall", format!("no system call is called `{}`", name.text))
                    .at(name.span(), "");
                self.diagnostics.push(match did_you_mean(name.text, tables::names().iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help("take the line out"),
                });
                continue;
            }
            let list = self.calls.entry(name.text.to_owned()).or_default();
            list.extend(filters.iter().map(|filter| (filter.clone(), name.span())));
        }
    }
}
