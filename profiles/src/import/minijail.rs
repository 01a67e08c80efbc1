//! minijail's policy files (minijail, tools/README.md and tools/parser.py).
//!
//! A file is for the ABI it is compiled for, kills what no line is about, and reads the lines of a call as one list whose
//! first match counts, included files in the place of their `@include`. Words are compared whole.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, SourceId, Span, Spanned};

use super::calls::{self, MAX_ERRORS};
use super::guard::Guard;
use super::minijail_filter::{Filter, action, filters};
use super::piece::Piece;
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

/// A filter of a call, on one ABI or on all.
struct Entry {
    call: String,
    abi: Option<Abi>,
    filter: Filter,
    span: Span,
}

struct Importer<'i, 'd> {
    includes: &'i mut Includes<'i>,
    diagnostics: &'d mut Vec<Diagnostic>,
    default: Option<Spanned<String>>,
    /// How many files were included.
    files: usize,
    /// In the order of the text.
    entries: Vec<Entry>,
}

/// How deep files may include each other; minijail itself stops at one.
const DEPTH: usize = 8;

/// How many files one policy may include; a few lines in each of eight levels could ask for millions.
const FILES: usize = 256;

pub(super) fn import(
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Statements {
    let mut give = |path: &str, span: Span| includes(path, span);
    let mut importer = Importer { includes: &mut give, diagnostics, default: None, files: 0, entries: Vec::new() };
    importer.text(document.text, document.source, 0);
    let Importer { default, entries, diagnostics, .. } = importer;
    let all = Statements::abis(None);
    let mut rules = Vec::new();
    let mut decided: BTreeMap<(String, Option<Abi>), Span> = BTreeMap::new();
    for Entry { call, abi, filter, span } in entries {
        if diagnostics.len() > MAX_ERRORS {
            break;
        }
        let earlier = [None, abi].into_iter().find_map(|abi| decided.get(&(call.clone(), abi)));
        if let Some(&earlier) = earlier {
            diagnostics.push(
                Diagnostic::error("unreachable-filter", format!("`{call}` is decided here already"))
                    .at(earlier, "this matches every call, and more follows")
                    .help("take one of the lines out, or put this one last"),
            );
        }
        if filter.when == When::Always {
            decided.entry((call.clone(), abi)).or_insert(span);
        }
        let guard = Guard::on(&abi.map_or_else(|| all.clone(), |abi| BTreeSet::from([abi])));
        rules.push(Rule { call, guard, when: filter.when, verb: filter.verb, span });
    }
    let start = super::piece::span(document.source, 0, 0);
    let default = default.unwrap_or_else(|| Spanned::new("kill".to_owned(), start));
    Statements { listed: None, header: Vec::new(), default, rules, order: Order::FirstMatch }
}

impl Importer<'_, '_> {
    fn text(&mut self, text: &str, source: SourceId, depth: usize) {
        for (at, line) in lines(text) {
            if self.diagnostics.len() > MAX_ERRORS {
                return;
            }
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
            "@denylist" => self.default = Some(Spanned::new("allow".to_owned(), line.span())),
            "@default" => match action(&line.part("@default".len(), line.text.len())) {
                Ok(verb) => {
                    if !["kill", "kill-thread", "trap", "notify"].contains(&verb.as_str()) {
                        self.diagnostics.push(
                            Diagnostic::error("permissive-default", format!("minijail takes no default of {verb}"))
                                .at(line.span(), "")
                                .help("the defaults are kill-process, kill-thread, kill, trap and user-notify"),
                        );
                    }
                    self.default = Some(Spanned::new(verb, line.span()));
                }
                Err(error) => self.diagnostics.push(*error),
            },
            "@include" if depth >= DEPTH => self.diagnostics.push(
                Diagnostic::error("use-cycle", format!("more than {DEPTH} files include each other"))
                    .at(line.span(), "")
                    .help("take one of the includes away"),
            ),
            "@include" if self.files >= FILES => self.diagnostics.push(
                Diagnostic::error("too-many-includes", format!("more than {FILES} files are included"))
                    .at(line.span(), "")
                    .help("include fewer"),
            ),
            "@include" => match (self.includes)(rest, line.span()) {
                Ok((source, text)) => {
                    self.files += 1;
                    self.text(&text, source, depth + 1);
                }
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
            Some(inner) => outside_brackets(&Piece { text: inner, at: head.at + 1, ..head }),
            None => vec![head],
        };
        let filters = match filters(&line.part(colon + 1, line.text.len())) {
            Ok(filters) => filters,
            Err(error) => {
                self.diagnostics.push(*error);
                return;
            }
        };
        let body = line.part(colon + 1, line.text.len());
        if body.text.starts_with("arg") && body.text.contains(';') {
            self.diagnostics.push(
                Diagnostic::warning("two-meanings", "this filter has two meanings")
                    .at(body.span(), "")
                    .because("here: where the condition holds, the action; that is how tools/parser.py reads it")
                    .because("minijail0(5) reads it as allowed where the condition holds, and the action elsewhere")
                    .help("say it in braces: `{ arg0 == 1, return EPERM }`"),
            );
        }
        for name in names {
            let (name, abis) = match metadata(&name) {
                Ok(read) => read,
                Err(error) => {
                    self.diagnostics.push(*error);
                    continue;
                }
            };
            if let Some(number) = calls::c_number(name.text).and_then(|number| u32::try_from(number).ok()) {
                for abi in abis.unwrap_or_else(|| Abi::ALL.to_vec()) {
                    if Abi::of_call(abi.token(), number) == Some(abi) {
                        let call = tables::name(abi, number).map_or_else(|| number.to_string(), str::to_owned);
                        self.add(&call, Some(abi), &filters, name.span());
                    }
                }
                continue;
            }
            if !calls::is_known(name.text) {
                let earlier = self.diagnostics.len();
                self.diagnostics.push(match name.text.split_once('@') {
                    Some((_, namespace)) => Diagnostic::error(
                        "unknown-group",
                        format!("`{namespace}` is a list of groups that is not here"),
                    )
                    .at(name.span(), "")
                    .because("minijail's groups come with the constants that it is given")
                    .help("name the calls of the group"),
                    None => calls::unknown(name.text, name.span(), earlier),
                });
                continue;
            }
            match abis {
                None => self.add(name.text, None, &filters, name.span()),
                Some(abis) => abis.into_iter().for_each(|abi| self.add(name.text, Some(abi), &filters, name.span())),
            }
        }
    }

    /// Adds filters to those of a call, on one ABI or on all.
    fn add(&mut self, call: &str, abi: Option<Abi>, filters: &[Filter], span: Span) {
        let entry = |filter: &Filter| Entry { call: call.to_owned(), abi, filter: filter.clone(), span };
        self.entries.extend(filters.iter().map(entry));
    }
}

/// The parts between commas that stand in no brackets.
fn outside_brackets<'a>(piece: &Piece<'a>) -> Vec<Piece<'a>> {
    let mut parts = Vec::new();
    let (mut inside, mut start) = (false, 0);
    for (at, character) in piece.text.char_indices() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            ',' if !inside => {
                parts.push(piece.part(start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(piece.part(start, piece.text.len()));
    parts
}

/// The name before `[arch=x86_64,arm64]`, and the ABIs in it (tools/parser.py).
fn metadata<'a>(name: &Piece<'a>) -> Result<(Piece<'a>, Option<Vec<Abi>>), Box<Diagnostic>> {
    let Some(open) = name.text.find('[') else { return Ok((*name, None)) };
    let wrong = |piece: &Piece<'_>, message: String| {
        Err(Box::new(
            Diagnostic::error("bad-metadata", message).at(piece.span(), "").help("write `name[arch=x86_64,arm64]: 1`"),
        ))
    };
    let inside = name.slice(open + 1, name.text.len());
    let Some(inside) = inside.text.strip_suffix(']').map(|text| Piece { text, ..inside }) else {
        return wrong(&inside, "this bracket has no end".to_owned());
    };
    let mut abis = None;
    for pair in inside.split(";") {
        let Some((key, values)) = pair.split_once(|c| c == '=') else {
            return wrong(&pair, "metadata is `key=value`".to_owned());
        };
        if key.text != "arch" {
            return wrong(&key, format!("callgate knows no metadata called `{}`", key.text));
        }
        let mut found = Vec::new();
        for value in values.split(",") {
            match value.text.parse::<Abi>() {
                Ok(abi) => found.push(abi),
                Err(()) => return wrong(&value, format!("no ABI is called `{}`", value.text)),
            }
        }
        abis = Some(found);
    }
    Ok((name.part(0, open), abis))
}
