//! What a format has no words for, in sentences. A note is there only when it makes a difference for this policy.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::{AbiPolicy, CallPolicy, FilterFlag, Policy};
use callgate_compiler::tables;

use super::multiplexed::multiplexers;
use super::rules::{Plan, expressible};
use super::{Format, some_abis, spelled, spelled_on};
use crate::engine::{Libseccomp, reads_arch_map};

/// How many names a note spells out.
const NAMES_SHOWN: usize = 8;

/// Notes on a filter as bytes or text: what whoever loads it has to add.
pub(super) fn of_filter(policy: &Policy) -> Vec<String> {
    let mut notes = Vec::new();
    if !policy.flags.is_empty() {
        let flags: Vec<&str> = flag_names(&policy.flags).collect();
        notes.push(format!("the filter can't hold its flags: load it with {}", flags.join(", ")));
    }
    if let Some(listener) = &policy.listener {
        notes.push(format!(
            "the filter can't name its listener: load it with SECCOMP_FILTER_FLAG_NEW_LISTENER and send the descriptor to {listener:?}"
        ));
    }
    notes
}

fn flag_names(flags: &[FilterFlag]) -> impl Iterator<Item = &'static str> {
    FilterFlag::ALL.iter().filter(|(flag, ..)| flags.contains(flag)).map(|&(_, name, _)| name)
}

/// Notes on the JSON of Docker or OCI.
pub(super) fn of_document(policy: &Policy, plan: &Plan, format: Format) -> Vec<String> {
    let mut notes: Vec<String> = plan.lossy.iter().map(lossy).collect();
    notes.extend(unlisted_abis(policy));
    notes.extend(machines_own_abi(policy));
    notes.extend(multiplexed(policy, plan));
    notes.extend(numbers_without_name(policy, plan));
    notes.extend(numbers_with_rule(policy, plan));
    notes.extend(trap_numbers(policy));
    notes.extend(newer_numbers(policy, plan));
    notes.extend(notifications(policy, plan, format));
    for abi in plan.not_vouched_for(policy) {
        notes.push(format!(
            "callgate doesn't vouch for this file's rules on {abi} under libseccomp 2.5; export for one architecture with \
             `--arch`"
        ));
    }
    notes.extend(passed_over_by_podman(policy, format));
    notes.extend(unknown_to_libseccomp(plan));
    if format == Format::Docker {
        let new: Vec<&str> = flag_names(&policy.flags).filter(|name| !matches!(*name, "LOG" | "SPEC_ALLOW")).collect();
        if !new.is_empty() {
            notes.push(format!("Docker 20.10 drops flags it does not know: {}", new.join(", ")));
        }
    }
    notes
}

fn passed_over_by_podman(policy: &Policy, format: Format) -> Option<String> {
    let further = |abi: &&Abi| **abi != abi.native() && !reads_arch_map(abi.native());
    let lost: Vec<Abi> = policy.abis.keys().filter(further).copied().collect();
    (format == Format::Podman && !lost.is_empty())
        .then(|| format!("Podman takes in no further ABIs on the machines of {}", some_abis(&lost, ", ")))
}

fn unknown_to_libseccomp(plan: &Plan) -> Option<String> {
    let names: BTreeSet<&str> =
        plan.rules.keys().map(|&(_, name)| name).filter(|name| !Libseccomp::Debian12.knows(name)).collect();
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "libseccomp 2.5 has no names for {}: with it these calls get the file's default, {}",
            some_names(&names),
            spelled(plan.default)
        )
    })
}

/// Notes on an LXC policy, which libseccomp carries out for every ABI of the machine.
pub(super) fn of_lxc(policy: &Policy, plan: &Plan) -> Vec<String> {
    let mut notes = of_filter(policy);
    notes.extend(plan.lossy.iter().map(lossy));
    notes.extend(unlisted_abis(policy));
    let machines: BTreeSet<Abi> = policy.abis.keys().map(|abi| abi.native()).collect();
    let all = Abi::ALL.iter().copied().filter(|abi| machines.contains(&abi.native()));
    let unlisted: Vec<Abi> = all.filter(|abi| !policy.abis.contains_key(abi)).collect();
    if !unlisted.is_empty() {
        let names = some_abis(&unlisted, ", ");
        notes.push(format!(
            "LXC loads the rules for every ABI of the machine, also those the policy doesn't list: {names}"
        ));
    }
    notes.extend(multiplexed(policy, plan));
    notes.extend(numbers_without_name(policy, plan));
    notes.extend(numbers_with_rule(policy, plan));
    notes.extend(trap_numbers(policy));
    notes
}

fn lossy((difference, action): &(super::Difference, Action)) -> String {
    format!("{difference}: the file says {} for all of it", spelled(*action))
}

/// libseccomp kills the thread (`SCMP_FLTATR_ACT_BADARCH`, which no runtime changes).
fn unlisted_abis(policy: &Policy) -> Option<String> {
    let mut actions: BTreeSet<Action> = policy.foreign.values().map(|decision| decision.action).collect();
    actions.insert(policy.other.action);
    actions.remove(&Action::KillThread);
    let spelled: Vec<String> = actions.into_iter().map(spelled).collect();
    (!spelled.is_empty()).then(|| {
        format!(
            "the policy says {} for ABIs that it doesn't list; in the file's words that can only be kill-thread, and on another \
             architecture's machine the rules hold for that machine's own ABI",
            spelled.join(" and ")
        )
    })
}

fn machines_own_abi(policy: &Policy) -> Option<String> {
    let own: BTreeSet<Abi> = policy.abis.keys().map(|abi| abi.native()).collect();
    let names: Vec<&str> = own.iter().filter(|abi| !policy.abis.contains_key(abi)).map(|abi| abi.name()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the policy doesn't list {}, but libseccomp always takes in the ABI of the machine: the rules hold for it too",
            names.join(", ")
        )
    })
}

/// Calls whose rules libseccomp has speak for a multiplexer as well.
pub(super) struct SpokenFor {
    pub(super) multiplexer: &'static str,
    pub(super) abis: Vec<Abi>,
    calls: BTreeSet<&'static str>,
}

/// Every multiplexer that has no rule of its own to keep it apart, with the ABIs where that matters.
pub(super) fn spoken_for(policy: &Policy, plan: &Plan) -> Vec<SpokenFor> {
    let ruled = |name: &str, abi: Abi| {
        let mut rules = plan
            .rules
            .iter()
            .filter(|((machine, call), _)| *call == name && machine.is_none_or(|machine| machine == abi.native()));
        rules.next().map(|(_, rules)| rules)
    };
    let of_multiplexer = |(multiplexer, parts): (&'static str, Vec<&'static str>)| {
        let kept_apart =
            |abi| ruled(multiplexer, abi).is_some_and(|rules| rules.iter().all(|rule| rule.tests.is_empty()));
        let parts_ruled = |abi| parts.iter().copied().filter(move |part| ruled(part, abi).is_some());
        let having = policy.abis.keys().copied().filter(|&abi| tables::number(abi, multiplexer).is_some());
        let abis: Vec<Abi> = having.filter(|&abi| !kept_apart(abi) && parts_ruled(abi).next().is_some()).collect();
        let calls = abis.iter().flat_map(|&abi| parts_ruled(abi)).collect();
        (!abis.is_empty()).then_some(SpokenFor { multiplexer, abis, calls })
    };
    multiplexers().into_iter().filter_map(of_multiplexer).collect()
}

fn multiplexed(policy: &Policy, plan: &Plan) -> Vec<String> {
    let note = |SpokenFor { multiplexer, abis, calls }: SpokenFor| {
        format!(
            "on {}, libseccomp lets the rules on {} speak for {multiplexer} too, whatever their conditions on the first \
             argument; a rule of its own for {multiplexer} (errno(ENOSYS): {multiplexer}) keeps it apart",
            some_abis(&abis, ", "),
            some_names(&calls.into_iter().collect::<Vec<_>>())
        )
    };
    spoken_for(policy, plan).into_iter().map(note).collect()
}

fn some_names(names: &[&str]) -> String {
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..NAMES_SHOWN].join(", ")),
    }
}

fn numbers_without_name(policy: &Policy, plan: &Plan) -> Option<String> {
    let mut actions: BTreeMap<String, Vec<Abi>> = BTreeMap::new();
    for (&abi, AbiPolicy { rest, .. }) in &policy.abis {
        if expressible(rest.action) != plan.default {
            actions.entry(spelled_on(abi, rest.action)).or_default().push(abi);
        }
    }
    let differ: Vec<String> =
        actions.iter().map(|(action, abis)| format!("{action} on {}", some_abis(abis, ", "))).collect();
    (!differ.is_empty()).then(|| {
        format!(
            "numbers without a name get the file's default, {}; the policy says {}",
            spelled(plan.default),
            differ.join(", ")
        )
    })
}

fn numbers_with_rule(policy: &Policy, plan: &Plan) -> Option<String> {
    let has_rule = |call: &CallPolicy| {
        let mut actions = call.clauses.iter().map(|clause| clause.decision.action).chain([call.otherwise.action]);
        actions.any(|action| expressible(action) != plan.default)
    };
    let mut numbers = Vec::new();
    for (&abi, calls) in &policy.abis {
        let unnamed = calls.calls.iter().filter(|&(&nr, call)| tables::name(abi, nr).is_none() && has_rule(call));
        numbers.extend(unnamed.map(|(nr, _)| format!("{nr} on {abi}")));
    }
    (!numbers.is_empty()).then(|| {
        format!(
            "the file can only name calls, so the policy's rules for these numbers are not in it: {}",
            numbers.join(", ")
        )
    })
}

fn trap_numbers(policy: &Policy) -> Option<String> {
    let numbered = policy.actions().into_iter().filter(|action| matches!(action, Action::Trap(1..)));
    let spelled: Vec<String> = numbered.map(|action| action.to_string()).collect();
    (!spelled.is_empty()).then(|| format!("the file has only trap, without a number: {}", spelled.join(", ")))
}

/// runc puts a stub before the filter (`libcontainer/seccomp/patchbpf/enosys_linux.go`).
fn newer_numbers(policy: &Policy, plan: &Plan) -> Option<String> {
    let is_enosys = |number| policy.abis.keys().all(|&abi| tables::errno(abi, "ENOSYS") == Some(number));
    match plan.default {
        Action::Trace(_) => return None,
        Action::Errno(number) if is_enosys(number) => return None,
        default if default.permits() => return None,
        _ => {}
    }
    let mut highest: BTreeMap<Abi, (u32, &'static str)> = BTreeMap::new();
    for &(machine, name) in plan.rules.keys() {
        for &abi in policy.abis.keys().filter(|abi| machine.is_none_or(|machine| abi.native() == machine)) {
            if let Some(nr) = tables::number(abi, name) {
                let newest = highest.entry(abi).or_insert((nr, name));
                *newest = (*newest).max((nr, name));
            }
        }
    }
    let mut by_name: BTreeMap<&str, Vec<Abi>> = BTreeMap::new();
    for (abi, (_, name)) in highest {
        by_name.entry(name).or_default().push(abi);
    }
    let highest: Vec<String> =
        by_name.iter().map(|(name, abis)| format!("{name} on {}", some_abis(abis, ", "))).collect();
    (!highest.is_empty()).then(|| {
        format!(
            "runc answers ENOSYS to numbers above the highest one that the file names ({}), crun {}",
            highest.join("; "),
            spelled(plan.default)
        )
    })
}

fn notifications(policy: &Policy, plan: &Plan, format: Format) -> Vec<String> {
    let mut notes = Vec::new();
    let notifies = policy.actions().contains(&Action::Notify);
    if notifies && policy.listener.is_none() {
        notes.push("the policy notifies but has no `listener:`, so runtimes will refuse the file".to_owned());
    }
    if plan.default == Action::Notify {
        notes.push("runc refuses notify as the default action".to_owned());
    }
    let write = plan.rules.iter().filter(|((_, name), _)| *name == "write").flat_map(|(_, rules)| rules);
    if write.into_iter().any(|rule| rule.action == Action::Notify) {
        notes.push("runc refuses notify for write".to_owned());
    }
    if policy.listener.is_some() && format == Format::Docker {
        notes.push("Docker 20.10 drops the listener".to_owned());
    }
    notes
}
