//! The page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use callgate_grammar::Severity;

use crate::cases::{Case, Group, Input};
use crate::{ours, theirs};

/// A case, and what was said of it.
pub(crate) struct Asked {
    pub(crate) case: &'static Case,
    pub(crate) really: String,
    pub(crate) theirs: theirs::Said,
    pub(crate) ours: Vec<ours::Found>,
}

const HEAD: &str = "\
# Beside `seccomp-tools audit`

The same raw filters given to `seccomp-tools audit` and to `callgate lint`. Written by
`cargo bench --bench lint_peers -- --write`, which runs both. A policy is laid out as people write filters by hand: one compare a
call, then the tests of its arguments.

[seccomp-tools](https://github.com/david942j/seccomp-tools) has audited filters since 1.7.0. It walks a filter symbolically and
asks six checks of what it finds. They are about a process that is attacked, as in an exercise of its field: can a file be copied
out, is there another way to the same call. callgate's rules are about a profile and its author. Neither is a part of the other.

| check of seccomp-tools | rule of callgate |
|---|---|
| `arch-unchecked` | BPF002 (never looked at), BPF003 and ABI011 (others allowed) |
| `x32-guard` | ABI004 |
| `permissive-default` | RUL001 |
| `syscall-alt-gap` (exec, open, read, write, fork) | SIB001 and the rest of SIB, over all families of calls and their arguments |
| `dangerous-allow`: `process_vm_*`, `io_uring_setup` | EXP012, EXP004, by what the kernel asks of the process |
| `dangerous-allow`: `ptrace` | EXP011, before Linux 4.8, where it is a way around the filter; EXP021, with the capability or without |
| `dangerous-allow`: `execve`, `execveat`, `socket`, `connect`, `socketcall` | none for the call as such: nearly every program needs it. EXP013 is about the families that few need; `--seen REC` (EXP023) finds what a program doesn't use |
| `orw-chain` | none: opening, reading and writing is what programs do. `--seen REC` finds those that one doesn't |

Columns: what the filter does, by a call and its answer in a run of it; the ids of what each finds. A note of callgate's stands in brackets.
\"–\": it finds nothing. What is outside of the six checks isn't a fault of theirs: the third table says what more there is to
know of a filter, and the first two what both look at.
";

pub(crate) fn page(version: &str, asked: &[Asked]) -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "\nseccomp-tools {version}; callgate's rules as they are asked by default, for Linux 6.12, Docker's capabilities and x86-64."
    );
    for (group, title) in [
        (Group::Theirs, "One bad input for each of its checks"),
        (Group::NearMiss, "Near misses"),
        (Group::Outside, "Outside of its checks"),
    ] {
        let rows: Vec<_> = asked.iter().filter(|one| one.case.group == group).collect();
        let _ = writeln!(
            text,
            "\n## {title}\n\n| input | what it does | `seccomp-tools audit` | `callgate lint` |\n|---|---|---|---|"
        );
        for row in &rows {
            let _ = writeln!(text, "{}", line(row));
        }
        let (theirs, ours) =
            (rows.iter().filter(|one| !one.theirs.found.is_empty()), rows.iter().filter(|one| said(one)));
        let _ = writeln!(
            text,
            "\nOf {} inputs seccomp-tools finds something in {}, callgate in {} (notes apart).",
            rows.len(),
            theirs.count(),
            ours.count()
        );
    }
    text
}

/// Whether callgate finds more than notes.
fn said(one: &Asked) -> bool {
    one.ours.iter().any(|found| found.severity > Severity::Note)
}

fn line(one: &Asked) -> String {
    let how = match one.case.input {
        Input::Gate(abis, _) if abis.len() > 1 => {
            format!(" (for {})", abis.iter().map(|abi| abi.name()).collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    };
    let code: Vec<_> = one.case.text().lines().map(|line| format!("<code>{}</code>", escaped(line))).collect();
    let mut theirs: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for found in &one.theirs.found {
        theirs.entry(&found.id).or_default().extend(called(found));
    }
    let mut theirs: Vec<_> = theirs.into_iter().map(|(id, calls)| format!("{id}{}", few(&calls))).collect();
    theirs.extend(one.theirs.in_part.then(|| "[looked at in part]".to_owned()));
    let said = |family: &str, note: bool| {
        let ids = one.ours.iter().filter(move |found| (found.severity == Severity::Note) == note);
        ids.map(|found| found.id).filter(|id| id.starts_with(family)).collect::<Vec<_>>()
    };
    let mut ours: Vec<String> = Vec::new();
    for note in [false, true] {
        let shown = |id: &str| if note { format!("({id})") } else { id.to_owned() };
        for family in ["ABI", "ARG", "BPF", "ERR", "EXP", "FMT", "NTF", "RTM", "RUL", "SIB", "STY"] {
            match said(family, note).as_slice() {
                ids @ [_, _, _, _, ..] => ours.push(shown(&format!("{} of {family}", ids.len()))),
                ids => ours.extend(ids.iter().map(|id| shown(id))),
            }
        }
    }
    format!(
        "| {}{how}:<br>{} | `{}` | {} | {} |",
        one.case.what,
        code.join("<br>"),
        one.really,
        listed(&theirs),
        listed(&ours),
    )
}

/// The calls of a finding: `socket when family == 0x1`.
fn called(found: &theirs::Found) -> Vec<String> {
    let condition = found.condition.as_ref().map(|condition| format!(" when {}", escaped(condition)));
    found.calls.iter().map(|call| format!("{call}{}", condition.as_deref().unwrap_or_default())).collect()
}

/// ` (execve, socket when family == 0x1)`, and how many more.
fn few(calls: &BTreeSet<String>) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = calls.iter().take(SHOWN).map(String::as_str).collect();
    match calls.len() {
        0 => String::new(),
        all if all > SHOWN => format!(" ({} and {} more)", shown.join(", "), all - SHOWN),
        _ => format!(" ({})", shown.join(", ")),
    }
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "&#124;")
}

fn listed(ids: &[String]) -> String {
    if ids.is_empty() { "–".to_owned() } else { ids.join(", ") }
}
