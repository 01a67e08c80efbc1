//! Rules of a file to statements of the language: which of several rules of a call counts, and how that is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

use super::abi_set::AbiSet;
use super::guard::Guard;

/// A comparison of one word: `raw(arg0) & 0xff`, `==`, `0x1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) word: String,
    pub(crate) operator: &'static str,
    pub(crate) value: String,
}

impl Test {
    /// The argument, its bits and what they equal, where that is all the test says.
    fn bits(&self) -> Option<(&str, u64, u64)> {
        let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        let (word, mask) = match self.word.split_once(" & ") {
            Some((word, mask)) => (word, number(mask)?),
            None => (self.word.as_str(), u64::MAX),
        };
        (self.operator == "==").then_some((word, mask, number(&self.value)?))
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
    fn text(&self) -> String {
        match self {
            Self::Always => String::new(),
            Self::All(tests) => {
                let tests: Vec<_> =
                    tests.iter().map(|test| format!("{} {} {}", test.word, test.operator, test.value)).collect();
                tests.join(" && ")
            }
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
    /// `flags:` and `listener:`, whole lines.
    pub(crate) header: Vec<String>,
    /// What happens to every call no rule is about.
    pub(crate) default: String,
    /// In the file's order.
    pub(crate) rules: Vec<Rule>,
    /// Which of them count.
    pub(crate) order: Order,
}

/// The rules of this call cut each other into more pieces than anyone could read.
pub(crate) struct Entangled(pub(crate) String);

/// Pieces that one rule may be cut into.
const PIECES: usize = 4_096;

/// Rules of one call that do different things: each is held against all the others.
const RULES: usize = 4_096;

/// Conditions that one rule may have to be taken out of; the language reads no longer ones.
const EXCEPTIONS: usize = 500;

impl Statements {
    /// The ABIs that rules can be about.
    pub(crate) fn abis(listed: Option<&BTreeSet<Abi>>) -> BTreeSet<Abi> {
        listed.cloned().unwrap_or_else(|| Abi::ALL.iter().copied().collect())
    }

    /// The policy.
    pub(crate) fn write(&self) -> Result<String, Entangled> {
        let mut text = String::new();
        let abis = Self::abis(self.listed.as_ref());
        if let Some(listed) = &self.listed {
            let names: Vec<_> = listed.iter().map(|abi| abi.name()).collect();
            let _ = writeln!(text, "arch: {}", names.join(", "));
        }
        self.header.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        let _ = writeln!(text, "{}: all", self.default);
        let mut blocks: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for ((guard, verb), targets) in self.effective()? {
            blocks.entry(guard.heads(&abis)).or_default().entry(verb).or_default().extend(targets);
        }
        for (heads, statements) in blocks {
            for head in &heads {
                let mut inside = String::new();
                for (verb, targets) in &statements {
                    wrapped(&mut inside, verb, targets);
                }
                text.push('\n');
                if head.is_empty() {
                    text.push_str(&inside);
                } else {
                    let _ = writeln!(text, "when {head} {{\n{inside}}}");
                }
            }
        }
        Ok(text)
    }

    /// The targets of every guard and verb, with what other rules take away from each rule taken away.
    fn effective(&self) -> Result<BTreeMap<(Guard, String), Vec<String>>, Entangled> {
        let mut calls: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        let multiplexers = self.multiplexers();
        for rule in self.rules.iter().chain(&multiplexers) {
            if self.order == Order::Libseccomp && rule.verb == self.default {
                continue;
            }
            calls.entry(&rule.call).or_default().push(rule);
        }
        let mut found: BTreeMap<(Guard, &str), Vec<String>> = BTreeMap::new();
        for (call, rules) in calls {
            let mut parts: BTreeMap<(Guard, &str), Vec<When>> = BTreeMap::new();
            let present = self.present(call);
            let alike = rules.iter().all(|rule| rule.verb == rules[0].verb);
            if !alike && rules.len() > RULES {
                return Err(Entangled(call.to_owned()));
            }
            for (at, rule) in rules.iter().enumerate() {
                // Rules that do the same take nothing from each other.
                let (earlier, later) = if alike { (&[][..], &[][..]) } else { (&rules[..at], &rules[at + 1..]) };
                let cut = remaining(rule, earlier, later, self.order, present);
                for (guard, when) in cut.ok_or_else(|| Entangled(call.to_owned()))? {
                    parts.entry((guard, &rule.verb)).or_default().push(when);
                }
            }
            for (key, whens) in parts {
                found.entry(key).or_default().extend(targets(call, &whens));
            }
        }
        Ok(found.into_iter().map(|((guard, verb), targets)| ((guard, verb.to_owned()), targets)).collect())
    }

    /// In the language, what is said of `socket` goes for `socketcall` too, where nothing is said of that; libseccomp does
    /// alike. To others a multiplexer is a call like any other: what no rule of its own matches meets the default.
    fn multiplexers(&self) -> Vec<Rule> {
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
            verb: self.default.clone(),
        };
        // One of its own that is about all of its calls stands.
        let without_own = |mut rule: Rule| {
            let own = self.rules.iter().filter(|own| own.call == rule.call && own.when == When::Always);
            own.for_each(|own| rule.guard.abis.retain(|abi| !own.guard.abis.contains(abi)));
            (!rule.guard.abis.is_empty()).then_some(rule)
        };
        match self.order {
            Order::Libseccomp => Vec::new(),
            Order::Apart => multiplexers.into_iter().filter(exists).map(rule).filter_map(without_own).collect(),
            Order::FirstMatch => multiplexers.into_iter().filter(exists).map(rule).collect(),
        }
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
        if parts.len() > PIECES || exceptions.max() > Some(EXCEPTIONS) {
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
        _ => a.word == b.word && a.operator == "==" && b.operator == "==" && a.value != b.value,
    };
    one.iter().any(|a| other.iter().any(|b| differ(a, b)))
}

/// `name`, `name(condition)`; equalities of one word as a set.
fn targets(call: &str, whens: &[When]) -> Vec<String> {
    if whens.contains(&When::Always) {
        return vec![call.to_owned()];
    }
    let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for when in whens {
        match when {
            When::All(tests) if tests.len() == 1 && tests[0].operator == "==" => {
                sets.entry(&tests[0].word).or_default().push(&tests[0].value);
            }
            _ => others.push(format!("{call}({})", when.text())),
        }
    }
    let mut targets: Vec<_> = sets
        .into_iter()
        .map(|(word, values)| match values.as_slice() {
            [one] => format!("{call}({word} == {one})"),
            several => format!("{call}({word} in {{{}}})", several.join(", ")),
        })
        .collect();
    others.dedup();
    targets.append(&mut others);
    targets
}

/// A statement over as many lines as it takes.
fn wrapped(text: &mut String, verb: &str, targets: &[String]) {
    let mut line = format!("{verb}:");
    for (at, target) in targets.iter().enumerate() {
        let comma = if at + 1 < targets.len() { "," } else { "" };
        if line.len() + target.len() > 100 && at > 0 {
            text.push_str(&line);
            text.push('\n');
            line = "   ".to_owned();
        }
        let _ = write!(line, " {target}{comma}");
    }
    text.push_str(&line);
    text.push('\n');
}
