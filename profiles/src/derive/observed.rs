//! What the recording says of each call, over all runs and phases.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Width;
use callgate_compiler::tables::{self, Role};

use super::DeriveOptions;
use super::header::count;
use super::text::{Section, Targets, for_comment};
use crate::held::is_held;
use crate::recording::{Phase, Recording, Run, Values, common_values};
use crate::stability::unseen;

/// A parameter seen with more values than this is not held to them.
const MOST_VALUES: usize = 16;

/// What a tracer sets the number to, to skip a call (ptrace(2)).
const SKIPPED: u32 = u32::MAX;

/// One number of one ABI.
struct Seen {
    /// Its name, by the tables of today.
    name: Option<&'static str>,
    /// Its name, by the tables of the day of the recording.
    recorded_name: Option<String>,
    /// Made by the execve that starts the command.
    starts: bool,
    /// Runs it was seen in.
    runs: BTreeSet<String>,
    /// The values of the parameters that every row of every run kept.
    arguments: BTreeMap<String, Values>,
}

/// Everything seen.
pub(super) struct Observed {
    calls: BTreeMap<(Abi, u32), Seen>,
    machines: BTreeSet<Abi>,
    runs: usize,
    conditions: bool,
}

impl Observed {
    pub(super) fn of(recording: &Recording, arguments: bool) -> Self {
        let mut calls: BTreeMap<(Abi, u32), Seen> = BTreeMap::new();
        let mut machines = BTreeSet::new();
        for run in recording.runs.values() {
            machines.extend(machine(run));
            for row in run.rows.iter().filter(|row| row.nr != SKIPPED) {
                let starts = row.phase == Phase::Exec;
                calls
                    .entry((row.abi, row.nr))
                    .and_modify(|seen| {
                        seen.starts |= starts;
                        seen.runs.insert(run.id.clone());
                        common_values(&mut seen.arguments, &row.arguments);
                    })
                    .or_insert_with(|| Seen {
                        name: tables::name(row.abi, row.nr),
                        recorded_name: row.syscall.clone(),
                        starts,
                        runs: BTreeSet::from([run.id.clone()]),
                        arguments: row.arguments.clone(),
                    });
            }
        }
        // What is missing from an incomplete recording may be values.
        Self { calls, machines, runs: recording.runs.len(), conditions: arguments && recording.is_complete() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The own ABIs of the machines of the runs, where runtimes and `callgate run` make their calls.
    pub(super) fn machines(&self) -> BTreeSet<Abi> {
        self.machines.clone()
    }

    /// Every ABI that a call was made through, and the machines' own.
    pub(super) fn abis(&self) -> BTreeSet<Abi> {
        self.calls.keys().map(|&(abi, _)| abi).chain(self.machines.iter().copied()).collect()
    }

    /// The calls that start the command.
    pub(super) fn starting(&self) -> Targets {
        let starting = self.calls.iter().filter(|(_, seen)| seen.starts);
        starting.filter_map(|(&(abi, _), seen)| Some(((abi, seen.name?.to_owned()), seen.name?.to_owned()))).collect()
    }

    /// The calls with a name, then those without.
    pub(super) fn sections(&self) -> [Section; 2] {
        let mut named = Targets::new();
        let mut unnamed = Targets::new();
        let mut old_names = Vec::new();
        for (&(abi, nr), seen) in &self.calls {
            match seen.name {
                Some(name) => {
                    named.insert((abi, name.to_owned()), self.target(abi, name, seen));
                }
                None => {
                    unnamed.insert((abi, nr.to_string()), nr.to_string());
                    old_names
                        .extend(seen.recorded_name.as_deref().map(|name| format!("{nr} is {}", for_comment(name))));
                }
            }
        }
        let mut reason = vec!["observed".to_owned()];
        reason.extend(self.unsteady());
        let mut unnamed_reason = vec!["observed: numbers that callgate's tables have no name for".to_owned()];
        unnamed_reason.extend(old_names);
        [Section { reason, targets: named }, Section { reason: unnamed_reason, targets: unnamed }]
    }

    /// Calls that were not in every run, for a comment.
    fn unsteady(&self) -> Option<String> {
        const SHOWN: usize = 12;
        let some: Vec<String> = self
            .calls
            .iter()
            .filter(|(_, seen)| seen.runs.len() < self.runs)
            .filter_map(|(_, seen)| Some(format!("{} {}", seen.name?, seen.runs.len())))
            .collect();
        let more = some.len().saturating_sub(SHOWN);
        let shown = some.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (!some.is_empty()).then(|| format!("in some of {} runs only: {shown}{more}", self.runs))
    }

    /// The call, with a condition when values are wanted and known.
    fn target(&self, abi: Abi, name: &str, seen: &Seen) -> String {
        let conditions: Vec<String> = if self.conditions {
            let held = seen.arguments.iter().filter(|(parameter, _)| is_held(name, parameter));
            held.filter_map(|(parameter, values)| condition(abi, name, parameter, values)).collect()
        } else {
            Vec::new()
        };
        if conditions.is_empty() { name.to_owned() } else { format!("{name}({})", conditions.join(", ")) }
    }

    pub(super) fn notes(&self, recording: &Recording, options: &DeriveOptions) -> Vec<String> {
        let mut notes = Vec::new();
        let once: Vec<&str> =
            self.calls.values().filter(|seen| seen.runs.len() == 1).filter_map(|seen| seen.name).collect();
        if self.runs > 1 && !once.is_empty() {
            notes.push(format!("seen in only one of {} runs: {}", self.runs, once.join(", ")));
        }
        notes.extend(unseen(recording, self.conditions).map(|unseen| unseen.to_string()));
        let running: u64 = recording.runs.values().fold(0, |sum, run| sum.saturating_add(run.still_running));
        if running > 0 {
            notes.push(format!(
                "{} still running when the recording ended: what {} later is not in the policy",
                if running == 1 { "1 process was".to_owned() } else { format!("{running} processes were") },
                if running == 1 { "it called" } else { "they called" }
            ));
        }
        if !recording.is_complete() {
            notes.push("the recording is incomplete: the policy may refuse what the command needs".to_owned());
            if options.arguments {
                notes.push("the recording is incomplete: arguments are not held to the values seen".to_owned());
            }
        }
        let failed = recording.runs.values().filter(|run| !matches!(run.ended.as_str(), "exit 0" | "unknown")).count();
        if failed > 0 {
            notes.push(format!("{} did not end with exit 0", count(failed, "run")));
        }
        notes
    }
}

/// The own ABI of the machine of a run: by its name, else by what was seen there.
fn machine(run: &Run) -> Option<Abi> {
    run.machine.parse().ok().or_else(|| run.rows.first().map(|row| row.abi.native()))
}

/// The values seen as a condition. `None` when the parameter can't be held to them: too many, not a selector or flags (a
/// pointer says nothing), or unknown to the tables.
fn condition(abi: Abi, call: &str, parameter: &str, values: &Values) -> Option<String> {
    let Values::Seen(values) = values else { return None };
    let (_, parameter) = tables::parameter(abi, call, parameter)?;
    if values.is_empty() || values.len() > MOST_VALUES {
        return None;
    }
    let max = parameter.width.max();
    match parameter.role {
        Role::Selector => {
            let values: BTreeSet<u64> = values.iter().map(|value| value & max).collect();
            let spelled = |value: &u64| number(*value, parameter.width, parameter.signed);
            let set: Vec<String> = values.iter().map(spelled).collect();
            Some(match set.as_slice() {
                [one] => format!("{} == {one}", parameter.name),
                _ => format!("{} in {{{}}}", parameter.name, set.join(", ")),
            })
        }
        // Any of the bits seen, in any combination: programs combine flags anew, and seldom take up new ones.
        Role::Flags => {
            let seen = values.iter().fold(0, |bits, value| bits | value) & max;
            match seen {
                0 => Some(format!("{} == 0", parameter.name)),
                _ if seen == max => None,
                _ => Some(format!("{} lacks ~{seen:#x}", parameter.name)),
            }
        }
        _ => None,
    }
}

/// A value as its parameter's type would have it: negative where the type is signed.
fn number(value: u64, width: Width, signed: bool) -> String {
    let half = width.max() / 2;
    if signed && value > half {
        format!("-{}", width.max() - value + 1)
    } else if value < 0x1000 {
        value.to_string()
    } else {
        format!("{value:#x}")
    }
}
