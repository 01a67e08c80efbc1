//! The exposure for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use callgate_compiler::action::Action;
use callgate_compiler::tables;
use callgate_grammar::{Sources, Span};

use super::{Blocker, Column, Exposure, Totals, Verdict};
use crate::finding::Witness;
use crate::meaning::Meaning;

const LEVEL: &str =
    "This is about triggers: whether the first steps can be made. It doesn't say that the kernel has the flaw.\n";
const WIDTH: usize = 29;

/// The totals, what is within reach, and what is blocked by what. `name` is what the profile is called.
#[must_use]
pub fn text(name: &str, meaning: &Meaning, exposures: &[Exposure], sources: &Sources) -> String {
    let mut text = String::new();
    let abis: Vec<_> = meaning.policy.abis.keys().map(ToString::to_string).collect();
    let held = match meaning.capabilities.len() {
        0 => "without capabilities".to_owned(),
        _ => format!("with {}", meaning.capabilities.iter().copied().collect::<Vec<_>>().join(", ")),
    };
    let kernel = format!("{}.{}", meaning.kernel.major, meaning.kernel.minor);
    let _ = writeln!(text, "{name} on {}; Linux {kernel}; {held}\n", abis.join(", "));
    text.push_str(&totals(name, &kernel, exposures));
    for (title, on) in [
        (format!("within reach, in Linux {kernel}"), Some(true)),
        ("within reach, in no kernel by its version".to_owned(), None),
        ("within reach, in other kernels".to_owned(), Some(false)),
    ] {
        let here = exposures.iter().filter(|one| one.on_kernel == on && one.profile.is_reachable());
        let lines: Vec<_> = here.map(|one| reachable(one, meaning)).collect();
        section(&mut text, &title, lines.len(), &lines);
    }
    let refused: Vec<_> = exposures.iter().filter_map(refused).collect();
    section(&mut text, "within reach but for the kernel, which refuses it", refused.len(), &refused);
    let many = Column::Profile.totals(exposures).map_or(0, |totals| totals.blocked);
    section(&mut text, "blocked", many, &blocked(exposures, sources));
    text.push('\n');
    text.push_str(LEVEL);
    text
}

fn section(text: &mut String, title: &str, many: usize, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title} ({many}):");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
}

fn totals(name: &str, kernel: &str, exposures: &[Exposure]) -> String {
    let columns = [(name, Column::Profile), ("@docker-default", Column::Docker), ("no filter", Column::Unfiltered)];
    let columns: Vec<_> =
        columns.into_iter().filter_map(|(title, column)| Some((title.to_owned(), column.totals(exposures)?))).collect();
    let in_kernel = format!("  said to be in Linux {kernel}");
    let titles =
        ["within reach", &in_kernel, "refused by the kernel", "blocked", "  of which a trigger passes", "no such call"];
    let widths: Vec<_> = columns.iter().map(|(title, _)| title.chars().count().max(5)).collect();
    let mut text = format!("{:WIDTH$}", "");
    for ((title, _), width) in columns.iter().zip(&widths) {
        let _ = write!(text, "  {title:>width$}");
    }
    for (row, title) in titles.into_iter().enumerate() {
        let _ = write!(text, "\n{title:WIDTH$}");
        for ((_, totals), width) in columns.iter().zip(&widths) {
            let _ = write!(text, "  {:>width$}", counts(totals)[row]);
        }
    }
    text.push('\n');
    text
}

/// In the order of the rows.
fn counts(totals: &Totals) -> [usize; 6] {
    let Totals { reachable, on_kernel, refused, blocked, in_part, absent } = *totals;
    [reachable, on_kernel, refused, blocked, in_part, absent]
}

fn title(exposure: &Exposure) -> String {
    let one = exposure.vulnerability;
    let kernels = one.kernels.to_string();
    let kernels = if kernels == "-" { String::new() } else { format!(" ({kernels})") };
    format!("{}: {}{kernels}", one.names.join(", "), one.what)
}

fn reachable(exposure: &Exposure, meaning: &Meaning) -> String {
    let Verdict::Reachable(calls) = &exposure.profile else { return String::new() };
    let mut calls: Vec<_> = calls.iter().map(call).collect();
    calls.dedup();
    let asked = exposure.vulnerability.needs.iter().filter(|need| meaning.capabilities.contains(need.capability));
    let held: Vec<_> = asked.map(|need| format!("with CAP_{}", need.capability)).collect();
    let docker = match &exposure.docker {
        Some(verdict) if !verdict.is_reachable() => "; not by Docker's default",
        _ => "",
    };
    let held = if held.is_empty() { String::new() } else { format!(" {}", held.join(" and ")) };
    format!("{}\n      by {}{held}{docker}", title(exposure), calls.join(", "))
}

fn refused(exposure: &Exposure) -> Option<String> {
    let Verdict::Refused(missing) = &exposure.profile else { return None };
    let missing: Vec<_> = missing.iter().map(|name| format!("CAP_{name}")).collect();
    Some(format!("{}\n      without {}", title(exposure), missing.join(" and ")))
}

/// Those that are blocked by the same thing at the same place on one line.
fn blocked(exposures: &[Exposure], sources: &Sources) -> Vec<String> {
    type Key<'a> = (&'a [Blocker], &'a str);
    let mut by: BTreeMap<Key<'_>, Vec<&str>> = BTreeMap::new();
    for exposure in exposures {
        if let Verdict::Blocked(block) = &exposure.profile {
            let names = exposure.vulnerability.names.iter().copied();
            by.entry((&block.by, block.trigger.name)).or_default().extend(names);
        }
    }
    let mut lines: Vec<_> = by.into_iter().collect();
    lines.sort_by_key(|((_, trigger), names)| (std::cmp::Reverse(names.len()), *trigger));
    let line = |((by, trigger), names): (Key<'_>, Vec<&str>)| {
        // That an ABI isn't listed is worth a word where nothing else is in the way.
        let placed = by.iter().any(|blocker| blocker.place.is_some());
        let by = by.iter().filter(|blocker| !placed || blocker.place.is_some());
        let by: Vec<_> = by.map(|blocker| blocked_by(blocker, sources)).collect();
        format!("{trigger} by {}\n      {}", by.join(", and "), names.join(", "))
    };
    lines.into_iter().map(line).collect()
}

fn blocked_by(blocker: &Blocker, sources: &Sources) -> String {
    let action = action(blocker);
    match blocker.place {
        Some(place) => format!("{} => {action}", place_in_words(place, sources)),
        None => format!("{} not being listed => {action}", blocker.abi),
    }
}

/// `web.gate:9:8: all`
fn place_in_words(place: Span, sources: &Sources) -> String {
    let (line, column) = sources.line_column(place.source, place.start);
    let snippet: Vec<_> = sources.snippet(place).split_whitespace().collect();
    format!("{}:{line}:{column}: {}", sources.get(place.source).name, snippet.join(" "))
}

/// As the language spells it, errnos by name.
pub(super) fn action(blocker: &Blocker) -> String {
    let named = match blocker.action {
        Action::Errno(number) => tables::errno_name(blocker.abi, number),
        _ => None,
    };
    named.map_or_else(|| blocker.action.to_string(), |name| format!("errno({name})"))
}

/// `socket(0x26, 0x0, 0x0) on x86_64`
pub(super) fn call(witness: &Witness) -> String {
    let Witness { abi, nr, args, .. } = witness;
    let name = tables::name(*abi, *nr).map_or_else(|| nr.to_string(), str::to_owned);
    let count = tables::prototype(*abi, &name).map_or(args.len(), <[_]>::len);
    let meaningful = args[..count].iter().rposition(|&arg| arg != 0).map_or(0, |last| last + 1);
    let args: Vec<_> = args[..meaningful].iter().map(|arg| format!("{arg:#x}")).collect();
    let args = if args.is_empty() { String::new() } else { format!("({})", args.join(", ")) };
    format!("{name}{args} on {abi}")
}
