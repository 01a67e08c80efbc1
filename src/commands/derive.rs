//! `callgate derive`

mod cost;
mod verify;

use callgate_profiles::derive::{DeriveOptions, Derived, derive_from};
use callgate_profiles::recording::Recording;
use callgate_profiles::tally::Tally;

use super::compile;
use crate::cli::{Derive, DeriveArgs, DeriveFormat, ExportArgs};
use crate::failure::{Failure, Outcome};
use crate::{input, output, policy, recordings};

pub(crate) fn run(args: &Derive) -> Outcome {
    let tally = recordings::tally(&args.recordings)?;
    let derived = write_what(&tally, args.to, &args.derive, &args.export, args.incomplete_ok)?;
    match args.verify {
        Some(times) => verify::run(&derived, &tally, &args.command, times),
        None => Ok(0),
    }
}

/// Derives the policy and writes it, or a profile compiled from its text: one path for both.
pub(crate) fn write(
    recording: &Recording,
    format: DeriveFormat,
    args: &DeriveArgs,
    export: &ExportArgs,
    incomplete_ok: bool,
) -> Result<(), Failure> {
    write_what(&Tally::of(recording), format, args, export, incomplete_ok).map(drop)
}

/// What `--runtime`, `--args` and the others ask for.
pub(in crate::commands) fn options(args: &DeriveArgs, incomplete_ok: bool) -> DeriveOptions {
    DeriveOptions {
        runtime: args.runtime,
        arguments: args.held(),
        siblings: args.siblings,
        min_runs: args.min_runs,
        incomplete_ok,
        default: args.default,
    }
}

fn write_what(
    tally: &Tally,
    format: DeriveFormat,
    args: &DeriveArgs,
    export: &ExportArgs,
    incomplete_ok: bool,
) -> Result<Derived, Failure> {
    let derived = derive_from(tally, &options(args, incomplete_ok))?;
    for note in &derived.notes {
        eprintln!("note: {note}");
    }
    for note in cost::notes(&derived, tally)? {
        eprintln!("note: {note}");
    }
    match format {
        DeriveFormat::Gate => output::write(export.output.as_deref(), derived.gate.as_bytes())?,
        DeriveFormat::Profile(format) => {
            let loaded = input::load_text("derived policy", derived.gate.clone());
            let target = policy::target(&Default::default(), compile::default_abis(format)?)?;
            let checked = policy::check(loaded, &target)?;
            let compiled = policy::program(&checked.policy)?;
            compile::write(&checked.policy, &compiled, format, export)?;
        }
    }
    Ok(derived)
}
