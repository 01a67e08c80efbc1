//! `callgate record`

use callgate_profiles::recording::Recording;
use callgate_tracer::imitate;
use callgate_tracer::record::{RecordOptions, Status, record};

use super::derive;
use crate::cli::{DeriveFormat, ExportArgs, Record, RecordFormat};
use crate::failure::{EXIT_INCOMPLETE, Failure, Outcome};
use crate::output;

pub(crate) fn run(args: &Record) -> Outcome {
    output::can_write(&args.output)?;
    let options = RecordOptions { backend: args.backend, ..RecordOptions::default() };
    let recorded = record(&args.command, &options)?;
    for note in &recorded.notes {
        eprintln!("note: {note}");
    }
    let run = &recorded.run;
    let complete = run.lost.is_empty();
    let calls: u64 = run.rows.iter().map(|row| row.calls).sum();
    eprintln!(
        "recorded {calls} calls, {} different, with {}{}",
        run.rows.len(),
        run.backend,
        if complete { "; nothing was lost" } else { "" },
    );
    for (what, count) in &run.lost {
        eprintln!("lost: {count} {what}");
    }
    let recording = Recording::of(run.clone());
    match args.to {
        RecordFormat::Recording => output::write(Some(&args.output), recording.to_json().as_bytes())?,
        RecordFormat::Derived(format) => write_derived(&recording, format, args, complete)?,
    }
    if run.still_running > 0 {
        eprintln!("note: {} descendants were still running; their later calls aren't recorded", run.still_running);
    }
    if !complete {
        return Err(Failure::new(
            "the recording is incomplete: a policy made from it would refuse calls that the command makes",
        )
        .help("record again; if it happens again, record fewer things at once")
        .status(EXIT_INCOMPLETE));
    }
    Ok(match recorded.status {
        Status::Exited(status) => u8::try_from(status).unwrap_or(u8::MAX),
        Status::Signaled(signal) => imitate::die_of(signal),
    })
}

fn write_derived(recording: &Recording, format: DeriveFormat, args: &Record, complete: bool) -> Result<(), Failure> {
    if !complete {
        return Ok(());
    }
    let export = ExportArgs { output: Some(args.output.clone()), allow_lossy: false, strict: false };
    derive::write(recording, format, &args.derive, &export, false)
}
