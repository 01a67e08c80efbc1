//! `callgate compile`

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::compile::Compiled;
use callgate_compiler::policy::Policy;
use callgate_profiles::export::{ExportOptions, Format, export};

use super::{listing, stats};
use crate::cli::{Compile, ExportArgs, FilterBackend};
use crate::failure::{Failure, Outcome};
use crate::{input, objective, output, policy};

pub(crate) fn run(args: &Compile) -> Outcome {
    if args.backend != FilterBackend::Callgate && !matches!(args.output.to, Format::Bpf | Format::Asm | Format::C) {
        return Err(Failure::new(format!("--backend makes filters, and {} holds none", args.output.to))
            .help("write one with --to bpf, asm or c"));
    }
    let default_abis = default_abis(args.output.to)?;
    let loaded = input::load(
        &args.files,
        &args.policy.statements,
        &policy::reading(&args.policy.target.host, &args.policy.target.arch)?,
    )?;
    let target = policy::target(&args.policy.target, default_abis)?;
    let checked = policy::check(loaded, &target)?;
    let compiled = match args.backend {
        FilterBackend::Callgate => objective::program(&checked.policy, &args.objective, target.kernel)?,
        other => policy::program_by(other, &checked.policy)?,
    };
    match args.output.to {
        // What people read says nothing twice.
        Format::Gate => write(&policy::minimal(&checked.policy)?, &compiled, Format::Gate, &args.output.export)?,
        Format::Asm => write_listing(&checked, &compiled, &args.output.export)?,
        format => write(&checked.policy, &compiled, format, &args.output.export)?,
    }
    if let Some(format) = args.stats {
        let shown =
            stats::of(&checked.policy, &compiled.program, target.kernel.unwrap_or(target.running_kernel), format)?;
        match args.output.export.output.as_deref() {
            Some(path) if path != Path::new("-") => output::write(None, shown.as_bytes())?,
            _ => eprint!("{shown}"),
        }
    }
    Ok(0)
}

/// The listing, with the places that only the sources know. Checks and notes are the export's.
fn write_listing(checked: &policy::Checked, compiled: &Compiled, args: &ExportArgs) -> Result<(), Failure> {
    let options = ExportOptions { strict: args.strict, ..ExportOptions::default() };
    let notes = export(&checked.policy, &compiled.program, Format::Asm, &options)?.notes;
    output::write(args.output.as_deref(), listing::of(checked, &compiled.program).as_bytes())?;
    for note in &notes {
        eprintln!("note: {note}");
    }
    Ok(())
}

/// A file that travels speaks for every ABI, where it says what is for which machine. A list of rules for all of them is for
/// the ABIs of this machine: libseccomp takes no file that lists two byte orders, and the machines' numbers for errors and
/// flags differ. Raw instructions are for this machine's own ABI.
pub(crate) fn default_abis(format: Format) -> Result<Vec<Abi>, Failure> {
    match format {
        Format::Docker | Format::Podman | Format::Gate => Ok(Abi::ALL.to_vec()),
        Format::Oci | Format::Spo | Format::Lxc => {
            let host = policy::host_abi()?;
            Ok(Abi::ALL.iter().copied().filter(|abi| abi.native() == host.native()).collect())
        }
        Format::Bpf
        | Format::Asm
        | Format::C
        | Format::Rust
        | Format::Seccompiler
        | Format::Kafel
        | Format::Minijail
        | Format::Systemd
        | Format::Firejail => Ok(vec![policy::host_abi()?]),
    }
}

/// Exports and writes, and says on standard error what the format can't.
pub(crate) fn write(policy: &Policy, compiled: &Compiled, format: Format, args: &ExportArgs) -> Result<(), Failure> {
    let options = ExportOptions { allow_lossy: args.allow_lossy, strict: args.strict };
    let export = export(policy, &compiled.program, format, &options)?;
    output::write(args.output.as_deref(), &export.bytes)?;
    for note in &export.notes {
        eprintln!("note: {note}");
    }
    Ok(())
}
