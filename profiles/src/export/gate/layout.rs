//! Statements: calls that share verb and condition together, and ABIs that decide alike together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use callgate_compiler::abi::{Abi, X32_BIT};
use callgate_compiler::action::Action;
use callgate_compiler::policy::{AbiPolicy, FilterFlag, Policy};
use callgate_compiler::tables;

use super::actions::{Verb, verb};
use super::calls::{carried_out, decided, said};
use super::condition::arguments;
use crate::export::multiplexed::multiplexers;

/// A call as it is named, and what is said of it: a list of conditions, or nothing for all of it.
type Target = (String, Vec<String>);

/// Where statements stand: the head of a `when`, nothing for the top.
type Place = String;

/// The calls of each statement, by its verb and the conditions that each of them has.
type Statements = BTreeMap<(Verb, Vec<String>), Vec<String>>;

/// The policy as text that `callgate fmt` would still wrap. The multiplexers in `explicit` are spoken for by name.
pub(super) fn text(policy: &Policy, explicit: &BTreeSet<(Abi, &'static str)>) -> String {
    let mut text = header(policy);
    let mut targets: BTreeMap<(Verb, Target), BTreeSet<Abi>> = BTreeMap::new();
    for (&abi, listed) in &policy.abis {
        let default = default_of(policy, abi, listed);
        for (verb, target) in statements(policy, abi, default, explicit) {
            targets.entry((verb, target)).or_default().insert(abi);
        }
    }
    let listed: BTreeSet<Abi> = policy.abis.keys().copied().collect();
    let mut places: BTreeMap<Place, Statements> = BTreeMap::new();
    for ((verb, (call, conditions)), abis) in targets {
        for place in heads(&call, &abis, &listed) {
            let statements = places.entry(place).or_default();
            statements.entry((verb.clone(), conditions.clone())).or_default().push(call.clone());
        }
    }
    for (head, statements) in places {
        text.push('\n');
        let mut statements: Vec<_> = statements.into_iter().collect();
        statements.sort_by(|((one, some), calls), ((other, others), more)| {
            (one, !some.is_empty(), calls).cmp(&(other, !others.is_empty(), more))
        });
        let inside: String =
            statements.iter().map(|((verb, conditions), calls)| statement(verb, calls, conditions)).collect();
        if head.is_empty() {
            text.push_str(&inside);
        } else {
            let _ = writeln!(text, "when {head} {{\n{inside}}}");
        }
    }
    text
}

/// `arch:`, `flags:`, `listener:`, `listener-metadata:`, and what happens to what no statement names.
fn header(policy: &Policy) -> String {
    let mut text = String::new();
    let names: Vec<&str> = policy.abis.keys().map(|abi| abi.name()).collect();
    let _ = writeln!(text, "arch: {}", names.join(", "));
    if !policy.flags.is_empty() {
        let names = FilterFlag::ALL.iter().filter(|(flag, ..)| policy.flags.contains(flag));
        let _ = writeln!(text, "flags: {}", names.map(|&(_, name, _)| name).collect::<Vec<_>>().join(", "));
    }
    if let Some(path) = &policy.listener {
        let _ = writeln!(text, "listener: {}", quoted(path));
    }
    if let Some(metadata) = &policy.listener_metadata {
        let _ = writeln!(text, "listener-metadata: {}", quoted(metadata));
    }
    let listed: BTreeSet<Abi> = policy.abis.keys().copied().collect();
    let mut lines: BTreeMap<(&str, Verb), BTreeSet<Abi>> = BTreeMap::new();
    for (&abi, of_abi) in &policy.abis {
        let (all, rest) = (verb(abi, default_of(policy, abi, of_abi)), verb(abi, carried_out(&of_abi.rest)));
        if all != rest {
            lines.entry(("unknown", rest)).or_default().insert(abi);
        }
        lines.entry(("all", all)).or_default().insert(abi);
    }
    for ((target, verb), abis) in &lines {
        for head in guards(abis, &listed) {
            let _ = match head.as_str() {
                "" => writeln!(text, "{}: {target}", verb.text),
                head => writeln!(text, "when {head} {{ {}: {target} }}", verb.text),
            };
        }
    }
    // A statement about an ABI that isn't listed speaks the first listed one's numbers.
    let Some(&first) = policy.abis.keys().next() else { return text };
    let mut foreign: BTreeMap<Verb, Vec<&str>> = BTreeMap::new();
    for (abi, decision) in policy.foreign.iter().filter(|(abi, _)| !policy.abis.contains_key(abi)) {
        foreign.entry(verb(first, carried_out(decision))).or_default().push(abi.name());
    }
    let other = carried_out(&policy.other);
    if other != Action::KillProcess {
        foreign.entry(verb(first, other)).or_default().push("other");
    }
    for (verb, names) in foreign {
        let targets: Vec<String> = names.iter().map(|name| format!("arch {name}")).collect();
        let _ = writeln!(text, "{}: {}", verb.text, targets.join(", "));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What `all` says on an ABI: what most named calls do that are not let through, when numbers without a name do something
/// else; so that a list of what is allowed stays one.
fn default_of(policy: &Policy, abi: Abi, listed: &AbiPolicy) -> Action {
    let rest = carried_out(&listed.rest);
    if rest.permits() {
        return rest;
    }
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for (nr, _) in tables::calls(abi) {
        *counts.entry(said(&decided(policy, abi, nr)).otherwise).or_default() += 1;
    }
    counts.retain(|action, _| !action.permits());
    let own = counts.get(&rest).copied().unwrap_or(0);
    match counts.into_iter().max_by_key(|&(action, count)| (count, action)) {
        // Twice as many, or it isn't what the list leaves over.
        Some((action, count)) if count > 2 * own => action,
        _ => rest,
    }
}

/// Everything to be said about the calls of an ABI.
fn statements(
    policy: &Policy,
    abi: Abi,
    default: Action,
    explicit: &BTreeSet<(Abi, &'static str)>,
) -> Vec<(Verb, Target)> {
    let Some(listed) = policy.abis.get(&abi) else { return Vec::new() };
    let named = tables::calls(abi).map(|(nr, _)| nr);
    let numbers: BTreeSet<u32> = named.chain(listed.calls.keys().copied()).collect();
    let multiplexers = multiplexers();
    let mut found = Vec::new();
    for nr in numbers {
        let name = tables::name(abi, nr);
        let multiplexer = name.and_then(|name| multiplexers.get_key_value(name)).map(|(&name, _)| name);
        let spoken_for = multiplexer.is_some_and(|name| explicit.contains(&(abi, name)));
        if multiplexer.is_some() && !spoken_for {
            continue;
        }
        let said = said(&decided(policy, abi, nr));
        let fallback = if name.is_some() { default } else { carried_out(&listed.rest) };
        let call = name.map_or_else(|| number(abi, nr), str::to_owned);
        if said.otherwise != fallback || spoken_for {
            found.push((verb(abi, said.otherwise), (call.clone(), Vec::new())));
        }
        for (action, shapes) in said.conditions {
            let mut conditions: Vec<String> = shapes.iter().filter_map(|shape| arguments(abi, name, shape)).collect();
            conditions.sort();
            conditions.dedup();
            found.push((verb(abi, action), (call.clone(), conditions)));
        }
    }
    found
}

/// A number without a name, as the language takes it: x32's without bit 30.
fn number(abi: Abi, nr: u32) -> String {
    let nr = if abi == Abi::X32 && nr < 2 * X32_BIT { nr & !X32_BIT } else { nr };
    if nr < 10_000 { nr.to_string() } else { format!("{nr:#x}") }
}

/// The `when` heads under which a target is said on these ABIs and no other.
fn heads(call: &str, abis: &BTreeSet<Abi>, listed: &BTreeSet<Abi>) -> Vec<Place> {
    let is_number = call.starts_with(|c: char| c.is_ascii_digit());
    if is_number {
        // A number is another call on each ABI.
        return if listed.len() == 1 { vec![String::new()] } else { abis.iter().map(|abi| arch(*abi)).collect() };
    }
    let having = listed.iter().copied().filter(|&abi| tables::number(abi, call).is_some()).collect();
    guards(abis, &having)
}

/// Heads that hold for `abis` of `among`: none, one that leaves out the few others, or one for each.
fn guards(abis: &BTreeSet<Abi>, among: &BTreeSet<Abi>) -> Vec<Place> {
    let others: Vec<Abi> = among.difference(abis).copied().collect();
    if others.is_empty() {
        return vec![String::new()];
    }
    if others.len() < abis.len() {
        let each: Vec<String> = others.iter().map(|abi| format!("not arch {abi}")).collect();
        return vec![each.join(" and ")];
    }
    abis.iter().map(|abi| arch(*abi)).collect()
}

fn arch(abi: Abi) -> String {
    format!("arch {abi}")
}

/// `verb: call, call`, or each call with each condition.
fn statement(verb: &Verb, calls: &[String], conditions: &[String]) -> String {
    let targets: Vec<String> = calls
        .iter()
        .flat_map(|call| {
            if conditions.is_empty() {
                vec![call.clone()]
            } else {
                conditions.iter().map(|condition| format!("{call}({condition})")).collect()
            }
        })
        .collect();
    format!("{}: {}\n", verb.text, targets.join(", "))
}
