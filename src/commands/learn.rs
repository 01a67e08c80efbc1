//! `callgate learn`: a test runner that records each test, or holds it to what was learned.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_compiler::tables;
use callgate_profiles::Arguments;
use callgate_profiles::recording::{Recording, Run};
use callgate_profiles::refused::refused;
use callgate_profiles::stability::{Sight, sights};
use callgate_tracer::imitate;
use callgate_tracer::record::{RecordOptions, Status, record};

use crate::cli::Learn;
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::{input, output, policy, recordings};

pub(crate) fn run(args: &Learn) -> Outcome {
    let known = if args.locked { Some(Known::read(&args.into)?) } else { None };
    if known.is_none() {
        make_folder(&args.into)?;
    }
    let recorded = record(&args.command, &RecordOptions { backend: args.backend, ..RecordOptions::default() })?;
    let run = &recorded.run;
    match &known {
        None => {
            let place = recordings::place_in(&args.into, &run.id);
            output::write(Some(&place), Recording::of(run.clone()).to_json().as_bytes())?;
        }
        Some(known) => hold(known, run, args)?,
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
    Seen(BTreeSet<Sight>),
    /// What a policy allows.
    Allowed(policy::Checked),
}

impl Known {
    fn read(path: &PathBuf) -> Result<Self, Failure> {
        let is_recording = path.is_dir() || recordings::is_recording(&input::read(path)?);
        if is_recording {
            let recording = recordings::read(std::slice::from_ref(path))?;
            return Ok(Self::Seen(recording.runs.values().flat_map(|run| sights(run, Arguments::None)).collect()));
        }
        let reading = policy::reading(&Default::default(), &[])?;
        let loaded = input::load(std::slice::from_ref(path), &[], &reading)?;
        let target = policy::target(&Default::default(), vec![policy::host_abi()?])?;
        Ok(Self::Allowed(policy::check(loaded, &target)?))
    }
}

/// Fails when the run did what isn't known, with what to add.
fn hold(known: &Known, run: &Run, args: &Learn) -> Result<(), Failure> {
    let news: Vec<String> = match known {
        Known::Seen(seen) => sights(run, Arguments::None).difference(seen).map(new_call).collect(),
        Known::Allowed(checked) => refused(&checked.policy, run)?.iter().map(ToString::to_string).collect(),
    };
    if news.is_empty() {
        return Ok(());
    }
    let command = args.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let message = format!("`{command}` did what {} doesn't have:\n  {}", args.into.display(), news.join("\n  "));
    Err(Failure::new(message)
        .help("learn again without `--locked`, or add the statements; if nobody meant the test to do this, find out why it does")
        .status(EXIT_INCOMPLETE))
}

fn new_call(sight: &Sight) -> String {
    let (Sight::Call(abi, nr) | Sight::Value(abi, nr, ..)) = sight;
    let name = tables::name(*abi, *nr).map_or_else(|| nr.to_string(), str::to_owned);
    format!("{name} on {abi} is new: add `allow: {name}`")
}
