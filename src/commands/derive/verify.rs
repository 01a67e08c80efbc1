//! `derive --verify`: the command again, under the policy, with every refusal seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::policy::{Decision, Policy};
use callgate_compiler::tables::{self, Role};
use callgate_profiles::derive::Derived;
use callgate_profiles::recording::{Backend, Phase, Row, Run, Scope, Since, Values};
use callgate_profiles::refused::{Refused, refused};
use callgate_profiles::tally::Tally;
use callgate_tracer::command::Prepared;
use callgate_tracer::notify::replay::{Refusal, Replay, replay};
use callgate_tracer::record::Status;

use crate::commands::spelling;
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::{input, policy};

/// Runs the command so many times under the policy. 0 when every run ended as one that was recorded and nothing was refused
/// but what is answered with ENOSYS on purpose; 1 otherwise.
pub(super) fn run(derived: &Derived, tally: &Tally, command: &[OsString], times: u32) -> Outcome {
    let host = policy::host_abi()?;
    let loaded = input::load_text("derived policy", derived.gate.clone());
    let Some(policy) = policy::of_translation(&loaded) else {
        return Err(Failure::new("internal error: what was derived is no policy").help("please report the recording"));
    };
    let program = policy::program(&asking(&policy))?.program;
    let command = Prepared::new(command)?;
    let enosys = tables::errno(host, "ENOSYS").map(Action::Errno);
    // What isn't a command of ours, or was read from another program's text, ends without a wait status.
    let has_statuses = tally.endings.keys().any(|ending| ending.starts_with("exit ") || ending.starts_with("signal "));
    let mut failed = 0;
    let mut statements = BTreeSet::new();
    for time in 1..=times {
        let decide = |data: &SyscallData| policy.decide(data).action;
        let replay = replay(&command, &program, decide)?;
        if replay.interrupted {
            return Err(Failure::new("interrupted").help("let every run end by itself"));
        }
        let (probed, wrong): (BTreeMap<_, _>, BTreeMap<_, _>) =
            replay.refusals.iter().partition(|(refusal, _)| Some(refusal.action) == enosys);
        let ended = words(replay.status);
        let as_recorded = tally.endings.contains_key(&ended) || (replay.status == Status::Exited(0) && !has_statuses);
        if as_recorded && wrong.is_empty() && replay.more == 0 {
            continue;
        }
        failed += 1;
        eprintln!("run {time} of {times}: {}", ending(&ended, as_recorded, tally));
        for line in said(&wrong, &policy, &mut statements)? {
            eprintln!("  {line}");
        }
        if replay.more > 0 {
            eprintln!("  and {} more refusals", replay.more);
        }
        if !as_recorded {
            eprint!("{}", suspects(&probed, &replay));
        }
    }
    if failed == 0 {
        let runs = if times == 1 { "the run".to_owned() } else { format!("all {times} runs") };
        eprintln!("verified: {runs} under the policy ended as recorded, and nothing was refused");
        return Ok(0);
    }
    let count = if times == 1 { "the run".to_owned() } else { format!("{failed} of {times} runs") };
    let help = if statements.is_empty() {
        "run the command without callgate to see whether it ends so anyway; else record it once more and merge"
            .to_owned()
    } else {
        let statements = statements.into_iter().collect::<Vec<_>>().join("`, `");
        format!("record these runs too (`callgate learn`), or add `{statements}`")
    };
    Err(Failure::new(format!("{count} under the policy failed")).help(help).status(EXIT_FOUND))
}

/// The policy with a question in place of every refusal of a listed ABI's calls.
fn asking(policy: &Policy) -> Policy {
    let ask = |decision: &mut Decision| {
        if !decision.action.permits() {
            decision.action = Action::Notify;
        }
    };
    let mut asking = policy.clone();
    for abi in asking.abis.values_mut() {
        for call in abi.calls.values_mut() {
            call.clauses.iter_mut().map(|clause| &mut clause.decision).for_each(ask);
            ask(&mut call.otherwise);
        }
        ask(&mut abi.rest);
    }
    asking
}

/// As a recording has it.
fn words(status: Status) -> String {
    match status {
        Status::Exited(status) => format!("exit {status}"),
        Status::Signaled(signal) => format!("signal {signal}"),
    }
}

fn ending(ended: &str, as_recorded: bool, tally: &Tally) -> String {
    if as_recorded {
        return format!("ended as recorded ({ended})");
    }
    let recorded: Vec<&str> = tally.endings.keys().map(String::as_str).collect();
    format!("ended with {ended}, and was recorded with {}", recorded.join(", "))
}

/// Refusals of one call of one program.
#[derive(Default)]
struct Together<'r> {
    times: u64,
    refusals: Vec<&'r Refusal>,
}

/// A line for each refused call and program, with the statement that would allow it.
fn said(
    refusals: &BTreeMap<&Refusal, &u64>,
    policy: &Policy,
    statements: &mut BTreeSet<String>,
) -> Result<Vec<String>, Failure> {
    let mut by_call: BTreeMap<(Option<Abi>, u32, Action, &str), Together<'_>> = BTreeMap::new();
    for (&refusal, &&times) in refusals {
        let abi = Abi::of_call(refusal.arch, refusal.nr);
        let together = by_call.entry((abi, refusal.nr, refusal.action, &refusal.executable)).or_default();
        together.times = together.times.saturating_add(times);
        together.refusals.push(refusal);
    }
    let mut lines = Vec::new();
    for ((abi, nr, action, executable), Together { times, refusals }) in by_call {
        let Some(abi) = abi else {
            lines.push(format!("number {nr} of an ABI that callgate doesn't know was refused {times} times"));
            continue;
        };
        let name = tables::name(abi, nr).map_or_else(|| format!("number {nr}"), str::to_owned);
        let needed = needed(policy, abi, nr, &refusals)?;
        let by = if executable.is_empty() { "a program" } else { executable };
        lines.push(format!(
            "{name} of {by} on {abi} was answered with {} {times} time{}: add `{}`",
            spelling::action(action, abi),
            if times == 1 { "" } else { "s" },
            needed.join("`, `")
        ));
        statements.extend(needed);
    }
    Ok(lines)
}

/// The statements that would allow the refused calls: by the values that the policy refuses where it refuses single ones.
fn needed(policy: &Policy, abi: Abi, nr: u32, refusals: &[&Refusal]) -> Result<Vec<String>, Failure> {
    let name = tables::name(abi, nr).unwrap_or_default();
    let mut arguments: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for (index, parameter) in tables::prototype(abi, name).unwrap_or_default().iter().enumerate().take(6) {
        if matches!(parameter.role, Role::Selector | Role::Flags) {
            let values = refusals.iter().map(|refusal| refusal.args[index] & parameter.width.max());
            arguments.entry(parameter.name.to_owned()).or_default().extend(values);
        }
    }
    let row = Row {
        abi,
        syscall: Some(name.to_owned()),
        nr,
        phase: Phase::Run,
        calls: 1,
        arguments: arguments.iter().map(|(name, values)| (name.clone(), Values::Seen(values.clone()))).collect(),
        first: None,
    };
    let found: BTreeSet<String> = refused(policy, &run_of(row))?.iter().map(Refused::statement).collect();
    // Refused for a combination of values, or for an argument that says nothing.
    let combination = || {
        let conditions: Vec<String> = arguments
            .iter()
            .map(|(name, values)| {
                let values: Vec<String> = values.iter().map(|value| format!("{value:#x}")).collect();
                format!("{name} in {{{}}}", values.join(", "))
            })
            .collect();
        format!("allow: {name}({})", conditions.join(", "))
    };
    Ok(if found.is_empty() { vec![combination()] } else { found.into_iter().collect() })
}

fn run_of(row: Row) -> Run {
    Run {
        id: String::new(),
        command: Vec::new(),
        scope: Scope::Command,
        since: Since::Start,
        backend: Backend::Notify,
        kernel: String::new(),
        machine: row.abi.name().to_owned(),
        calls_exact: false,
        lost: BTreeMap::new(),
        still_running: 0,
        serving_after: None,
        in_progress: false,
        ended: String::new(),
        rows: vec![row],
        denied: Vec::new(),
    }
}

/// What was answered with ENOSYS on purpose, when the command failed and nothing else explains it.
fn suspects(probed: &BTreeMap<&Refusal, &u64>, replay: &Replay) -> String {
    let names: BTreeSet<&str> =
        probed.keys().filter_map(|refusal| tables::name(Abi::of_call(refusal.arch, refusal.nr)?, refusal.nr)).collect();
    if names.is_empty() || probed.len() < replay.refusals.len() {
        return String::new();
    }
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    format!(
        "  nothing was refused but {names}, answered with ENOSYS so that libraries do without: it may be that this one can't\n"
    )
}
