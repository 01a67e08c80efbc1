//! What many runs come to, as far as a policy is derived from them, in memory that is bounded by what is different in them:
//! a thousand runs of one test are as many words as one, and a few bytes for each id.
//!
//! A [`Tally`] is made run by run, so that nobody has to hold all recordings at once. Like a recording's, its merge is a union:
//! the order of runs can't show, and a run that comes twice counts once.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use sha2::{Digest, Sha256};

use crate::held::Arguments;
use crate::recording::{Phase, Recording, Row, Run, RunConflict, Values, common_values};
use crate::stability::{Sight, Unseen, every_sight};

/// What a tracer sets the number to, to skip a call (ptrace(2)).
const SKIPPED: u32 = u32::MAX;

/// What [`Tally::lost`] calls a run that was written while it was recorded.
const UNFINISHED: &str = "unfinished_recordings";

/// One number of one ABI over all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name, by the tables of today.
    pub name: Option<&'static str>,
    /// Its name, by the tables of the day of the recording; of several the least.
    pub recorded_name: Option<String>,
    /// Whether some of them were made before the command's own program.
    pub before: bool,
    /// In how many runs it was seen.
    pub runs: u64,
    /// How often it was called over all runs; stops at 2⁶⁴-1.
    pub calls: u64,
    /// By parameter name, the values of the parameters that every row of every run kept.
    pub arguments: BTreeMap<String, Values>,
}

impl Seen {
    fn of(row: &Row) -> Self {
        Self {
            name: tables::name(row.abi, row.nr),
            recorded_name: row.syscall.clone(),
            before: row.phase == Phase::Exec,
            runs: 1,
            calls: row.calls,
            arguments: row.arguments.clone(),
        }
    }

    fn add(&mut self, row: &Row, same_run: bool) {
        self.recorded_name = match (self.recorded_name.take(), row.syscall.as_ref()) {
            (Some(one), Some(other)) => Some(if *other < one { other.clone() } else { one }),
            (one, other) => one.or_else(|| other.cloned()),
        };
        self.before |= row.phase == Phase::Exec;
        self.runs += u64::from(!same_run);
        self.calls = self.calls.saturating_add(row.calls);
        common_values(&mut self.arguments, &row.arguments);
    }
}

/// What runs come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Every number of every ABI that was seen; those that a tracer skipped are left out.
    pub calls: BTreeMap<(Abi, u32), Seen>,
    /// The own ABIs of the machines of the runs, where runtimes and `callgate run` make their calls.
    pub machines: BTreeSet<Abi>,
    /// Commands, argument by argument, and in how many runs.
    pub commands: BTreeMap<Vec<String>, u64>,
    /// Backend, kernel and machine of the runs.
    pub recorded_with: BTreeSet<(String, String, String)>,
    /// What is missing, by a name that says what, added up over all runs. Empty: every run is complete.
    pub lost: BTreeMap<String, u64>,
    /// What a filter that was there already refused, by ABI and number, and how often.
    pub denied: BTreeMap<(Abi, u32), u64>,
    /// Descendants that still ran when a recording was ended.
    pub still_running: u64,
    /// How the commands ended (`exit 0`), and in how many runs.
    pub endings: BTreeMap<String, u64>,
    /// In how many runs each thing was seen.
    incidences: BTreeMap<Sight, u64>,
    /// The digest of each run's content, by its id.
    runs: BTreeMap<String, [u8; 16]>,
}

impl Tally {
    /// What the runs of a recording come to.
    #[must_use]
    pub fn of(recording: &Recording) -> Self {
        let mut tally = Self::default();
        for run in recording.runs.values() {
            tally.count(run);
            tally.runs.insert(run.id.clone(), digest(run));
        }
        tally
    }

    /// Takes a run in. One that is there already changes nothing.
    ///
    /// # Errors
    /// When another run with the same id is there.
    pub fn add(&mut self, run: &Run) -> Result<(), RunConflict> {
        match self.runs.entry(run.id.clone()) {
            Entry::Occupied(known) if *known.get() == digest(run) => return Ok(()),
            Entry::Occupied(known) => return Err(RunConflict { id: known.key().clone() }),
            Entry::Vacant(place) => place.insert(digest(run)),
        };
        self.count(run);
        Ok(())
    }

    /// How many runs.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.len() as u64
    }

    /// Whether some run showed it.
    #[must_use]
    pub fn has(&self, sight: &Sight) -> bool {
        self.incidences.contains_key(sight)
    }

    /// Whether nothing was lost in any run.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty()
    }

    /// Every ABI that a call was made through, and the machines' own.
    #[must_use]
    pub fn abis(&self) -> BTreeSet<Abi> {
        self.calls.keys().map(|&(abi, _)| abi).chain(self.machines.iter().copied()).collect()
    }

    /// How much more runs would show, values too as far as arguments are held. `None` with fewer than two runs.
    #[must_use]
    pub fn unseen(&self, arguments: Arguments) -> Option<Unseen> {
        let wanted = self.incidences.iter().filter(|(sight, _)| sight.is_of(arguments));
        Unseen::of(self.runs(), wanted.map(|(_, &runs)| runs))
    }

    /// How many entries it is made of, run ids aside: what its memory is proportional to.
    #[must_use]
    pub fn size(&self) -> usize {
        let values = |values: &Values| if let Values::Seen(values) = values { values.len() } else { 1 };
        let arguments: usize = self.calls.values().flat_map(|seen| seen.arguments.values()).map(values).sum();
        self.calls.len() + arguments + self.incidences.len() + self.commands.len()
    }

    fn count(&mut self, run: &Run) {
        self.machines.extend(machine(run));
        *self.commands.entry(run.command.clone()).or_default() += 1;
        self.recorded_with.insert((run.backend.to_string(), run.kernel.clone(), run.machine.clone()));
        for (what, &count) in run.lost.iter().filter(|&(_, &count)| count != 0) {
            let sum = self.lost.entry(what.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
        if run.in_progress {
            *self.lost.entry(UNFINISHED.to_owned()).or_default() += 1;
        }
        for denied in &run.denied {
            let calls = self.denied.entry((denied.abi, denied.nr)).or_default();
            *calls = calls.saturating_add(denied.calls);
        }
        self.still_running = self.still_running.saturating_add(run.still_running);
        *self.endings.entry(run.ended.clone()).or_default() += 1;
        let mut in_this_run: BTreeSet<(Abi, u32)> = BTreeSet::new();
        for row in run.rows.iter().filter(|row| row.nr != SKIPPED) {
            let key = (row.abi, row.nr);
            let same_run = !in_this_run.insert(key);
            match self.calls.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(Seen::of(row));
                }
                Entry::Occupied(mut seen) => seen.get_mut().add(row, same_run),
            }
        }
        for sight in every_sight(run) {
            *self.incidences.entry(sight).or_default() += 1;
        }
    }
}

/// The own ABI of the machine of a run: by its name, else by what was seen there.
fn machine(run: &Run) -> Option<Abi> {
    run.machine.parse().ok().or_else(|| run.rows.first().map(|row| row.abi.native()))
}

/// The first half of the SHA-256 of the run as it would stand in a file.
fn digest(run: &Run) -> [u8; 16] {
    let text = serde_json::to_vec(run).expect("maps have string keys and nothing here fails to serialise");
    let mut half = [0; 16];
    half.copy_from_slice(&Sha256::digest(&text)[..16]);
    half
}
