//! The stub that runc sets before the filter (`libcontainer/seccomp/patchbpf/enosys_linux.go`): numbers above the highest one that
//! the profile names answer ENOSYS, so that a libc newer than the profile can fall back.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::Diagnostic;

use super::Host;
use super::client::{Spec, Verb};
use super::database::Database;
use crate::import::guard::Guard;
use crate::import::profile::ActionName;
use crate::import::rules::{Rule, When};

/// Numbers without a name below the highest one that are spelt out on one ABI. Arm has more, 0xf0000 of them before its private
/// calls, and the language has no ranges of numbers: there those above it are left with the default, and a note says so.
const GAPS: usize = 8_192;

/// Whether the stub is there: not when the default lets calls through, or hands them to a tracer, who answers himself.
pub(super) fn is_set(default: &Verb) -> bool {
    !matches!(default.action, ActionName::Allow | ActionName::Log | ActionName::Trace)
}

/// The highest number that any entry names on each listed ABI, also entries that do what the default does. The machine's own ABI
/// has none when it isn't listed. Calls that can go through a multiplexer don't count, since libseccomp numbers them below zero
/// there; an ABI whose highest number is 0 has none.
pub(super) fn highest(host: &Host, listed: &BTreeSet<Abi>, spec: &Spec<'_>) -> BTreeMap<Abi, u32> {
    let names = || spec.rules.iter().flat_map(|rule| rule.names).map(|name| name.value.as_str());
    let counts = |abi: Abi, name: &str| {
        host.libseccomp.number(abi, name).is_some() && host.libseccomp.part_of(abi, name).is_none()
    };
    let of_abi = |&abi: &Abi| {
        let number = |name| tables::number(abi, name).map(|number| (number, name));
        // Few are higher than all before them, so few are looked at closely.
        let higher = |highest: u32, (number, name): (u32, &str)| {
            if number > highest && counts(abi, name) { number } else { highest }
        };
        let highest = names().filter_map(number).fold(0, higher);
        (highest != 0).then_some((abi, highest))
    };
    listed.iter().filter_map(of_abi).collect()
}

/// Puts the stub before the rules. Gives the rules for numbers without a name.
pub(super) fn apply(
    database: &mut Database,
    host: &Host,
    highest: &BTreeMap<Abi, u32>,
    abis: &BTreeSet<Abi>,
    spec: &Spec<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Rule> {
    let (default, span) = (&spec.default, spec.default_span);
    let mut numbers = Vec::new();
    let mut rule = |abi: Abi, call: String, verb: &str| {
        let guard = Guard::on(&BTreeSet::from([abi]));
        numbers.push(Rule { call, guard, when: When::Always, verb: verb.to_owned(), span });
    };
    for (&abi, &last) in highest {
        let enosys = enosys(host, abi);
        for (nr, name) in tables::calls(abi) {
            if nr > last || is_setup(abi, nr) {
                database.set(abi, name, &enosys, span);
            }
        }
        let first = abi.numbers().first().map_or(0, |&(first, _)| first);
        let gaps: Vec<u32> = (first..=last).filter(|&nr| tables::name(abi, nr).is_none()).take(GAPS + 1).collect();
        if gaps.len() > GAPS {
            diagnostics.push(
                Diagnostic::note("numbers-without-name", format!("on {abi}, runc answers ENOSYS above {last:#x}"))
                    .at(span, "numbers without a name have the default here"),
            );
            continue;
        }
        rule(abi, "unknown".to_owned(), &enosys);
        for nr in gaps {
            rule(abi, nr.to_string(), if is_setup(abi, nr) { &enosys } else { &default.text });
        }
    }
    // -1, which a tracer sets to skip a call, has x32's bit.
    let minus_one = u32::MAX.to_string();
    match (highest.contains_key(&Abi::X86_64), highest.contains_key(&Abi::X32)) {
        (true, false) => rule(Abi::X86_64, minus_one, &default.text),
        (false, true) if abis.contains(&Abi::X86_64) => rule(Abi::X86_64, minus_one, &enosys(host, Abi::X86_64)),
        _ => {}
    }
    numbers
}

/// The stub has the machine's own number, by whatever ABI a call is made; MIPS has another one.
fn enosys(host: &Host, abi: Abi) -> String {
    let own = tables::errno(host.machine, "ENOSYS");
    match own {
        Some(number) if tables::errno(abi, "ENOSYS") != own => format!("errno({number})"),
        _ => "errno(ENOSYS)".to_owned(),
    }
}

/// On s390 the kernel reports numbers that it doesn't know as 0, so that one answers ENOSYS too.
fn is_setup(abi: Abi, nr: u32) -> bool {
    matches!(abi, Abi::S390 | Abi::S390x) && nr == 0
}
