//! `callgate record`

use std::collections::BTreeSet;

use callgate_profiles::recording::{Recording, Run};
use callgate_tracer::imitate;
use callgate_tracer::record::{RecordOptions, Recorded, Status, record};

use super::derive;
use crate::cli::{ExportArgs, Record, RecordFormat};
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::output;

pub(crate) fn run(args: &Record) -> Outcome {
    output::can_write(&args.output)?;
    let options = RecordOptions { backend: args.backend, ..RecordOptions::default() };
    let recorded = record(&args.command, &options)?;
    say(&recorded);
    save(&recorded.run, args)?;
    conclude(&recorded)
}

fn say(recorded: &Recorded) {
    for note in &recorded.notes {
        eprintln!("note: {note}");
    }
    let run = &recorded.run;
    let calls: u64 = run.rows.iter().map(|row| row.calls).sum();
    let different: BTreeSet<_> = run.rows.iter().map(|row| (row.abi, row.nr)).collect();
    let whole = if run.lost.is_empty() { "; nothing was lost" } else { "" };
    eprintln!("recorded {calls} calls, {} different, with {}{whole}", different.len(), run.backend);
    for (what, count) in &run.lost {
        eprintln!("lost: {count} {what}");
    }
}

/// Writes the recording, or what is derived from it. Nothing is derived from an incomplete one.
fn save(run: &Run, args: &Record) -> Result<(), Failure> {
    let recording = Recording::of(run.clone());
    match args.to {
        RecordFormat::Recording => output::write(Some(&args.output), recording.to_json().as_bytes()),
        RecordFormat::Derived(_) if !run.lost.is_empty() => Ok(()),
        RecordFormat::Derived(format) => {
            let export = ExportArgs { output: Some(args.output.clone()), allow_lossy: false, strict: false };
            derive::write(&recording, format, &args.derive, &export, false)
        }
    }
}

/// A loss fails the command, whatever CMD's own end was; else we end as CMD ended.
fn conclude(recorded: &Recorded) -> Outcome {
    if !recorded.run.lost.is_empty() {
        let message = "the recording is incomplete: a policy made from it would refuse calls that the command makes";
        return Err(Failure::new(message)
            .help("record again; if it happens again, record fewer things at once")
            .status(EXIT_INCOMPLETE));
    }
    Ok(match recorded.status {
        Status::Exited(status) => u8::try_from(status).unwrap_or(u8::MAX),
        Status::Signaled(signal) => imitate::die_of(signal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_fails_the_command() {
        let text = r#"{"schema": 1, "complete": true, "calls_exact": true, "lost": {}, "rows": [], "runs": [{
            "id": "00000000000000000000000000000001", "command": ["true"], "backend": "ebpf", "kernel": "6.18",
            "machine": "x86_64", "calls_exact": true, "ended": "exit 0", "rows": []}]}"#;
        let recording = Recording::from_json(text).expect("a recording");
        let run = recording.runs.into_values().next().expect("a run");
        let mut recorded = Recorded { run, status: Status::Exited(4), notes: Vec::new() };
        assert_eq!(conclude(&recorded).expect("complete"), 4);
        recorded.run.lost.insert("forked_tasks".to_owned(), 1);
        assert_eq!(conclude(&recorded).expect_err("incomplete").status, EXIT_INCOMPLETE);
    }
}
