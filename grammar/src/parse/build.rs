//! What pest found, as tree nodes.
//!
//! A literal that can't be represented is reported and replaced; the caller drops the node around it.

use super::Rule;
use super::expression::binary_operator;
use super::report::Report;
use crate::Span;
use crate::Spanned;
use crate::tree::{Call, Guard, GuardKind, Name, NameOrNumber, StatementKind, Target, TargetKind, UseTarget, Verb};

pub(super) type Pair<'i> = pest::iterators::Pair<'i, Rule>;

/// The next part of a rule that has one.
///
/// # Panics
/// When `gate.pest` and this file disagree about a rule; the tests parse every form of every rule.
pub(super) fn part<'i>(parts: &mut impl Iterator<Item = Pair<'i>>) -> Pair<'i> {
    parts.next().expect("gate.pest gives a rule every part its builder takes")
}

/// Builds nodes from pairs whose offsets count from byte `base` of the text.
pub(super) struct Builder<'r> {
    pub(super) report: &'r Report,
    pub(super) base: usize,
}

impl<'r> Builder<'r> {
    pub(super) fn new(report: &'r Report, base: usize) -> Self {
        Self { report, base }
    }

    pub(super) fn span(&self, pair: &Pair<'_>) -> Span {
        self.report.span(self.base + pair.as_span().start(), self.base + pair.as_span().end())
    }

    /// What `build` returns, or nothing when it reported something.
    pub(super) fn reported<T>(&self, build: impl FnOnce(&Self) -> T) -> Option<T> {
        let before = self.report.count();
        let built = build(self);
        (self.report.count() == before).then_some(built)
    }

    /// A `statement`, or nothing when it can't be used. A rule can be used if its verb and one target can.
    pub(super) fn statement(&self, pair: Pair<'_>) -> Option<StatementKind> {
        if pair.as_rule() != Rule::rule_statement {
            return self.reported(|builder| builder.keyword_statement(pair));
        }
        let mut parts = pair.into_inner().filter(is_content);
        let verb = self.reported(|builder| builder.verb(part(&mut parts)));
        let targets: Vec<Target> = parts.filter_map(|target| self.target(target)).collect();
        verb.filter(|_| !targets.is_empty()).map(|verb| StatementKind::Rule { verb, targets })
    }

    fn keyword_statement(&self, pair: Pair<'_>) -> StatementKind {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner().filter(is_content);
        match rule {
            Rule::arch_statement => StatementKind::Arch(self.name_list(part(&mut parts))),
            Rule::known_statement => StatementKind::Known(self.version(&part(&mut parts))),
            Rule::use_statement => StatementKind::Use(parts.map(|target| self.use_target(target)).collect()),
            Rule::let_statement => {
                let name = self.name(&part(&mut parts));
                StatementKind::Let { name, value: self.expression(part(&mut parts), 0) }
            }
            Rule::expect_statement => self.expect(parts),
            Rule::flags_statement => StatementKind::Flags(self.name_list(part(&mut parts))),
            Rule::listener_metadata_statement => StatementKind::ListenerMetadata(self.string(&part(&mut parts))),
            _ => StatementKind::Listener(self.string(&part(&mut parts))),
        }
    }

    fn expect<'i>(&self, parts: impl Iterator<Item = Pair<'i>>) -> StatementKind {
        let mut parts = parts.peekable();
        let on = parts.next_if(|part| part.as_rule() == Rule::name_list);
        let on = on.map_or_else(Vec::new, |names| self.name_list(names));
        let calls = part(&mut parts).into_inner().filter(is_content).map(|call| self.call(call)).collect();
        StatementKind::Expect { on, calls, verb: self.verb(part(&mut parts)) }
    }

    /// The tests of a `when_head`.
    pub(super) fn guards(&self, pair: Pair<'_>) -> Vec<Spanned<Guard>> {
        pair.into_inner().filter(|part| part.as_rule() == Rule::guard).map(|guard| self.guard(guard)).collect()
    }

    fn guard(&self, pair: Pair<'_>) -> Spanned<Guard> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner().peekable();
        let negated = parts.next_if(|part| part.as_rule() == Rule::not_word).is_some();
        let test = part(&mut parts);
        let rule = test.as_rule();
        let mut parts = test.into_inner().filter(is_content);
        let first = part(&mut parts);
        let kind = match rule {
            Rule::cap_guard => GuardKind::Cap(self.name(&first)),
            Rule::arch_guard => GuardKind::Arch(self.name(&first)),
            _ => {
                let operator = Spanned::new(binary_operator(first.as_rule()), self.span(&first));
                GuardKind::Kernel(operator, self.version(&part(&mut parts)))
            }
        };
        Spanned::new(Guard { negated, kind }, span)
    }

    fn use_target(&self, pair: Pair<'_>) -> Spanned<UseTarget> {
        let inner = part(&mut pair.into_inner());
        let target = match inner.as_rule() {
            Rule::group => UseTarget::Shipped(group_name(&inner)),
            _ => UseTarget::Path(self.string(&inner).node),
        };
        Spanned::new(target, self.span(&inner))
    }

    /// A `verb`.
    pub(super) fn verb(&self, pair: Pair<'_>) -> Spanned<Verb> {
        let span = self.span(&pair);
        let form = part(&mut pair.into_inner());
        let rule = form.as_rule();
        let word = form.as_str();
        let mut values = form.into_inner().filter(is_content);
        let verb = match rule {
            Rule::errno_verb => Verb::Errno(self.name_or_number(&part(&mut values))),
            Rule::trap_verb => Verb::Trap(values.next().map(|value| self.spanned_number(&value))),
            Rule::trace_verb => Verb::Trace(values.next().map(|value| self.spanned_number(&value))),
            _ => plain_verb(word).unwrap_or_else(|| unreachable!("gate.pest has no verb {word}")),
        };
        Spanned::new(verb, span)
    }

    /// A `target`, or nothing when something in it was reported.
    pub(super) fn target(&self, pair: Pair<'_>) -> Option<Target> {
        let span = self.span(&pair);
        let form = part(&mut pair.into_inner());
        self.reported(|builder| {
            let kind = match form.as_rule() {
                Rule::arch_target => TargetKind::Arch(builder.name(&part(&mut form.into_inner().filter(is_content)))),
                Rule::all_target => TargetKind::All,
                Rule::unknown_target => TargetKind::Unknown,
                Rule::group => TargetKind::Group(group_name(&form)),
                _ => TargetKind::Call(builder.call(form)),
            };
            let span = if let TargetKind::Call(call) = &kind { call.span } else { span };
            Spanned::new(kind, span)
        })
    }

    /// A `call`. Its span ends where its text does: pest's own would hold the blanks in which `(` was looked for.
    pub(super) fn call(&self, pair: Pair<'_>) -> Call {
        let mut parts = pair.into_inner();
        let callee = part(&mut part(&mut parts).into_inner());
        let callee = self.name_or_number(&callee);
        let mut span = callee.span;
        let arguments = parts.next().map(|arguments| {
            span = span.to(self.span(&arguments));
            let entries = arguments.into_inner().filter(|part| part.as_rule() == Rule::expression);
            entries.map(|entry| self.expression(entry, 0)).collect()
        });
        Call { callee, arguments, span }
    }

    fn name_list(&self, pair: Pair<'_>) -> Vec<Name> {
        pair.into_inner().filter(is_content).map(|name| self.name(&name)).collect()
    }

    pub(super) fn name(&self, pair: &Pair<'_>) -> Name {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    fn spanned_number(&self, pair: &Pair<'_>) -> Spanned<u64> {
        Spanned::new(self.number(pair), self.span(pair))
    }

    fn name_or_number(&self, pair: &Pair<'_>) -> Spanned<NameOrNumber> {
        let node = match pair.as_rule() {
            Rule::number => NameOrNumber::Number(self.number(pair)),
            _ => NameOrNumber::Name(pair.as_str().to_owned()),
        };
        Spanned::new(node, self.span(pair))
    }
}

/// A `plain_verb`.
pub(super) fn plain_verb(word: &str) -> Option<Verb> {
    Some(match word {
        "allow" => Verb::Allow,
        "deny" => Verb::Deny,
        "kill" => Verb::Kill,
        "kill-thread" => Verb::KillThread,
        "log" => Verb::Log,
        "notify" => Verb::Notify,
        _ => return None,
    })
}

/// The name after the `@`.
fn group_name(pair: &Pair<'_>) -> String {
    pair.as_str().trim_start_matches('@').to_owned()
}

/// Whether a part says something that its rule does not say already: everything but keywords and punctuation.
fn is_content(pair: &Pair<'_>) -> bool {
    !matches!(
        pair.as_rule(),
        Rule::EOI
            | Rule::colon
            | Rule::comma
            | Rule::equals
            | Rule::arrow
            | Rule::open
            | Rule::close
            | Rule::arch_word
            | Rule::known_word
            | Rule::use_word
            | Rule::let_word
            | Rule::expect_word
            | Rule::on_word
            | Rule::flags_word
            | Rule::listener_word
            | Rule::listener_metadata_word
            | Rule::cap_word
            | Rule::kernel_word
            | Rule::errno_word
            | Rule::trap_word
            | Rule::trace_word
    )
}
