//! Rules of a file to statements of the language: which of several rules of a call counts, and how that is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::tree::{self as syntax, BinaryOp, File, Statement, StatementKind, Target, TargetKind};
use callgate_grammar::{Span, Spanned};

use super::abi_set::AbiSet;
use super::guard::Guard;
use super::tree;

/// A constant: a number where it is known, else as the language writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Number(u64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#x}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A comparison of one untyped word: `raw(arg0) & 0xff == 0x1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    /// 0 to 5.
    pub(crate) argument: u8,
    /// `None`: the word is looked at whole.
    pub(crate) mask: Option<Value>,
    /// `==` or one of its like.
    pub(crate) operator: BinaryOp,
    pub(crate) value: Value,
}

impl Test {
    /// A comparison with a number; a mask of all ones is none.
    pub(crate) fn number(argument: u8, mask: u64, operator: BinaryOp, value: u64) -> Self {
        let mask = (mask != u64::MAX).then_some(Value::Number(mask));
        Self { argument, mask, operator, value: Value::Number(value) }
    }

    /// The argument, its bits and what they equal, where that is all the test says.
    fn bits(&self) -> Option<(u8, u64, u64)> {
        let mask = match &self.mask {
            None => u64::MAX,
            Some(Value::Number(mask)) => *mask,
            Some(Value::Text(_)) => return None,
        };
        match self.value {
            Value::Number(value) if self.operator == BinaryOp::Eq => Some((self.argument, mask, value)),
            _ => None,
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            _ => "==",
        };
        write!(f, "raw(arg{})", self.argument)?;
        if let Some(mask) = &self.mask {
            write!(f, " & {mask}")?;
        }
        write!(f, " {operator} {}", self.value)
    }
}

/// When a rule matches its call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    /// Whatever the arguments are.
    Always,
    /// When all of this holds.
    All(Vec<Test>),
    /// When this holds, written out.
    Text(String),
    /// When the first holds and none of the others.
    Except(String, Vec<String>),
}

impl When {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Always => String::new(),
            Self::All(tests) => tests.iter().map(Test::to_string).collect::<Vec<_>>().join(" && "),
            Self::Text(text) => text.clone(),
            Self::Except(text, others) if text.is_empty() => format!("!({})", others.join(") && !(")),
            Self::Except(text, others) => format!("({text}) && !({})", others.join(") && !(")),
        }
    }

    /// This one without what another matches.
    fn except(&self, other: &Self) -> Self {
        let (text, mut others) = match self {
            Self::Except(text, others) => (text.clone(), others.clone()),
            _ => (self.text(), Vec::new()),
        };
        others.push(other.text());
        Self::Except(text, others)
    }
}

/// One rule for one call.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) call: String,
    pub(crate) guard: Guard,
    pub(crate) when: When,
    /// The action, as the language writes it.
    pub(crate) verb: String,
    /// What of the file says so.
    pub(crate) span: Span,
}

/// Which of several rules of one call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As in libseccomp: a rule that does what the default does is none; a rule without arguments wins over those
    /// with some, and the first of two without. Of rules with arguments that hold together, the file's first (libseccomp
    /// keeps no order there; profiles that depend on it are broken anyway).
    Libseccomp,
    /// The first that matches.
    FirstMatch,
    /// No two of them match the same call and do different things, but that one without arguments may stand beside those
    /// with some, which win.
    Apart,
}

/// What a file says, ready to be written.
pub(crate) struct Statements {
    /// The ABIs it names, if it does; else those of the target.
    pub(crate) listed: Option<BTreeSet<Abi>>,
    /// `flags:` and what else is about the policy as a whole.
    pub(crate) header: Vec<Statement>,
    /// What happens to every call no rule is about, as the language writes it, and what of the file says so.
    pub(crate) default: Spanned<String>,
    /// In the file's order.
    pub(crate) rules: Vec<Rule>,
    /// Which of them count.
    pub(crate) order: Order,
}

/// Pieces that one rule may be cut into.
const PIECES: usize = 4_096;

/// Rules of one call that do different things: each is held against all the others.
const RULES: usize = 4_096;

/// The targets of a verb under a guard.
type Found<'r> = BTreeMap<(Guard, &'r str), Vec<Target>>;

impl Statements {
    /// The ABIs that rules can be about.
    pub(crate) fn abis(listed: Option<&BTreeSet<Abi>>) -> BTreeSet<Abi> {
        listed.cloned().unwrap_or_else(|| Abi::ALL.iter().copied().collect())
    }

    /// The policy as a tree whose every part stands where the file says it. An error is why it can't be said.
    pub(crate) fn file(&self) -> Result<File, String> {
        let abis = Self::abis(self.listed.as_ref());
        let span = self.default.span;
        let mut statements = Vec::new();
        if let Some(listed) = &self.listed {
            statements.push(tree::arch(listed.iter().copied(), span));
        }
        statements.extend(self.header.iter().cloned());
        statements.push(tree::rule(&self.default.node, vec![Spanned::new(TargetKind::All, span)], span));
        let multiplexers = self.multiplexers();
        for ((guard, verb), mut targets) in self.effective(&multiplexers)? {
            let span = targets.first().map_or(span, |target| target.span);
            let mut heads = guard.heads(&abis, span);
            let Some(last) = heads.pop() else { continue };
            let mut under = |head: Vec<Spanned<syntax::Guard>>, targets: Vec<Target>| {
                let statement = tree::rule(verb, targets, span);
                statements.push(match head.is_empty() {
                    true => statement,
                    false => Spanned::new(StatementKind::When { guards: head, body: vec![statement] }, span),
                });
            };
            heads.into_iter().for_each(|head| under(head, targets.clone()));
            under(last, std::mem::take(&mut targets));
        }
        Ok(File { statements, comments: Vec::new() })
    }

    /// The targets of every guard and verb, with what other rules take away from each rule taken away.
    fn effective<'r>(&'r self, multiplexers: &'r [Rule]) -> Result<Found<'r>, String> {
        let counts = |rule: &&Rule| self.order != Order::Libseccomp || rule.verb != self.default.node;
        let mut rules: Vec<&Rule> = self.rules.iter().chain(multiplexers).filter(counts).collect();
        rules.sort_by(|one, other| one.call.cmp(&other.call));
        let mut found = Found::new();
        for rules in rules.chunk_by(|one, other| one.call == other.call) {
            let call = rules[0].call.as_str();
            let present = self.present(call);
            let alike = rules.iter().all(|rule| rule.verb == rules[0].verb);
            let entangled = || format!("the conditions on `{call}` are too entangled");
            if !alike && rules.len() > RULES {
                return Err(entangled());
            }
            let mut parts: BTreeMap<(Guard, &str), Vec<(When, Span)>> = BTreeMap::new();
            for (at, rule) in rules.iter().enumerate() {
                // Rules that do the same take nothing from each other.
                let (earlier, later) = if alike { (&[][..], &[][..]) } else { (&rules[..at], &rules[at + 1..]) };
                for (guard, when) in remaining(rule, earlier, later, self.order, present).ok_or_else(entangled)? {
                    parts.entry((guard, &rule.verb)).or_default().push((when, rule.span));
                }
            }
            for (key, whens) in parts {
                let targets = found.entry(key).or_default();
                for (when, span) in needed(&whens) {
                    targets.push(tree::target(call, when, span)?);
                }
            }
        }
        Ok(found)
    }

    /// In the language, what is said of `socket` goes for `socketcall` too, where nothing is said of that; libseccomp does
    /// alike. To others a multiplexer is a call like any other: what no rule of its own matches meets the default.
    fn multiplexers(&self) -> Vec<Rule> {
        if self.order == Order::Libseccomp {
            return Vec::new();
        }
        let named: BTreeSet<&str> = self.rules.iter().map(|rule| rule.call.as_str()).collect();
        let said_of = |part: &tables::Part| named.contains(part.call) || named.contains(part.multiplexer);
        let multiplexers: BTreeSet<&str> =
            tables::parts().iter().filter(|part| said_of(part)).map(|part| part.multiplexer).collect();
        let abis = Self::abis(self.listed.as_ref());
        let guard = Guard::on(&abis);
        let exists = |call: &&str| abis.iter().any(|&abi| tables::number(abi, call).is_some());
        let rule = |call: &str| Rule {
            call: call.to_owned(),
            guard: guard.clone(),
            when: When::Always,
            verb: self.default.node.clone(),
            span: self.default.span,
        };
        // One of its own that is about all of its calls stands.
        let without_own = |mut rule: Rule| {
            let own = self.rules.iter().filter(|own| own.call == rule.call && own.when == When::Always);
            own.for_each(|own| rule.guard.abis.retain(|abi| !own.guard.abis.contains(abi)));
            (!rule.guard.abis.is_empty()).then_some(rule)
        };
        let rules = multiplexers.into_iter().filter(exists).map(rule);
        if self.order == Order::Apart { rules.filter_map(without_own).collect() } else { rules.collect() }
    }

    /// The ABIs a rule on a call is written for: without a list, those that have it, so that the text is sound for each.
    fn present(&self, call: &str) -> Option<AbiSet> {
        // A number is written for the one ABI of its rule.
        let is_number = call.starts_with(|c: char| c.is_ascii_digit());
        (self.listed.is_none() && !is_number)
            .then(|| Abi::ALL.iter().copied().filter(|&abi| tables::number(abi, call).is_some()).collect())
    }
}

/// Where a rule counts, and when; `None` when that takes too many pieces.
fn remaining(
    rule: &Rule,
    earlier: &[&Rule],
    later: &[&Rule],
    order: Order,
    present: Option<AbiSet>,
) -> Option<Vec<(Guard, When)>> {
    let mut guard = rule.guard.clone();
    if let Some(present) = present {
        guard.abis = guard.abis.and(present);
        if guard.abis.is_empty() {
            return Some(Vec::new());
        }
    }
    let mut parts = vec![(guard, rule.when.clone())];
    if order == Order::Apart {
        return Some(parts);
    }
    let plain_wins = order == Order::Libseccomp && rule.when != When::Always;
    for (other, is_earlier) in earlier.iter().map(|rule| (rule, true)).chain(later.iter().map(|rule| (rule, false))) {
        let differs = other.verb != rule.verb;
        let is_plain = other.when == When::Always;
        if differs && is_plain && (is_earlier || plain_wins) {
            parts = parts
                .into_iter()
                .flat_map(|(guard, when)| guard.without(&other.guard).into_iter().map(move |part| (part, when.clone())))
                .collect();
        } else if differs && !is_plain && is_earlier && rule.when != When::Always {
            parts = parts.into_iter().flat_map(|(guard, when)| except(&guard, &when, other)).collect();
        }
        let exceptions =
            parts.iter().map(|(_, when)| if let When::Except(_, others) = when { others.len() } else { 0 });
        if parts.len() > PIECES || exceptions.max() > Some(tree::LONGEST) {
            return None;
        }
    }
    Some(parts)
}

/// A part of a rule, without the calls that an earlier rule with arguments takes.
fn except(guard: &Guard, when: &When, earlier: &Rule) -> Vec<(Guard, When)> {
    let mut parts: Vec<_> = guard.without(&earlier.guard).into_iter().map(|part| (part, when.clone())).collect();
    if let Some(both) = guard.and(&earlier.guard) {
        let text = if excludes(when, &earlier.when) { when.clone() } else { when.except(&earlier.when) };
        parts.push((both, text));
    }
    parts
}

/// Whether two conditions ask one word, or the same bits of it, for two values.
fn excludes(one: &When, other: &When) -> bool {
    let (When::All(one), When::All(other)) = (one, other) else { return false };
    let differ = |a: &Test, b: &Test| match (a.bits(), b.bits()) {
        (Some((argument, mask, value)), Some((other, other_mask, other_value))) => {
            argument == other && (value ^ other_value) & mask & other_mask != 0
        }
        _ => false,
    };
    one.iter().any(|a| other.iter().any(|b| differ(a, b)))
}

/// The conditions without those that say nothing more: one that always holds leaves no other.
fn needed(whens: &[(When, Span)]) -> Vec<(&When, Span)> {
    if let Some((always, span)) = whens.iter().find(|(when, _)| *when == When::Always) {
        return vec![(always, *span)];
    }
    let mut seen = BTreeSet::new();
    whens.iter().filter(|(when, _)| seen.insert(when)).map(|(when, span)| (when, *span)).collect()
}
