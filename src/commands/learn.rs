//! `callgate learn`: a test runner that records each test, or holds it to what was learned.

mod test;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_profiles::recording::{Recording, Run};
use callgate_profiles::refused::{Refused, refused};
use callgate_profiles::stability::{Sight, sights};
use callgate_profiles::tally::Tally;
use callgate_tracer::command::Prepared;
use callgate_tracer::imitate;
use callgate_tracer::record::{RecordOptions, Status, record};

use crate::cli::Learn;
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::{input, output, policy, recordings};

pub(crate) fn run(args: &Learn) -> Outcome {
    let name = test::name(&args.command);
    if test::only_lists(&args.command) {
        let command = Prepared::new(&args.command)?;
        return Err(Failure::from(command.failed(command.exec())));
    }
    let known = if args.locked { Some(Known::read(&args.into)?) } else { None };
    if known.is_none() {
        make_folder(&args.into)?;
    }
    let options = RecordOptions {
        backend: args.backend,
        stacks: args.stacks,
        learned: if args.only_new { recordings::calls_in(&args.into)? } else { BTreeSet::new() },
        ..RecordOptions::default()
    };
    let mut recorded = record(&args.command, &options)?;
    if let Some(name) = &name {
        test::mark(&mut recorded.run, name);
    }
    let run = &recorded.run;
    match &known {
        None => {
            let place = recordings::place_in(&args.into, &run.id);
            output::write(Some(&place), Recording::of(run.clone()).to_json().as_bytes())?;
        }
        Some(known) => hold(known, run, name.as_deref(), args)?,
    }
    if !run.is_complete() {
        let lost: Vec<String> = run.lost.iter().map(|(what, count)| format!("{count} {what}")).collect();
        return Err(Failure::new(format!("the recording is incomplete: lost {}", lost.join(", ")))
            .help("run the test again; if it happens again, run fewer at once")
            .status(EXIT_INCOMPLETE));
    }
    Ok(match recorded.status {
        Status::Exited(status) => u8::try_from(status).unwrap_or(u8::MAX),
        Status::Signaled(signal) => imitate::die_of(signal),
    })
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    if folder.is_file() {
        return Err(Failure::new(format!("{} is a file", folder.display())).help(
            "`--into` takes a folder, where each run gets a file of its own, so that tests can run in parallel",
        ));
    }
    fs::create_dir_all(folder).map_err(|error| Failure::new(format!("can't make {}: {error}", folder.display())))
}

/// What a test may do.
enum Known {
    /// What recordings show.
    Seen(Tally),
    /// What a policy allows.
    Allowed(policy::Checked),
}

impl Known {
    fn read(path: &PathBuf) -> Result<Self, Failure> {
        let is_recording = path.is_dir() || recordings::is_recording(&input::read(path)?);
        if is_recording {
            return Ok(Self::Seen(recordings::tally(std::slice::from_ref(path))?));
        }
        let reading = policy::reading(&Default::default(), &[])?;
        let loaded = input::load(std::slice::from_ref(path), &[], &reading)?;
        let target = policy::target(&Default::default(), vec![policy::host_abi()?])?;
        Ok(Self::Allowed(policy::check(loaded, &target)?))
    }
}

/// Fails when the run did what isn't known: which test, by which executable, and what to add.
fn hold(known: &Known, run: &Run, name: Option<&str>, args: &Learn) -> Result<(), Failure> {
    let news: Vec<New> = match known {
        Known::Seen(seen) => {
            sights(run, args.args).iter().filter(|sight| !seen.has(sight)).map(New::of_sight).collect()
        }
        Known::Allowed(checked) => refused(&checked.policy, run)?.iter().map(New::of_refused).collect(),
    };
    if news.is_empty() {
        return Ok(());
    }
    let command = args.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let test = name.map_or_else(|| format!("`{command}`"), |name| format!("the test {name} (`{command}`)"));
    let lines: Vec<String> = news.iter().map(|new| new.line(run)).collect();
    let message = format!("{test} did what {} doesn't have:\n  {}", args.into.display(), lines.join("\n  "));
    Err(Failure::new(message)
        .help("learn again without `--locked`, or add the statements; if nobody meant the test to do this, find out why it does")
        .status(EXIT_INCOMPLETE))
}

/// Something a run did that isn't known.
struct New {
    abi: Abi,
    nr: u32,
    what: String,
    statement: String,
}

impl New {
    fn of_sight(sight: &Sight) -> Self {
        let (Sight::Call(abi, nr) | Sight::Value(abi, nr, ..)) = sight;
        let call = tables::name(*abi, *nr).map_or_else(|| nr.to_string(), str::to_owned);
        let (what, statement) = match sight {
            Sight::Value(_, _, parameter, Some(value)) => (
                format!("{call} on {abi} with {parameter} {value:#x} is new"),
                format!("allow: {call}({parameter} == {value:#x})"),
            ),
            Sight::Value(_, _, parameter, None) => {
                (format!("{call} on {abi} with many values of {parameter} is new"), format!("allow: {call}"))
            }
            Sight::Call(..) => (format!("{call} on {abi} is new"), format!("allow: {call}")),
        };
        Self { abi: *abi, nr: *nr, what, statement }
    }

    fn of_refused(refused: &Refused) -> Self {
        let statement = refused.statement();
        let said = refused.to_string();
        let what = said.strip_suffix(&format!(": add `{statement}`")).unwrap_or(&said).to_owned();
        Self { abi: refused.abi, nr: refused.nr, what, statement }
    }

    /// With the executable that made the call first, where the recorder says.
    fn line(&self, run: &Run) -> String {
        let Self { abi, nr, what, statement } = self;
        let row = run.rows.iter().find(|row| (row.abi, row.nr) == (*abi, *nr));
        let first = row.and_then(|row| row.first.as_ref()).and_then(|first| first.executable.as_deref());
        let by = first.map(|executable| format!(", first called by {executable}")).unwrap_or_default();
        format!("{what}{by}: add `{statement}`")
    }
}
