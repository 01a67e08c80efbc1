//! `callgate derive`

use callgate_profiles::derive::{DeriveOptions, derive};
use callgate_profiles::recording::Recording;

use super::compile;
use crate::cli::{Derive, DeriveArgs, DeriveFormat, ExportArgs};
use crate::failure::{Failure, Outcome};
use crate::{input, output, policy, recordings};

pub(crate) fn run(args: &Derive) -> Outcome {
    let recording = recordings::read(&args.recordings)?;
    write(&recording, args.to, &args.derive, &args.export, args.incomplete_ok)?;
    Ok(0)
}

/// Derives the policy and writes it, or a profile compiled from its text: one path for both.
pub(crate) fn write(
    recording: &Recording,
    format: DeriveFormat,
    args: &DeriveArgs,
    export: &ExportArgs,
    incomplete_ok: bool,
) -> Result<(), Failure> {
    let options =
        DeriveOptions { runtime: args.runtime, arguments: args.arguments, incomplete_ok, ..DeriveOptions::default() };
    let derived = derive(recording, &options)?;
    for note in &derived.notes {
        eprintln!("note: {note}");
    }
    match format {
        DeriveFormat::Gate => output::write(export.output.as_deref(), derived.gate.as_bytes()),
        DeriveFormat::Profile(format) => {
            let loaded = input::load_text("derived policy", derived.gate);
            let target = policy::target(&Default::default(), compile::default_abis(format)?)?;
            let checked = policy::check(loaded, &target)?;
            let compiled = policy::program(&checked.policy)?;
            compile::write(&checked.policy, &compiled, format, export)
        }
    }
}
