//! `callgate diff`

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::prove::{self, Budget, Verdict};

use super::spelling;
use crate::cli::Diff;
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::policy::Checked;
use crate::{input, output, policy};

pub(crate) fn run(args: &Diff) -> Outcome {
    let left = read(&args.left, args)?;
    let right = read(&args.right, args)?;
    let verdict = if args.subset {
        prove::policy_within(&left.policy, &right.policy, Budget::default())
    } else {
        prove::policies_equal(&left.policy, &right.policy, Budget::default())
    };
    let (a, b) = (args.left.display(), args.right.display());
    match verdict {
        Verdict::Holds => {
            let what =
                if args.subset { format!("{a} lets nothing through that {b} doesn't") } else { "the same".to_owned() };
            output::write(None, format!("{what}\n").as_bytes())?;
            Ok(0)
        }
        Verdict::Fails(witness) => {
            let abi = Abi::of_call(witness.data.arch, witness.data.nr);
            let (call, place, words) = match abi {
                Some(abi) => {
                    (spelling::call(abi, witness.data.nr, &witness.data.args), abi.name().to_owned(), Some(abi))
                }
                None => (witness.data.nr.to_string(), format!("the ABI with token {:#x}", witness.data.arch), None),
            };
            let say = |action| words.map_or_else(|| format!("{action}"), |abi| spelling::action(action, abi));
            let because = |side: &Checked| {
                let decision = side.policy.decide(&witness.data);
                spelling::cause(&decision.cause, abi.unwrap_or(Abi::X86_64), &side.sources)
            };
            let shown = format!(
                "{call} on {place}\n  {a}: {}\n    because of {}\n  {b}: {}\n    because of {}\n",
                say(witness.left),
                because(&left),
                say(witness.right),
                because(&right),
            );
            output::write(None, shown.as_bytes())?;
            Ok(EXIT_FOUND)
        }
        Verdict::Undecided(reason) => {
            Err(Failure::new(format!("undecided: {reason}")).help("compare them ABI by ABI with --arch"))
        }
    }
}

fn read(file: &Path, args: &Diff) -> Result<Checked, Failure> {
    let loaded = input::load(&[file.to_path_buf()], &[])?;
    policy::check(loaded, &policy::target(&args.target, Abi::ALL.to_vec())?)
}
