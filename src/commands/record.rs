//! `callgate record`

mod checkpoint;
mod denied;
mod engine;
mod repeat;
mod subject;

use std::collections::BTreeSet;
use std::path::Path;

use callgate_profiles::recording::Recording;
use callgate_tracer::record::{Recorded, Status, record_running, record_watched};
use callgate_tracer::{host, imitate};

use super::derive;
use crate::cli::{ExportArgs, Record, RecordFormat};
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::output;
use checkpoint::Checkpoints;
use repeat::Progress;
use subject::Subject;

pub(crate) fn run(args: &Record) -> Outcome {
    output::can_write(&args.output)?;
    if args.scope.from_hook.is_some() {
        host::leave_session();
    }
    let subject = Subject::of(args)?;
    let options = subject.options(args)?;
    let mut progress = Progress::new(args.repeat, args.until_stable, args.derive.held());
    let mut recording = Recording::default();
    let mut ending = Status::Exited(0);
    let mut said: BTreeSet<String> = BTreeSet::new();
    loop {
        let into = Some(args.output.as_path())
            .filter(|path| matches!(args.to, RecordFormat::Recording) && *path != Path::new("-"));
        let mut checkpoints = Checkpoints::new(&recording, into, args.scope.from_hook.is_some());
        let recorded = match &subject {
            Subject::Command(engine) => record_watched(engine.command(), &options, &mut checkpoints)?,
            Subject::Running(target) => record_running(target, &options, &mut checkpoints)?,
        };
        let news = progress.add(&recorded.run);
        say(&recorded, &progress, news, &mut said);
        recording = recording.merge(Recording::of(recorded.run))?;
        if ending == Status::Exited(0) {
            ending = recorded.status;
        }
        // A recording in a file is there after every run, whatever comes then; a pipe gets it once.
        let last = progress.is_done() || !recording.is_complete() || recorded.interrupted;
        if last || args.output.as_os_str() != "-" {
            save(&recording, args, last)?;
        }
        if last {
            if let Some(outlook) = progress.outlook(&recording) {
                eprintln!("note: {outlook}");
            }
            return conclude(&recording, &progress, ending, args.scope.allow_incomplete);
        }
    }
}

fn say(recorded: &Recorded, progress: &Progress, news: usize, said: &mut BTreeSet<String>) {
    for note in &recorded.notes {
        if said.insert(note.clone()) {
            eprintln!("note: {note}");
        }
    }
    let run = &recorded.run;
    let calls: u64 = run.rows.iter().map(|row| row.calls).sum();
    let different: BTreeSet<_> = run.rows.iter().map(|row| (row.abi, row.nr)).collect();
    let whole = if run.lost.is_empty() { "; nothing was lost" } else { "" };
    let prefix = progress.prefix(news);
    let of = if run.scope.is_command() { String::new() } else { format!(" of {}", run.scope) };
    eprintln!("{prefix}recorded {calls} calls{of}, {} different, with {}{whole}", different.len(), run.backend);
    for (what, count) in &run.lost {
        eprintln!("lost: {count} {what}");
    }
    for line in denied::report(run) {
        eprintln!("{line}");
    }
    if let Some(nothing) = Subject::nothing_counted(run.since).filter(|_| run.rows.is_empty() && run.denied.is_empty())
    {
        eprintln!("note: {nothing}");
    }
}

/// Writes the recording, or what is derived from it. Nothing is derived from an incomplete one, nor before the last run.
fn save(recording: &Recording, args: &Record, last: bool) -> Result<(), Failure> {
    match args.to {
        RecordFormat::Recording => output::write(Some(&args.output), recording.to_json().as_bytes()),
        RecordFormat::Derived(_) if !last => Ok(()),
        RecordFormat::Derived(_) if !recording.is_complete() && !args.scope.allow_incomplete => Ok(()),
        RecordFormat::Derived(format) => {
            let export = ExportArgs { output: Some(args.output.clone()), allow_lossy: false, strict: false };
            derive::write(recording, format, &args.derive, &export, args.scope.allow_incomplete)
        }
    }
}

/// A loss fails the command, whatever CMD's own end was, unless it was said to be all right; else we end as CMD ended.
fn conclude(recording: &Recording, progress: &Progress, ending: Status, incomplete_ok: bool) -> Outcome {
    if !recording.is_complete() && !incomplete_ok {
        let message = "the recording is incomplete: a policy made from it would refuse calls that the command makes";
        return Err(Failure::new(message)
            .help("record again; if it happens again, record fewer things at once; `--allow-incomplete` takes it as it is")
            .status(EXIT_INCOMPLETE));
    }
    if let Some((message, help)) = progress.unstable() {
        return Err(Failure::new(message).help(help).status(EXIT_INCOMPLETE));
    }
    Ok(match ending {
        Status::Exited(status) => u8::try_from(status).unwrap_or(u8::MAX),
        Status::Signaled(signal) => imitate::die_of(signal),
    })
}

#[cfg(test)]
mod tests {
    use callgate_profiles::Arguments;

    use super::*;

    #[test]
    fn a_loss_fails_the_command() {
        let text = r#"{"schema": 1, "complete": true, "calls_exact": true, "lost": {}, "rows": [], "runs": [{
            "id": "00000000000000000000000000000001", "command": ["true"], "backend": "ebpf", "kernel": "6.18",
            "machine": "x86_64", "calls_exact": true, "ended": "exit 0", "rows": []}]}"#;
        let mut recording = Recording::from_json(text).expect("a recording");
        let once = Progress::new(None, None, Arguments::None);
        assert_eq!(conclude(&recording, &once, Status::Exited(4), false).expect("complete"), 4);
        let run = recording.runs.values_mut().next().expect("a run");
        run.lost.insert("forked_tasks".to_owned(), 1);
        let failed = conclude(&recording, &once, Status::Exited(4), false).expect_err("incomplete");
        assert_eq!(failed.status, EXIT_INCOMPLETE);
        assert_eq!(conclude(&recording, &once, Status::Exited(4), true).expect("taken as it is"), 4);
    }
}
