//! The pseudo filter code that libseccomp prints (`seccomp_export_pfc(3)`, `src/gen_pfc.c` of libseccomp 2.5 and 2.6).
//!
//! Each ABI has its numbers, each number an action or a tree of tests of 32-bit words. The tests of a tree are tried in the
//! order of the text, an inner one only where the outer ones hold, and what none decides meets the ABI's default action.

mod line;

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Span, Spanned};

use self::line::{Line, Statement};
use super::Document;
use super::calls::MAX_ERRORS;
use super::guard::Guard;
use super::piece::Piece;
use super::rules::{Order, Rule, Statements, When};
use super::tree;

/// Whether a text is libseccomp's pseudo filter code.
pub(super) fn looks_like(text: &str) -> bool {
    text.lines().take(16).any(|line| line.trim() == "# pseudo filter code start")
        || text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .is_some_and(|line| line.starts_with("if ($arch == "))
}

/// How deep tests stand inside each other. libseccomp makes two of each of six arguments, and its inequalities a few more.
const DEPTH: usize = 48;

/// A test on the way to an action.
#[derive(Clone)]
struct Step {
    indent: usize,
    /// `None`: it never holds.
    text: Option<String>,
    /// Whether the action stands where the test fails.
    negated: bool,
}

/// One ABI of the text.
struct Section {
    abi: Abi,
    rules: Vec<Rule>,
    default: Option<Spanned<String>>,
}

pub(super) fn import(document: &Document<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Statements> {
    let mut reader = Reader {
        diagnostics,
        sections: Vec::new(),
        number: None,
        steps: Vec::new(),
        other: None,
        after: After::Nothing,
        named: None,
    };
    for piece in Piece::whole(document.text, document.source).lines() {
        if reader.diagnostics.len() > MAX_ERRORS {
            break;
        }
        match line::read(&piece) {
            Ok(Some(line)) => reader.line(&line),
            Ok(None) => reader.comment(&piece),
            Err(error) => reader.diagnostics.push(*error),
        }
    }
    reader.statements(document)
}

/// What a comment says of the action that follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// `# default action`
    Default,
    /// `# invalid architecture action`
    OtherAbis,
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    sections: Vec<Section>,
    /// The number that the tests are about, with its line's indentation.
    number: Option<(u32, usize)>,
    /// The tests that stand around the line, outermost first.
    steps: Vec<Step>,
    /// What other ABIs get.
    other: Option<Spanned<String>>,
    after: After,
    /// The ABI that the comment before it names.
    named: Option<Abi>,
}

impl Reader<'_> {
    fn wrong(&mut self, place: Span, message: &str) {
        self.diagnostics.push(
            Diagnostic::error("pfc-structure", message)
                .at(place, "")
                .help("print the filter with seccomp_export_pfc again"),
        );
    }

    fn comment(&mut self, piece: &Piece<'_>) {
        match piece.text.trim() {
            "# default action" => self.after = After::Default,
            "# invalid architecture action" => self.after = After::OtherAbis,
            comment => {
                if let Some(rest) = comment.strip_prefix("# filter for arch ") {
                    self.named = rest.split(' ').next().and_then(|name| name.parse().ok());
                }
            }
        }
    }

    fn line(&mut self, line: &Line) {
        let after = std::mem::replace(&mut self.after, After::Nothing);
        match &line.statement {
            Statement::Abi(token) => self.abi(*token, line.span),
            // A search over numbers: which number it is stands in the tests inside.
            Statement::Search => {}
            Statement::Number(nr) => {
                self.number = Some((*nr, line.indent));
                self.steps.clear();
            }
            Statement::Test(text) => self.test(text.as_deref(), line),
            Statement::Else => {
                self.leave(line.indent + 1);
                match self.steps.last_mut().filter(|step| step.indent == line.indent && !step.negated) {
                    Some(step) => step.negated = true,
                    None => self.wrong(line.span, "this `else` belongs to no test"),
                }
            }
            Statement::Action(verb) => match after {
                After::OtherAbis => self.other = Some(Spanned::new(verb.clone(), line.span)),
                After::Default => match self.sections.last_mut() {
                    Some(section) => section.default = Some(Spanned::new(verb.clone(), line.span)),
                    None => self.wrong(line.span, "this default stands in no ABI's part"),
                },
                After::Nothing => self.action(verb, line),
            },
        }
    }

    fn abi(&mut self, token: u32, place: Span) {
        self.number = None;
        self.steps.clear();
        // x86-64 and x32 have one token, so the comment before the line says which it is.
        let named = self.named.take().filter(|abi| abi.token() == token);
        match named.or_else(|| Abi::ALL.iter().copied().find(|abi| abi.token() == token)) {
            Some(abi) if self.sections.iter().any(|section| section.abi == abi) => {
                self.wrong(place, "this ABI has a part already");
            }
            Some(abi) => self.sections.push(Section { abi, rules: Vec::new(), default: None }),
            None => self.diagnostics.push(
                Diagnostic::error("unknown-abi", format!("callgate knows no ABI with the token {token:#x}"))
                    .at(place, "")
                    .help("take this ABI out of the filter"),
            ),
        }
    }

    /// Forgets the tests at this indentation and further in.
    fn leave(&mut self, indent: usize) {
        while self.steps.last().is_some_and(|step| step.indent >= indent) {
            self.steps.pop();
        }
    }

    fn test(&mut self, text: Option<&str>, line: &Line) {
        // What stands in the branch of an `else` is one step further in than it, as in the branch of its test.
        self.leave(line.indent);
        if self.number.is_none_or(|(_, indent)| indent >= line.indent) {
            self.wrong(line.span, "this test stands under no number");
        } else if self.steps.len() >= DEPTH {
            self.wrong(line.span, "the tests are nested too deep");
        } else {
            self.steps.push(Step { indent: line.indent, text: text.map(str::to_owned), negated: false });
        }
    }

    fn action(&mut self, verb: &str, line: &Line) {
        self.leave(line.indent);
        let number = self.number.filter(|(_, indent)| *indent < line.indent);
        let (Some((nr, _)), Some(section)) = (number, self.sections.last_mut()) else {
            self.wrong(line.span, "this action stands under no number");
            return;
        };
        let abi = section.abi;
        if Abi::of_call(abi.token(), nr) != Some(abi) {
            self.wrong(line.span, "this number is no number of its ABI");
            return;
        }
        let mut tests = Vec::new();
        for step in &self.steps {
            match (&step.text, step.negated) {
                (Some(text), false) => tests.push(text.clone()),
                (Some(text), true) => tests.push(format!("!({text})")),
                (None, true) => {}
                (None, false) => return,
            }
        }
        section.rules.push(Rule {
            call: tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned),
            guard: Guard::on(&BTreeSet::from([abi])),
            when: if tests.is_empty() { When::Always } else { When::Text(tests.join(" && ")) },
            verb: verb.to_owned(),
            span: line.span,
        });
    }

    fn statements(mut self, document: &Document<'_>) -> Option<Statements> {
        let start = super::piece::span(document.source, 0, 0);
        if self.sections.is_empty() {
            self.wrong(start, "there is no ABI in it");
            return None;
        }
        let listed: BTreeSet<Abi> = self.sections.iter().map(|section| section.abi).collect();
        let defaults: BTreeMap<Abi, Option<Spanned<String>>> =
            self.sections.iter().map(|section| (section.abi, section.default.clone())).collect();
        if let Some((abi, _)) = defaults.iter().find(|(_, default)| default.is_none()) {
            self.wrong(start, &format!("the part of {abi} has no default action"));
            return None;
        }
        let mut distinct: Vec<Spanned<String>> = defaults.into_values().flatten().collect();
        distinct.dedup_by(|one, other| one.node == other.node);
        // libseccomp has one default for a filter.
        let [default] = distinct.as_slice() else {
            self.wrong(start, "the ABIs have different default actions");
            return None;
        };
        let other = self.other.clone().unwrap_or_else(|| Spanned::new("kill-thread".to_owned(), start));
        let rules = self.sections.into_iter().flat_map(|section| section.rules).collect();
        Some(Statements {
            listed: Some(listed),
            header: vec![tree::other_abis(&other.node, other.span)],
            default: default.clone(),
            rules,
            order: Order::FirstMatch,
        })
    }
}
