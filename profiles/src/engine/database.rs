//! What libseccomp keeps of the rules it is given, for each ABI of a filter (`src/db.c`, `src/arch.c`; 2.5.4).

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Condition;
use callgate_compiler::prove::{self, Budget, Overlap};
use callgate_compiler::tables;
use callgate_grammar::Span;

use super::Libseccomp;
use crate::import::guard::Guard;
use crate::import::profile::{Argument, Comparison};
use crate::import::rules::{Order, Rule, When};

/// A rule of one call: its comparisons as the ABI makes them, and what it does.
#[derive(Clone, Debug)]
struct Kept {
    arguments: Vec<Argument>,
    verb: String,
    span: Span,
}

/// What is kept of one call.
#[derive(Clone, Debug, Default)]
struct Call {
    /// A rule without comparisons. Then there are no others.
    plain: Option<(String, Span)>,
    conditional: Vec<Kept>,
}

/// Two rules that libseccomp doesn't keep side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clash {
    /// They ask the same and do different things: adding the second fails (EEXIST).
    Same,
    /// They can hold together and do different things. Which one counts is not vouched for.
    Overlap,
}

/// The rules of a filter.
pub(super) struct Database {
    libseccomp: Libseccomp,
    /// Whether two rules can hold together and do different things.
    overlapping: bool,
    abis: BTreeMap<Abi, BTreeMap<&'static str, Call>>,
}

impl Database {
    pub(super) fn new(libseccomp: Libseccomp, abis: &BTreeSet<Abi>) -> Self {
        Self { libseccomp, overlapping: false, abis: abis.iter().map(|&abi| (abi, BTreeMap::new())).collect() }
    }

    /// Adds a rule for a call on every ABI that has it.
    pub(super) fn add(
        &mut self,
        call: &str,
        arguments: &[Argument],
        verb: &str,
        span: Span,
    ) -> Result<(), (Abi, Clash)> {
        let mut result = Ok(());
        for (&abi, calls) in &mut self.abis {
            for (name, arguments) in targets(self.libseccomp, abi, call, arguments, span) {
                let kept = Kept { arguments, verb: verb.to_owned(), span };
                if let Err(clash) = calls.entry(name).or_default().keep(kept) {
                    self.overlapping |= clash == Clash::Overlap;
                    result = result.and(Err((abi, clash)));
                }
            }
        }
        result
    }

    /// What a call does whatever its arguments are is replaced.
    pub(super) fn set(&mut self, abi: Abi, call: &'static str, verb: &str, span: Span) {
        if let Some(calls) = self.abis.get_mut(&abi) {
            calls.insert(call, Call { plain: Some((verb.to_owned(), span)), conditional: Vec::new() });
        }
    }

    /// How the rules that are left stand to each other.
    pub(super) fn order(&self) -> Order {
        if self.overlapping { Order::FirstMatch } else { Order::Apart }
    }

    /// The rules that are left, those alike on several ABIs as one.
    pub(super) fn into_rules(self) -> Vec<Rule> {
        let mut places: BTreeMap<(&str, When, String), usize> = BTreeMap::new();
        let mut rules: Vec<Rule> = Vec::new();
        for (abi, calls) in self.abis {
            for (name, call) in calls {
                let plain = call.plain.map(|(verb, span)| (When::Always, verb, span));
                let conditional = call
                    .conditional
                    .into_iter()
                    .map(|kept| (When::All(kept.arguments.iter().map(Argument::test).collect()), kept.verb, kept.span));
                for (when, verb, span) in plain.into_iter().chain(conditional) {
                    let place = *places.entry((name, when.clone(), verb.clone())).or_insert(rules.len());
                    match rules.get_mut(place) {
                        Some(rule) => {
                            rule.guard.abis.insert(abi);
                        }
                        None => {
                            let guard = Guard::on(&BTreeSet::from([abi]));
                            rules.push(Rule { call: name.to_owned(), guard, when, verb, span });
                        }
                    }
                }
            }
        }
        rules
    }
}

impl Call {
    /// A rule without comparisons wins over those with some, wherever it stands, and the first one over the second
    /// (`db_rule_add`).
    fn keep(&mut self, rule: Kept) -> Result<(), Clash> {
        if self.plain.is_some() {
            return Ok(());
        }
        if rule.arguments.is_empty() {
            self.plain = Some((rule.verb, rule.span));
            self.conditional.clear();
            return Ok(());
        }
        let differing = || self.conditional.iter().filter(|kept| kept.verb != rule.verb);
        let same = differing().any(|kept| questions(&kept.arguments) == questions(&rule.arguments));
        let meets = !same && differing().any(|kept| overlaps(&kept.arguments, &rule.arguments));
        self.conditional.push(rule);
        match (same, meets) {
            (true, _) => Err(Clash::Same),
            (_, true) => Err(Clash::Overlap),
            _ => Ok(()),
        }
    }
}

/// The calls that a rule is added for on an ABI. Where a call goes through a multiplexer (`socketcall`), it is added for that
/// too, its comparison of the first argument replaced by the one that picks the call (`abi_rule_add`).
fn targets(
    libseccomp: Libseccomp,
    abi: Abi,
    call: &str,
    arguments: &[Argument],
    span: Span,
) -> Vec<(&'static str, Vec<Argument>)> {
    let mut targets = Vec::new();
    if let Some((_, selector, part)) = libseccomp.part_of(abi, call) {
        let picks =
            Argument { index: 0, comparison: Comparison::Equal, mask: u64::MAX, value: selector, unused: None, span };
        let others = arguments.iter().filter(|argument| argument.index != 0).copied();
        targets.push((part.multiplexer, [picks].into_iter().chain(others).collect()));
    }
    let own = libseccomp.number(abi, call).and_then(|nr| tables::name(abi, nr));
    targets.extend(own.map(|name| (name, arguments.to_vec())));
    let compared = |(name, arguments): (&'static str, Vec<Argument>)| {
        (name, arguments.iter().filter_map(|argument| as_compared(abi, argument)).collect())
    };
    targets.into_iter().map(compared).collect()
}

/// A comparison as the ABI makes it: on a 32-bit one (x32 and MIPS n32 among them) of the low half, with the value's low half.
/// A mask that is left empty compares nothing (`_db_rule_gen_arg_32`, `_db_rule_gen_arg_64`).
fn as_compared(abi: Abi, argument: &Argument) -> Option<Argument> {
    let bits = if abi.long_bits() == 32 { u64::from(u32::MAX) } else { u64::MAX };
    let mask = argument.mask & bits;
    (mask != 0).then_some(Argument { mask, value: argument.value & mask, ..*argument })
}

/// What a rule asks, in no order.
fn questions(arguments: &[Argument]) -> BTreeSet<(u8, Comparison, u64, u64)> {
    arguments.iter().map(|argument| (argument.index, argument.comparison, argument.mask, argument.value)).collect()
}

/// Whether two rules can hold together. What can't be decided in budget counts as "they can".
fn overlaps(one: &[Argument], other: &[Argument]) -> bool {
    let equalities = |arguments: &[Argument]| arguments.iter().all(|one| one.comparison == Comparison::Equal);
    if equalities(one) && equalities(other) {
        // Masked equalities hold together unless a bit that both look at is asked to be two things.
        let apart = |a: &Argument, b: &Argument| a.index == b.index && (a.value ^ b.value) & a.mask & b.mask != 0;
        return !one.iter().any(|a| other.iter().any(|b| apart(a, b)));
    }
    let condition = |arguments: &[Argument]| Condition::All(arguments.iter().map(Argument::condition).collect());
    prove::overlap(&condition(one), &condition(other), Budget::default()) != Overlap::Never
}
