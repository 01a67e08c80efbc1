//! Why a call is allowed: what a recording shows of it, and what is derived from that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::did_you_mean;
use callgate_profiles::derive::{Derived, derive_from};
use callgate_profiles::recording::{First, Phase, Row, Run, Values};
use serde::Serialize;

use crate::cli::DeriveArgs;
use crate::commands::derive::options;
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::{output, recordings};

/// How many commands and tests are named.
const SHOWN: usize = 5;

/// One call of one ABI.
#[derive(Default, Serialize)]
struct Why {
    abi: &'static str,
    call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    /// How often it was recorded; 0 for what is only derived.
    calls: u64,
    /// In how many runs, of how many.
    runs: u64,
    of_runs: u64,
    /// How often in each phase.
    phases: BTreeMap<&'static str, u64>,
    /// What the selectors and flags were; null for more values than are kept.
    arguments: BTreeMap<String, Option<BTreeSet<u64>>>,
    /// Who made the first call of that run, among those that say so, whose id is the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<First>,
    #[serde(skip)]
    first_run: String,
    /// Some of the commands whose runs made it.
    commands: BTreeSet<String>,
    /// Some of the tests.
    tests: BTreeSet<String>,
    /// How often a filter that was there already refused it.
    denied: u64,
    /// The statements of the derived policy, each with its reason; none: the default decides.
    policy: Vec<Statement>,
}

#[derive(Serialize)]
struct Statement {
    statement: String,
    because: String,
}

/// Prints what there is to say of every call, or of one. Exits 1 when the one is nowhere.
pub(super) fn run(file: &PathBuf, call: Option<&str>, args: &DeriveArgs, json: bool, place: Option<&Path>) -> Outcome {
    let mut all = BTreeMap::new();
    let tally = recordings::tally_and_look(std::slice::from_ref(file), |run| observe(&mut all, run))?;
    add(&mut all, &derive_from(&tally, &options(args, true))?);
    all.values_mut().for_each(|why| why.of_runs = if why.is_seen() { tally.runs() } else { 0 });
    let wanted: Vec<&Why> = match call {
        None => all.values().collect(),
        Some(call) => all.values().filter(|why| why.call == call).collect(),
    };
    if let Some(call) = call.filter(|_| wanted.is_empty()) {
        return nowhere(call, args);
    }
    let mut text = String::new();
    for why in &wanted {
        if json {
            let _ = writeln!(text, "{}", serde_json::to_string(why)?);
        } else if call.is_some() {
            text.push_str(&at_length(why));
        } else {
            text.push_str(&in_a_line(why));
        }
    }
    output::write(place, text.as_bytes())?;
    Ok(0)
}

fn observe(all: &mut BTreeMap<(Abi, String), Why>, run: &Run) {
    let mut in_this_run = BTreeSet::new();
    let command = run.command.join(" ");
    for row in &run.rows {
        let key = key(row.abi, row.nr);
        let why = all.entry(key.clone()).or_insert_with(|| Why::of(&key, Some(row.nr)));
        why.runs += u64::from(in_this_run.insert(key));
        why.add(row, &command);
        why.witness(run, row.first.as_ref());
    }
    for denied in &run.denied {
        let key = key(denied.abi, denied.nr);
        let why = all.entry(key.clone()).or_insert_with(|| Why::of(&key, Some(denied.nr)));
        why.denied = why.denied.saturating_add(denied.calls);
        why.witness(run, denied.first.as_ref());
    }
}

fn add(all: &mut BTreeMap<(Abi, String), Why>, derived: &Derived) {
    for target in &derived.targets {
        let key = (target.abi, target.call.clone());
        let number = tables::number(target.abi, &target.call);
        let why = all.entry(key.clone()).or_insert_with(|| Why::of(&key, number));
        why.policy.push(Statement {
            statement: format!("{}: {}", target.verb, target.text),
            because: target.reason.first().cloned().unwrap_or_default(),
        });
    }
}

fn key(abi: Abi, nr: u32) -> (Abi, String) {
    (abi, tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned))
}

impl Why {
    fn of(key: &(Abi, String), number: Option<u32>) -> Self {
        Self { abi: key.0.name(), call: key.1.clone(), number, ..Self::default() }
    }

    /// Whether it was recorded, and isn't only derived.
    fn is_seen(&self) -> bool {
        self.calls > 0 || self.denied > 0
    }

    /// Of several runs the one with the least id tells, so that the order in which they are read doesn't show.
    fn witness(&mut self, run: &Run, first: Option<&First>) {
        let Some(first) = first else { return };
        if self.first.is_none() || run.id < self.first_run {
            self.first = Some(first.clone());
            self.first_run.clone_from(&run.id);
        }
    }

    fn add(&mut self, row: &Row, command: &str) {
        self.calls = self.calls.saturating_add(row.calls);
        let phase = match row.phase {
            Phase::Exec => "before the command",
            Phase::Run => "running",
            Phase::Serving => "serving",
        };
        let calls = self.phases.entry(phase).or_default();
        *calls = calls.saturating_add(row.calls);
        for (parameter, values) in &row.arguments {
            let known = self.arguments.entry(parameter.clone()).or_insert_with(|| Some(BTreeSet::new()));
            match (known.as_mut(), values) {
                (Some(known), Values::Seen(values)) => known.extend(values),
                _ => *known = None,
            }
        }
        keep_some(&mut self.commands, command);
        if let Some(test) = row.first.as_ref().and_then(|first| first.test.as_ref()) {
            keep_some(&mut self.tests, test);
        }
    }
}

/// Adds a name, and keeps those that come first.
fn keep_some(names: &mut BTreeSet<String>, name: &str) {
    if !names.contains(name) {
        names.insert(name.to_owned());
        if names.len() > SHOWN {
            names.pop_last();
        }
    }
}

/// `x86_64 openat       54 calls in 3 of 3 runs   allow: openat   observed`
fn in_a_line(why: &Why) -> String {
    let seen = match (why.calls, why.denied) {
        (0, 0) => "not recorded".to_owned(),
        (0, denied) => format!("refused {denied} times"),
        (calls, _) => format!("{calls} in {} of {} runs", why.runs, why.of_runs),
    };
    let policy: Vec<String> = why.policy.iter().map(|one| format!("{} ({})", one.statement, one.because)).collect();
    let policy = if policy.is_empty() { "left to the default".to_owned() } else { policy.join("; ") };
    format!("{} {:24} {seen:26} {policy}\n", why.abi, why.call)
}

fn at_length(why: &Why) -> String {
    let number = why.number.map(|number| format!(" (number {number})")).unwrap_or_default();
    let mut text = format!("{} on {}{number}\n", why.call, why.abi);
    let mut say = |what: &str, value: String| {
        let _ = writeln!(text, "  {what:10} {value}");
    };
    if why.calls > 0 {
        let times = if why.calls == 1 { "once".to_owned() } else { format!("{} times", why.calls) };
        say("recorded", format!("{times}, in {} of {} runs", why.runs, why.of_runs));
        let phases: Vec<String> = why.phases.iter().map(|(phase, calls)| format!("{phase} {calls}")).collect();
        say("when", phases.join(", "));
    } else {
        say("recorded", "never".to_owned());
    }
    if why.denied > 0 {
        say("refused", format!("{} times by a filter that was there already", why.denied));
    }
    for (parameter, values) in &why.arguments {
        let values = values.as_ref().map_or_else(
            || "more values than are kept".to_owned(),
            |values| values.iter().map(|value| format!("{value:#x}")).collect::<Vec<_>>().join(", "),
        );
        say("argument", format!("{parameter}: {values}"));
    }
    if let Some(first) = &why.first {
        let executable = first.executable.as_deref().unwrap_or("a program without a name");
        #[allow(clippy::cast_precision_loss)] // To a tenth of a millisecond.
        let milliseconds = first.after as f64 / 1e6;
        say(
            "first by",
            format!("{executable}, thread {} ({}), {milliseconds:.1} ms after the start", first.thread, first.task),
        );
        for frame in &first.stack {
            say("from", frame.escape_debug().to_string());
        }
    }
    for (what, names) in [("command", &why.commands), ("test", &why.tests)] {
        for name in names {
            say(what, name.escape_debug().to_string());
        }
    }
    for Statement { statement, because } in &why.policy {
        say("policy", statement.clone());
        say("because", because.clone());
    }
    if why.policy.is_empty() {
        say("policy", "nothing names it: the default decides".to_owned());
    }
    text
}

/// The call is neither in the recording nor in what is derived from it.
fn nowhere(call: &str, args: &DeriveArgs) -> Outcome {
    let known = tables::names();
    if !known.contains(&call) && call.parse::<u32>().is_err() {
        let help = match did_you_mean(call, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use the kernel's names of calls, as `strace` prints them".to_owned(),
        };
        return Err(Failure::new(format!("no call is named `{call}`")).help(help));
    }
    Err(Failure::new(format!(
        "{call} was not recorded, and nothing is derived that names it: the default ({}) decides",
        args.default
    ))
    .help(format!("if the command needs it, record what makes it call {call}, or add `allow: {call}`"))
    .status(EXIT_FOUND))
}
