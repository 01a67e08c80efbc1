//! What the runs say of each call, as statements.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

use super::condition::{Held, held};
use super::header::count;
use super::text::{Section, Targets, for_comment};
use super::{DeriveOptions, SiblingCalls};
use crate::held::Arguments;
use crate::recording::Values;
use crate::tally::{Seen, Tally};

/// Everything seen, and how far its arguments are held.
pub(super) struct Observed<'t> {
    tally: &'t Tally,
    arguments: Arguments,
    /// Calls seen in fewer runs than this stand apart.
    min_runs: u64,
    siblings: SiblingCalls,
}

impl<'t> Observed<'t> {
    pub(super) fn of(tally: &'t Tally, options: &DeriveOptions) -> Self {
        // What is missing from an incomplete recording may be values.
        let arguments = if tally.is_complete() { options.arguments } else { Arguments::None };
        let min_runs = options.min_runs.min(tally.runs());
        Self { tally, arguments, min_runs, siblings: options.siblings }
    }

    pub(super) fn arguments(&self) -> Arguments {
        self.arguments
    }

    pub(super) fn abis(&self) -> BTreeSet<Abi> {
        self.tally.abis()
    }

    /// The condition that a call which was seen holds the parameter to; `Some(None)`: it is left free, or the call has no such
    /// parameter, as clone3 has none of clone's. `None`: the call wasn't seen.
    pub(super) fn held_to(&self, abi: Abi, call: &str, parameter: &str) -> Option<Option<String>> {
        let seen = self.tally.calls.get(&(abi, tables::number(abi, call)?))?;
        let held = self.held(abi, call, seen).into_iter().find(|(name, _)| *name == parameter);
        Some(held.and_then(|(_, held)| if let Held::To(text) = held { Some(text) } else { None }))
    }

    /// What was called before the command's own program: the calls that start it, and what a container's runtime called
    /// under the filter.
    pub(super) fn before(&self) -> (Targets, Targets) {
        let before = self.tally.calls.iter().filter(|(_, seen)| seen.before);
        let named = before.filter_map(|(&(abi, _), seen)| Some((abi, seen.name?, seen)));
        let starts = |name: &str| matches!(name, "execve" | "execveat");
        let (start, runtime): (Vec<_>, Vec<_>) = named.partition(|(_, name, _)| starts(name));
        (
            start.into_iter().map(|(abi, name, _)| ((abi, name.to_owned()), name.to_owned())).collect(),
            runtime
                .into_iter()
                .map(|(abi, name, seen)| ((abi, name.to_owned()), self.target(abi, name, seen)))
                .collect(),
        )
    }

    /// The calls with a name, as they are allowed.
    pub(super) fn named(&self) -> Targets {
        let named = self.tally.calls.iter().filter_map(|(&(abi, _), seen)| Some((abi, seen.name?, seen)));
        named.map(|(abi, name, seen)| ((abi, name.to_owned()), self.target(abi, name, seen))).collect()
    }

    /// The calls with a name, those of them in few runs, then those without a name.
    pub(super) fn sections(&self) -> [Section; 3] {
        let mut common = Section { reason: vec!["observed".to_owned()], targets: Targets::new() };
        common.reason.extend(self.unsteady());
        let (min, all) = (self.min_runs, self.tally.runs());
        let reason = format!("observed in fewer than {min} of {all} runs: does the program need them, or did a test?");
        let mut rare = Section { reason: vec![reason], targets: Targets::new() };
        let reason = "observed: numbers that callgate's tables have no name for".to_owned();
        let mut unnamed = Section { reason: vec![reason], targets: Targets::new() };
        for (&(abi, nr), seen) in &self.tally.calls {
            match seen.name {
                Some(name) => {
                    let section = if seen.runs < self.min_runs { &mut rare } else { &mut common };
                    section.targets.insert((abi, name.to_owned()), self.target(abi, name, seen));
                }
                None => {
                    unnamed.targets.insert((abi, nr.to_string()), nr.to_string());
                    let old = seen.recorded_name.as_deref();
                    unnamed.reason.extend(old.map(|name| format!("{nr} is {}", for_comment(name))));
                }
            }
        }
        let counts = self.in_few(|seen| seen.runs < self.min_runs);
        rare.reason.extend((!counts.is_empty()).then(|| counts.join(", ")));
        [common, rare, unnamed]
    }

    /// Calls that were not in every run, for a comment.
    fn unsteady(&self) -> Option<String> {
        const SHOWN: usize = 12;
        let some = self.in_few(|seen| seen.runs < self.tally.runs() && seen.runs >= self.min_runs);
        let more = some.len().saturating_sub(SHOWN);
        let shown = some.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (!some.is_empty()).then(|| format!("in some of {} runs only: {shown}{more}", self.tally.runs()))
    }

    /// The wanted calls with their number of runs, `futex 1`.
    fn in_few(&self, wanted: impl Fn(&Seen) -> bool) -> Vec<String> {
        let calls = self.tally.calls.values().filter(|seen| wanted(seen));
        calls.filter_map(|seen| Some(format!("{} {}", seen.name?, seen.runs))).collect()
    }

    /// The call, with a condition when values are wanted and known.
    fn target(&self, abi: Abi, name: &str, seen: &Seen) -> String {
        let held = self.held(abi, name, seen);
        let conditions: Vec<String> = held
            .into_iter()
            .filter_map(|(_, held)| if let Held::To(text) = held { Some(text) } else { None })
            .collect();
        if conditions.is_empty() { name.to_owned() } else { format!("{name}({})", conditions.join(", ")) }
    }

    /// What becomes of each parameter that is to be held.
    fn held<'a>(&self, abi: Abi, name: &str, seen: &'a Seen) -> Vec<(&'a str, Held)> {
        seen.arguments
            .iter()
            .filter(|(parameter, _)| self.arguments.hold(name, parameter))
            .map(|(parameter, values)| {
                let held = match (name, parameter.as_str()) {
                    ("mprotect", "prot") if self.siblings == SiblingCalls::Libc => {
                        held(abi, name, parameter, &self.readable_and_writable(abi, values))
                    }
                    _ => held(abi, name, parameter, values),
                };
                (parameter.as_str(), held)
            })
            .collect()
    }

    /// What was seen of mprotect's `prot`, with the reading and writing that mmap was seen to ask for: arenas of malloc(3) grow
    /// by mprotect, when there are threads enough.
    fn readable_and_writable(&self, abi: Abi, values: &Values) -> Values {
        const READ_AND_WRITE: u64 = 3;
        let mapped = ["mmap", "mmap2"].iter().filter_map(|call| {
            let seen = self.tally.calls.get(&(abi, tables::number(abi, call)?))?;
            seen.arguments.get("prot")
        });
        let mut values = values.clone();
        if let Values::Seen(values) = &mut values {
            let mapped =
                mapped.filter_map(|mapped| if let Values::Seen(mapped) = mapped { Some(mapped) } else { None });
            values.extend(mapped.flatten().map(|prot| prot & READ_AND_WRITE));
        }
        values
    }

    pub(super) fn notes(&self, options: &DeriveOptions) -> Vec<String> {
        let tally = self.tally;
        let mut notes = Vec::new();
        let once: Vec<&str> = tally.calls.values().filter(|seen| seen.runs == 1).filter_map(|seen| seen.name).collect();
        if tally.runs() > 1 && !once.is_empty() {
            notes.push(format!("seen in only one of {} runs: {}", tally.runs(), once.join(", ")));
        }
        let few: BTreeSet<String> = self.in_few(|seen| seen.runs < self.min_runs).into_iter().collect();
        if self.min_runs > 2 && !few.is_empty() {
            let few = few.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!("seen in fewer than {} of {} runs: {few}", self.min_runs, tally.runs()));
        }
        notes.extend(tally.unseen(self.arguments).map(|unseen| unseen.to_string()));
        notes.extend(self.left_free());
        if tally.still_running > 0 {
            let running = tally.still_running;
            notes.push(format!(
                "{} still running when the recording ended: what {} later is not in the policy",
                if running == 1 { "1 process was".to_owned() } else { format!("{running} processes were") },
                if running == 1 { "it called" } else { "they called" }
            ));
        }
        if !tally.is_complete() {
            notes.push("the recording is incomplete: the policy may refuse what the command needs".to_owned());
            if options.arguments != Arguments::None {
                notes.push("the recording is incomplete: arguments are not held to the values seen".to_owned());
            }
        }
        if !tally.denied.is_empty() {
            let names = tally.denied.iter().map(|(&(abi, nr), calls)| {
                let name = tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned);
                format!("{name} ({calls})")
            });
            notes.push(format!(
                "a filter that was there already refused {}: they are not in the policy; add `allow:` for those that are wanted",
                names.collect::<Vec<_>>().join(", ")
            ));
        }
        // A scope other than a command has no wait status.
        let well = ["exit 0", "unknown", "scope ended", "stopped"];
        let failed: u64 = tally.endings.iter().filter(|(how, _)| !well.contains(&how.as_str())).map(|(_, n)| n).sum();
        if failed > 0 {
            notes.push(format!("{} did not end with exit 0", count(failed, "run")));
        }
        notes
    }

    /// A note for each parameter that is not held though it was asked for.
    fn left_free(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (&(abi, _), seen) in &self.tally.calls {
            let Some(name) = seen.name else { continue };
            for (parameter, held) in self.held(abi, name, seen) {
                if let Held::Free(why) = held {
                    notes.push(format!("`{parameter}` of {name} ({abi}) is left free: it was seen with {why}"));
                }
            }
        }
        notes
    }
}
