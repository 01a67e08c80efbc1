//! `callgate record`

mod repeat;

use std::collections::BTreeSet;

use callgate_profiles::recording::Recording;
use callgate_tracer::imitate;
use callgate_tracer::record::{RecordOptions, Recorded, Status, record};

use super::derive;
use crate::cli::{ExportArgs, Record, RecordFormat};
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::output;
use repeat::Progress;

pub(crate) fn run(args: &Record) -> Outcome {
    output::can_write(&args.output)?;
    let options = RecordOptions { backend: args.backend, ..RecordOptions::default() };
    let mut progress = Progress::new(args.repeat, args.until_stable, args.derive.held());
    let mut recording = Recording::default();
    let mut ending = Status::Exited(0);
    let mut said: BTreeSet<String> = BTreeSet::new();
    loop {
        let recorded = record(&args.command, &options)?;
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
            return conclude(&recording, &progress, ending);
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
    eprintln!("{prefix}recorded {calls} calls, {} different, with {}{whole}", different.len(), run.backend);
    for (what, count) in &run.lost {
        eprintln!("lost: {count} {what}");
    }
}

/// Writes the recording, or what is derived from it. Nothing is derived from an incomplete one, nor before the last run.
fn save(recording: &Recording, args: &Record, last: bool) -> Result<(), Failure> {
    match args.to {
        RecordFormat::Recording => output::write(Some(&args.output), recording.to_json().as_bytes()),
        RecordFormat::Derived(_) if !last || !recording.is_complete() => Ok(()),
        RecordFormat::Derived(format) => {
            let export = ExportArgs { output: Some(args.output.clone()), allow_lossy: false, strict: false };
            derive::write(recording, format, &args.derive, &export, false)
        }
    }
}

/// A loss fails the command, whatever CMD's own end was; else we end as CMD ended.
fn conclude(recording: &Recording, progress: &Progress, ending: Status) -> Outcome {
    if !recording.is_complete() {
        let message = "the recording is incomplete: a policy made from it would refuse calls that the command makes";
        return Err(Failure::new(message)
            .help("record again; if it happens again, record fewer things at once")
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
        assert_eq!(conclude(&recording, &once, Status::Exited(4)).expect("complete"), 4);
        let run = recording.runs.values_mut().next().expect("a run");
        run.lost.insert("forked_tasks".to_owned(), 1);
        assert_eq!(conclude(&recording, &once, Status::Exited(4)).expect_err("incomplete").status, EXIT_INCOMPLETE);
    }
}
