//! # sibling-syscall-allowed
//!
//! ## What
//! A call is refused, or allowed under conditions, by a statement that names it, and another call that gives the same
//! power is open.
//!
//! ## Why
//! The kernel has more than one call for most things: `openat` beside `open`, `execveat` beside `execve`, `tgkill`
//! beside `kill`, `socketcall` beside `socket`. Whoever is refused the one makes the other. What a list of allowed
//! calls merely leaves out isn't meant: only what a statement names. ENOSYS isn't a refusal; it sends libc to the other
//! call.
//!
//! ## Example
//! ```gate arch=x86_64 at="execve"
//! allow: all
//! deny: execve
//! ```
//! ```docker at="kill"
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["kill"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! allow: all
//! deny: execve, execveat
//! ```
//! ```gate arch=x86_64
//! deny: all
//! allow: openat
//! ```
//!
//! ## Fix
//! Restrict all of them alike.
//!
//! ## Sources
//! - the calls' man pages; `io_uring_enter(2)` for what a ring does
//! - systemd.exec(5), on `SystemCallFilter=` and calls with more than one name

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::{self, FamilyRole, Member};
use callgate_grammar::Severity;

use super::doors::{open, report, restriction_by_name};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB001", "sibling-syscall-allowed", Severity::Error, check);

/// Families that other rules look at with more care: conditions on flags, capabilities, the multiplexers.
const OTHERS: &[&str] = &["namespace", "mount", "umount", "process-memory", "executable-memory"];

/// Families in which a refusal is seldom about power: another door is worth a word where all else is allowed, and nothing where
/// a list says what is.
const HARMLESS: &[&str] = &[
    "access",
    "close",
    "dup",
    "epoll",
    "epoll-wait",
    "eventfd",
    "fork",
    "futex",
    "getdents",
    "getrlimit",
    "inotify",
    "pipe",
    "read",
    "seek",
    "select-poll",
    "signalfd",
    "sleep",
    "stat",
    "statfs",
    "utime",
    "wait",
    "write",
];

/// Families whose calls the kernel runs for a capability in the initial user namespace alone (capabilities(7)): without it
/// there is no door.
const CAPABILITIES: &[(&str, &str)] = &[("clock-set", "SYS_TIME"), ("kexec", "SYS_BOOT"), ("module", "SYS_MODULE")];

/// `open_by_handle_at` opens files that no path leads to, for `CAP_DAC_READ_SEARCH` (`open_by_handle_at(2))`: a door around the
/// others with that capability, and the others are none around it.
const BY_HANDLE: &str = "open_by_handle_at";

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let (mut grave, mut slight) = (Gathered::default(), Gathered::default());
    for &abi in meaning.policy.abis.keys() {
        for (family, members) in tables::families() {
            let lacks = |capability: &str| !meaning.capabilities.contains(capability);
            let light = HARMLESS.contains(family) || family.starts_with("time64");
            let listed = meaning.policy.abis.get(&abi).is_some_and(|listed| !listed.rest.action.permits());
            if OTHERS.contains(family)
                || CAPABILITIES.iter().any(|(gated, capability)| gated == family && lacks(capability))
                || (light && listed)
            {
                continue;
            }
            for member in members.iter().filter(|member| member.selector.is_none() && member.role != FamilyRole::Whole)
            {
                let Some((restriction, place)) = restriction_by_name(document, meaning, abi, member.call)? else {
                    continue;
                };
                for door in members.iter().filter(|door| leads_there(member, door, restriction.whole)) {
                    if door.call == BY_HANDLE && lacks("DAC_READ_SEARCH") {
                        continue;
                    }
                    let Some(answer) = open(meaning, abi, &shown(abi, door))? else { continue };
                    let gathered = if light { &mut slight } else { &mut grave };
                    gathered
                        .add(document, Some(place), &named(door), abi)
                        .shown_by(answer.witness.clone())
                        .because(format!("restricted: `{}`", member.call))
                        .beside(answer.place().filter(|at| *at != place), &named(door));
                }
            }
        }
    }
    let help = "restrict them alike, or allow both";
    report(document, findings, grave, "a restricted call of the same power", help);
    for (at, group) in slight {
        let (names, gives) = (group.names(), group.verb("gives", "give"));
        let finding = findings
            .new_at(at, format!("{names} {gives} what is restricted here"))
            .here("restricted")
            .at_most(Severity::Note)
            .help(help);
        findings.push(group.onto(document, finding, "let through here"));
    }
    Ok(())
}

/// Whether a door gives what the restricted call gives: `io_uring` and the calls of another rule apart.
fn leads_there(restricted: &Member, door: &Member, whole: bool) -> bool {
    let other = door.call != restricted.call && restricted.call != BY_HANDLE;
    let by_role = match door.role {
        FamilyRole::Door => true,
        FamilyRole::Plain => whole,
        FamilyRole::Whole | FamilyRole::Kin => false,
    };
    // Conditions on what clone3, openat2 and the multiplexers hide are looked at by rules of their own.
    let apart = !whole && (["clone3", "openat2"].contains(&door.call) || door.selector.is_some());
    other && by_role && !apart
}

fn named(door: &Member) -> String {
    door.selector.map_or_else(|| door.call.to_owned(), |selector| format!("{}({selector})", door.call))
}

/// The door as a call of the language.
fn shown(abi: callgate_compiler::abi::Abi, door: &Member) -> String {
    let Some(selector) = door.selector else { return door.call.to_owned() };
    let parameters = tables::prototype(abi, door.call).unwrap_or_default();
    let parameter = parameters.iter().find(|parameter| parameter.role == tables::Role::Selector);
    parameter
        .map_or_else(|| door.call.to_owned(), |parameter| format!("{}({} == {selector})", door.call, parameter.name))
}
