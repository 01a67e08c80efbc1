//! `callgate diff`

use std::fmt::Write;
use std::fs;
use std::path::Path;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Program, assemble, from_bytes, looks_assembled};
use callgate_compiler::prove::{self, Budget, Difference, Filter, Relation, WordOrder};
use callgate_profiles::import;
use serde_json::{Value, json};

use super::spelling;
use crate::cli::{Diff, ReadAs};
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::policy::Checked;
use crate::{input, output, policy};

/// Ranges of calls that are shown to a person; JSON has all.
const SHOWN: usize = 20;

pub(crate) fn run(args: &Diff) -> Outcome {
    let raw = [is_raw(&args.left, args), is_raw(&args.right, args)];
    // Raw instructions are for one machine, so what they are compared with is read for it.
    let default_abis = if raw.contains(&true) { vec![policy::host_abi()?] } else { Abi::ALL.to_vec() };
    let left = Side::read(&args.left, raw[0], &default_abis, args)?;
    let right = Side::read(&args.right, raw[1], &default_abis, args)?;
    let relation = if args.subset { Relation::Within } else { Relation::Equal };
    let found = prove::differences(relation, left.filter(args)?, right.filter(args)?, usize::MAX, Budget::default());
    let mut found = found
        .map_err(|reason| Failure::new(format!("undecided: {reason}")).help("compare them ABI by ABI with --arch"))?
        .ranges;
    // What people look for first: calls of ABIs with a name.
    found.sort_by_key(|difference| abi(difference).map_or((1, difference.tokens.0), |abi| (0, abi as u32)));
    let shown = if args.json { json(args, &found, &left, &right) } else { human(args, &found, &left, &right) };
    output::write(None, shown.as_bytes())?;
    Ok(if found.is_empty() { 0 } else { EXIT_FOUND })
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
    fn read(file: &Path, raw: bool, default_abis: &[Abi], args: &Diff) -> Result<Self, Failure> {
        if !raw {
            let loaded = input::load(&[file.to_path_buf()], &[], args.target.host.from)?;
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

    /// The statement that decides a call; programs don't say.
    fn because(&self, difference: &Difference) -> Option<String> {
        let Self::Policy(checked) = self else { return None };
        let decision = checked.policy.decide(&difference.witness.data);
        Some(spelling::cause(&decision.cause, abi(difference).unwrap_or(Abi::X86_64), &checked.sources))
    }
}

/// The byte order of raw filters: that of the ABIs they are read for, else this machine's.
fn endian(args: &Diff) -> Result<Endian, Failure> {
    let native = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
    Ok(policy::abis(&args.target.arch)?.first().map_or(native, |abi| abi.endian()))
}

fn abi(difference: &Difference) -> Option<Abi> {
    Abi::of_call(difference.witness.data.arch, difference.witness.data.nr)
}

fn action(difference: &Difference, action: callgate_compiler::action::Action) -> String {
    abi(difference).map_or_else(|| action.to_string(), |abi| spelling::action(action, abi))
}

/// `socket(0x1, 0x3, 0x0)`, `x86_64`
fn call(difference: &Difference) -> (String, String) {
    let data = &difference.witness.data;
    match abi(difference) {
        Some(abi) => (spelling::call(abi, data.nr, &data.args), abi.name().to_owned()),
        None => (data.nr.to_string(), format!("the ABI with token {:#x}", data.arch)),
    }
}

/// What else of the same kind the difference stands for.
fn others(difference: &Difference) -> String {
    let mut text = String::new();
    let (first, last) = difference.numbers;
    if first < last {
        let _ = write!(text, ", and numbers up to {last:#x}");
    }
    let (first, last) = difference.tokens;
    if first < last {
        let _ = write!(text, ", and tokens up to {last:#x}");
    }
    text
}

fn human(args: &Diff, found: &[Difference], left: &Side, right: &Side) -> String {
    let (a, b) = (args.left.display(), args.right.display());
    let mut text = String::new();
    if found.is_empty() {
        return if args.subset {
            format!("{a} lets nothing through that {b} doesn't\n")
        } else {
            "the same\n".to_owned()
        };
    }
    for difference in found.iter().take(SHOWN) {
        let (call, place) = call(difference);
        let _ = writeln!(text, "{call} on {place}{}", others(difference));
        for (name, side, done) in [(&a, left, difference.witness.left), (&b, right, difference.witness.right)] {
            let _ = writeln!(text, "  {name}: {}", action(difference, done));
            if let Some(because) = side.because(difference) {
                let _ = writeln!(text, "    because of {because}");
            }
        }
    }
    let what = if args.subset { "pass through the first alone" } else { "differ" };
    let _ = match found.len() {
        1 => writeln!(text, "1 range of calls {}", what.replace("pass", "passes").replace("differ", "differs")),
        count if count > SHOWN => {
            writeln!(text, "{count} ranges of calls {what}; {SHOWN} are shown, --json has all")
        }
        count => writeln!(text, "{count} ranges of calls {what}"),
    };
    text
}

fn json(args: &Diff, found: &[Difference], left: &Side, right: &Side) -> String {
    let differences: Vec<Value> = found
        .iter()
        .map(|difference| {
            let (call, place) = call(difference);
            json!({
                "arch": place,
                "call": call,
                "tokens": [difference.tokens.0, difference.tokens.1],
                "numbers": [difference.numbers.0, difference.numbers.1],
                "args": difference.witness.data.args,
                "left": {"action": action(difference, difference.witness.left), "because": left.because(difference)},
                "right": {"action": action(difference, difference.witness.right), "because": right.because(difference)},
            })
        })
        .collect();
    let relation = if args.subset { "subset" } else { "equal" };
    format!("{}\n", json!({"relation": relation, "holds": found.is_empty(), "differences": differences}))
}
