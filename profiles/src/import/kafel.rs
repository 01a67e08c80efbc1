//! kafel's policy files, which nsjail takes (google/kafel, README.md and src/parser.y).
//!
//! The rules of a file, with those of the policies it uses in their place, are one list, and the first that matches counts.
//! Arguments have the widths of the kernel's prototypes unless a rule names them itself; comparisons are unsigned. What no
//! rule matches meets the default, which kills the thread when the file names none.

mod condition;
mod expression;
mod lexer;
mod parser;
mod word;

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Width;
use callgate_compiler::tables;
use callgate_grammar::{Diagnostic, Severity, Span, Spanned, did_you_mean};

use self::condition::Condition;
use self::expression::Node;
use self::lexer::Lexer;
use self::parser::{Call, Entry, Filter, Parser, Program};
use self::word::{Comparison, TwoArguments, Word, compare};
use super::calls::{self, MAX_ERRORS};
use super::guard::Guard;
use super::piece::span;
use super::rules::{Order, Rule, Statements, When};
use super::{Document, Includes};
use crate::kafel_names::{self, from_kafel, to_kafel};

/// Whether the first words of a text are kafel's: its statements begin in capitals, and so do none of the other formats'.
pub(super) fn looks_like(text: &str) -> bool {
    const FIRST: [&str; 12] = [
        "POLICY",
        "USE",
        "DEFAULT",
        "ALLOW",
        "LOG",
        "KILL",
        "KILL_THREAD",
        "KILL_PROCESS",
        "DENY",
        "ERRNO",
        "TRAP",
        "USER_NOTIF",
    ];
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let comment = match rest.get(..2) {
            Some("/*") => rest.find("*/").map(|end| end + 2),
            Some("//") => rest.find('\n'),
            // Constants and includes come first; comments of other formats look the same from here.
            _ if rest.starts_with('#') => rest.find('\n'),
            _ => None,
        };
        match comment {
            Some(end) => rest = rest[end..].trim_start(),
            None => break,
        }
    }
    let word = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').map_or(rest, |end| &rest[..end]);
    let next = rest[word.len()..].chars().next();
    FIRST.contains(&word) && next.is_some_and(|next| next.is_whitespace() || next == '{' || next == '(')
}

pub(super) fn import(
    document: &Document<'_>,
    includes: &mut Includes<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Statements> {
    let mut lexer = Lexer { includes, tokens: Vec::new(), files: 0 };
    if let Err(error) = lexer.text(document.text, document.source, 0) {
        diagnostics.push(*error);
        return None;
    }
    let end = span(document.source, document.text.len(), document.text.len());
    let program = Parser::new(lexer.tokens, end, diagnostics).program();
    let mut reader = Reader { diagnostics, said: BTreeSet::new(), pending: Vec::new() };
    reader.check_unused(&program);
    let mut rules = Vec::new();
    reader.rules(&program, 0, &mut vec![false; program.policies.len()], &mut rules);
    let start = span(document.source, 0, 0);
    let default = program.default.unwrap_or_else(|| Spanned::new("kill-thread".to_owned(), start));
    Some(Statements { listed: None, header: Vec::new(), default, rules, order: Order::FirstMatch })
}

struct Reader<'d> {
    diagnostics: &'d mut Vec<Diagnostic>,
    /// Places that have their finding: a rule is read once for each ABI.
    said: BTreeSet<Span>,
    /// What is wrong with a rule on the ABI it is read for.
    pending: Vec<(Span, Diagnostic)>,
}

/// Whether kafel has the call that a filter names. Where it has tables of its own, those decide.
fn is_named(filter: &Filter, abis: &[Abi]) -> bool {
    let Call::Name(name) = &filter.call else { return true };
    let (sure, others): (Vec<Abi>, Vec<Abi>) =
        abis.iter().partition(|abi| kafel_names::abis().any(|known| known == **abi));
    let known = |abis: &[Abi]| abis.iter().any(|&abi| from_kafel(abi, name).is_some());
    let usual = sure.iter().any(|&abi| tables::number(abi, name).is_some());
    // An empty list has its own finding.
    abis.is_empty() || known(&sure) || (!usual && known(&others))
}

/// How bad it is that a rule holds good on other ABIs and not on this one: few files are meant for machines of 32 bits.
fn elsewhere(abi: Abi) -> Severity {
    if abi.long_bits() == 64 { Severity::Warning } else { Severity::Note }
}

/// What a rule is about on one ABI.
struct Place<'a> {
    abi: Abi,
    /// The tables' name of the call, if it has one.
    call: Option<&'a str>,
    arguments: Option<&'a [String]>,
}

impl Reader<'_> {
    fn say(&mut self, span: Span, finding: Diagnostic) {
        if self.said.insert(span) {
            self.diagnostics.push(finding);
        }
    }

    /// kafel checks the names in policies that nothing uses as well.
    fn check_unused(&mut self, program: &Program) {
        let mut rules = Vec::new();
        for entries in &program.policies {
            for entry in entries {
                let Entry::Block(verb, filters) = entry else { continue };
                for filter in filters {
                    if self.diagnostics.len() > MAX_ERRORS {
                        return;
                    }
                    self.filter(filter, verb, &mut rules);
                    rules.clear();
                }
            }
        }
    }

    /// The rules of a policy in their order. A policy that was used before adds nothing: its rules stand before these.
    fn rules(&mut self, program: &Program, policy: usize, used: &mut [bool], rules: &mut Vec<Rule>) {
        let mut waiting = vec![program.policies[policy].iter()];
        while let Some(entries) = waiting.last_mut() {
            match entries.next() {
                None => {
                    waiting.pop();
                }
                Some(Entry::Use(other)) => {
                    if !std::mem::replace(&mut used[*other], true) {
                        waiting.push(program.policies[*other].iter());
                    }
                }
                Some(Entry::Block(verb, filters)) => {
                    for filter in filters {
                        self.filter(filter, verb, rules);
                    }
                }
            }
        }
    }

    /// The rules that a filter makes: one for each way that ABIs read it.
    fn filter(&mut self, filter: &Filter, verb: &str, rules: &mut Vec<Rule>) {
        let abis = filter.abis.as_deref().unwrap_or(Abi::ALL);
        let mut found: BTreeMap<(String, Option<String>), BTreeSet<Abi>> = BTreeMap::new();
        let named = is_named(filter, abis);
        let mut succeeded = false;
        let mut failures: Vec<(Abi, Vec<(Span, Diagnostic)>)> = Vec::new();
        for &abi in abis {
            let call = match &filter.call {
                Call::Name(name) => from_kafel(abi, name),
                Call::Number(nr) => tables::name(abi, *nr),
            };
            match filter.call {
                Call::Name(_) if call.is_none() => continue,
                Call::Number(nr) if Abi::of_call(abi.token(), nr) != Some(abi) => continue,
                _ => {}
            }
            // Only what a file names has the kernel's arguments.
            let prototype = call.filter(|_| matches!(filter.call, Call::Name(_)));
            let place = Place { abi, call: prototype, arguments: filter.arguments.as_deref() };
            let condition = match &filter.condition {
                None => Condition::Known(true),
                Some(node) => match self.condition(node, &place) {
                    Some(condition) => condition,
                    None => {
                        failures.push((abi, std::mem::take(&mut self.pending)));
                        continue;
                    }
                },
            };
            succeeded = true;
            let when = match condition {
                Condition::Known(false) => continue,
                Condition::Known(true) => None,
                other => Some(other.text()),
            };
            let target = match (&filter.call, call) {
                (_, Some(name)) => name.to_owned(),
                (Call::Number(nr), None) => nr.to_string(),
                (Call::Name(_), None) => continue,
            };
            found.entry((target, when)).or_default().insert(abi);
        }
        self.conditions_failed(failures, succeeded);
        if let Call::Name(name) = &filter.call {
            self.call_name(name, named, abis, filter.span);
        }
        for ((call, when), abis) in found {
            let is_number = call.starts_with(|c: char| c.is_ascii_digit());
            let when = when.map_or(When::Always, When::Text);
            let rule = |abis: &BTreeSet<Abi>| Rule {
                call: call.clone(),
                guard: Guard::on(abis),
                when: when.clone(),
                verb: verb.to_owned(),
                span: filter.span,
            };
            // The language takes a number for one ABI at a time.
            if is_number {
                rules.extend(abis.iter().map(|&abi| rule(&BTreeSet::from([abi]))));
            } else {
                rules.push(rule(&abis));
            }
        }
    }

    /// Says what is wrong with a rule's condition; where it holds good on some ABIs, kafel refuses it for the others alone.
    fn conditions_failed(&mut self, failures: Vec<(Abi, Vec<(Span, Diagnostic)>)>, succeeded: bool) {
        for (abi, findings) in failures {
            for (span, mut finding) in findings {
                if succeeded {
                    finding.severity = elsewhere(abi);
                    finding
                        .notes
                        .push(format!("kafel refuses the file for {abi}; there the policy passes over this rule"));
                }
                self.say(span, finding);
            }
        }
    }

    /// What is to be said of a name that kafel doesn't have, or not everywhere.
    fn call_name(&mut self, name: &str, named: bool, abis: &[Abi], span: Span) {
        let otherwise = |&abi: &Abi| {
            let nr = tables::number(abi, name).filter(|_| from_kafel(abi, name).is_none())?;
            Some((abi, to_kafel(abi, tables::name(abi, nr)?)?))
        };
        // The most usual ABI first.
        let theirs = abis.iter().filter_map(otherwise).max_by_key(|(abi, _)| elsewhere(*abi));
        let finding = match (theirs, named) {
            (Some((_, theirs)), false) => Diagnostic::error("unknown-syscall", format!("kafel has no call `{name}`"))
                .at(span, "")
                .help(format!("kafel calls it `{theirs}`")),
            (None, false) => calls::unknown(name, span, self.diagnostics.len()),
            (Some((abi, theirs)), true) => {
                Diagnostic::new(elsewhere(abi), "not-kafels-name", format!("on {abi} kafel calls `{name}` otherwise"))
                    .at(span, "so that this rule isn't for it there")
                    .help(format!("write `{theirs}` for {abi}"))
            }
            (None, true) => return,
        };
        self.say(span, finding);
    }

    /// A condition as the language writes it; nothing, and a finding, when it can't be.
    fn condition(&mut self, node: &Node, place: &Place<'_>) -> Option<Condition> {
        match node {
            Node::Not(inner) => Some(self.condition(inner, place)?.not()),
            Node::And(parts) | Node::Or(parts) => {
                // Every part is read, for its findings.
                let read: Vec<_> = parts.iter().map(|part| self.condition(part, place)).collect();
                let parts: Vec<_> = read.into_iter().collect::<Option<_>>()?;
                Some(Condition::join(parts.into_iter(), matches!(node, Node::And(_))))
            }
            Node::Compare(operator, left, right, span) => {
                let (left, right) = (self.word(left, place, *span), self.word(right, place, *span));
                match compare(*operator, left?, right?) {
                    Ok(Comparison::Known(known)) => Some(Condition::Known(known)),
                    Ok(Comparison::Test(text)) => Some(Condition::Test(text)),
                    Err(TwoArguments) => self.two_arguments(*span),
                }
            }
            // The parser lets no value stand where a condition belongs.
            Node::Number(_) | Node::Argument(..) | Node::BitOr(_) | Node::BitAnd(_) => None,
        }
    }

    fn two_arguments<T>(&mut self, span: Span) -> Option<T> {
        self.pending.push((
            span,
            Diagnostic::error("two-arguments", "this compares arguments with each other")
                .at(span, "")
                .because("callgate's language compares an argument with constants only")
                .help("compare each argument with a constant"),
        ));
        None
    }

    fn word(&mut self, node: &Node, place: &Place<'_>, whole: Span) -> Option<Word> {
        match node {
            Node::Number(value) => Some(Word::number(*value)),
            Node::Argument(name, span) => self.argument(name, *span, place),
            Node::BitOr(parts) | Node::BitAnd(parts) => {
                let and = matches!(node, Node::BitAnd(_));
                let words: Vec<_> = parts.iter().map(|part| self.word(part, place, whole)).collect();
                let mut words = words.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
                let first = words.next()?;
                match words.try_fold(first, |joined, word| joined.combine(word, and)) {
                    Ok(word) => Some(word),
                    Err(TwoArguments) => self.two_arguments(whole),
                }
            }
            Node::Compare(..) | Node::Not(_) | Node::And(_) | Node::Or(_) => None,
        }
    }

    fn argument(&mut self, name: &str, span: Span, place: &Place<'_>) -> Option<Word> {
        if let Some(names) = place.arguments {
            let found = (0..).zip(names).find(|(_, known)| *known == name);
            if let Some((index, _)) = found {
                return Some(Word::argument(index, true));
            }
        } else if let Some(call) = place.call
            && let Some((index, parameter)) = tables::parameter(place.abi, call, name.trim_start_matches('_'))
                .or_else(|| tables::parameter(place.abi, call, name))
        {
            return Some(Word::argument(index, parameter.width == Width::W64));
        }
        let error =
            Diagnostic::error("unknown-argument", format!("`{name}` is no argument and no constant")).at(span, "");
        let known: Vec<&str> = match (place.arguments, place.call) {
            (Some(names), _) => names.iter().map(String::as_str).collect(),
            (None, Some(call)) => {
                let parameters = tables::prototype(place.abi, call).unwrap_or_default();
                parameters.iter().map(|parameter| parameter.name).collect()
            }
            (None, None) => Vec::new(),
        };
        let near = did_you_mean(name, known.iter().copied());
        self.pending.push((
            span,
            match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None if known.is_empty() => error.help("name the arguments after the call: `SYSCALL[1](fd)`"),
                None => error.help(format!("the arguments are {}; constants need a #define", known.join(", "))),
            },
        ));
        None
    }
}
