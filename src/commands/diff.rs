//! `callgate diff`

mod entries;
mod show;

use std::fs;
use std::path::Path;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, assemble, from_bytes, looks_assembled};
use callgate_compiler::prove::{self, Budget, Filter, Relation, WordOrder};
use callgate_profiles::engine::Engine;
use callgate_profiles::import;
use serde_json::json;

use crate::cli::{Diff, HostArgs, ReadAs};
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::input::Reading;
use crate::policy::Checked;
use crate::{input, output, policy};
use show::{Comparison, MOST_ENTRIES, Named};

pub(crate) fn run(args: &Diff) -> Outcome {
    let Some(right) = &args.right else { return engines(args) };
    let raw = [is_raw(&args.left, args), is_raw(right, args)];
    // Raw instructions are for one machine, so what they are compared with is read for it.
    let default_abis = if raw.contains(&true) { vec![policy::host_abi()?] } else { Abi::ALL.to_vec() };
    let reading = policy::reading(&args.target.host, &args.target.arch)?;
    let left = Side::read(&args.left, raw[0], &default_abis, args, &reading)?;
    let right = Side::read(right, raw[1], &default_abis, args, &reading)?;
    compare(args, &left, &right)
}

/// What two engines make of one file. One that refuses what the other takes is a difference too.
fn engines(args: &Diff) -> Outcome {
    let [one, other] = *args.engines.as_slice() else {
        return Err(Failure::new("--engines takes two").help("write `--engines runc,crun`"));
    };
    let side = |engine: Engine| {
        let reading = policy::reading(&HostArgs { engine, ..args.target.host.clone() }, &args.target.arch)?;
        Side::read(&args.left, false, &[reading.host.machine], args, &reading)
    };
    let (left, right) = (side(one), side(other));
    match (left, right) {
        (Ok(left), Ok(right)) => compare(args, &left, &right),
        (Err(failure), Err(_)) => Err(failure),
        (left, _) => {
            let refusing = if left.is_err() { one } else { other };
            let shown = if args.json {
                format!("{}\n", json!({"relation": relation(args), "holds": false, "refuses": refusing.name()}))
            } else {
                format!("{refusing} refuses the file; the other takes it\n")
            };
            output::write(None, shown.as_bytes())?;
            Ok(EXIT_FOUND)
        }
    }
}

fn relation(args: &Diff) -> &'static str {
    if args.subset { "subset" } else { "equal" }
}

/// What the two sides are called.
fn names(args: &Diff) -> (String, String) {
    match (&args.right, args.engines.as_slice()) {
        (Some(right), _) => (args.left.display().to_string(), right.display().to_string()),
        (None, [one, other]) => (one.to_string(), other.to_string()),
        (None, _) => Default::default(),
    }
}

fn compare(args: &Diff, left: &Side, right: &Side) -> Outcome {
    let relation = if args.subset { Relation::Within } else { Relation::Equal };
    let found = prove::answers(relation, left.filter(args)?, right.filter(args)?, MOST_ENTRIES, Budget::default());
    let found = found
        .map_err(|reason| Failure::new(format!("undecided: {reason}")).help("compare them ABI by ABI with --arch"))?;
    let (a, b) = names(args);
    let comparison = Comparison::new(
        relation,
        Named { name: a, checked: left.checked() },
        Named { name: b, checked: right.checked() },
        &found,
    );
    let shown = if args.json { comparison.json() } else { comparison.human() };
    output::write(None, shown.as_bytes())?;
    Ok(if comparison.holds() { 0 } else { EXIT_FOUND })
}

/// Whether a file holds instructions: a filter has zero bytes in it, a listing starts with an instruction. They are compared
/// as they are.
fn is_raw(file: &Path, args: &Diff) -> bool {
    const LISTING: ReadAs = ReadAs::Foreign(import::Format::Asm);
    let is_listing = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(looks_assembled);
    match args.target.host.from {
        Some(from) => from == ReadAs::Bpf || from == LISTING && file != Path::new("-"),
        None => file != Path::new("-") && fs::read(file).is_ok_and(|bytes| bytes.contains(&0) || is_listing(&bytes)),
    }
}

/// One of the two.
enum Side {
    Policy(Checked),
    Program(Program),
}

impl Side {
    fn read(file: &Path, raw: bool, default_abis: &[Abi], args: &Diff, reading: &Reading) -> Result<Self, Failure> {
        if !raw {
            let loaded = input::load(&[file.to_path_buf()], &[], reading)?;
            return policy::check(loaded, &policy::target(&args.target, default_abis.to_vec())?).map(Self::Policy);
        }
        let name = file.display();
        let bytes = fs::read(file).map_err(|error| {
            Failure::new(format!("can't read {name}: {error}")).help("check the name and its permissions")
        })?;
        if let Some(listing) = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0')) {
            return assemble(listing).map(Self::Program).map_err(|error| Failure::from(error).in_file(file));
        }
        let program = from_bytes(&bytes, endian(args)?).map_err(|error| {
            Failure::new(format!("{name} is no filter: {error}"))
                .help("a filter is an array of struct sock_filter, as `callgate compile --to bpf` writes it")
        })?;
        Ok(Self::Program(program))
    }

    fn filter(&self, args: &Diff) -> Result<Filter<'_>, Failure> {
        Ok(match self {
            Self::Policy(checked) => Filter::Policy(&checked.policy),
            Self::Program(program) => Filter::Program(program, WordOrder::Machine(endian(args)?)),
        })
    }

    /// The policy and its texts; programs have none.
    fn checked(&self) -> Option<&Checked> {
        match self {
            Self::Policy(checked) => Some(checked),
            Self::Program(_) => None,
        }
    }
}

/// The byte order of raw filters: that of the ABIs they are read for, else this machine's.
fn endian(args: &Diff) -> Result<Endian, Failure> {
    let native = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
    Ok(policy::abis(&args.target.arch)?.first().map_or(native, |abi| abi.endian()))
}
