//! `callgate test`

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::lower::{Expectation, expectations};
use callgate_grammar::Sources;

use super::spelling;
use crate::cli::Test;
use crate::failure::{EXIT_ERROR, EXIT_FOUND, Failure, Outcome};
use crate::{input, output, policy, report};

pub(crate) fn run(args: &Test) -> Outcome {
    let mut shown = String::new();
    let (mut passed, mut failed) = (0, 0);
    for file in &args.files {
        for result in one(file, args, &mut shown)? {
            if result { passed += 1 } else { failed += 1 }
        }
    }
    shown.push_str(&format!("{passed} passed, {failed} failed\n"));
    output::write(None, shown.as_bytes())?;
    Ok(if failed == 0 { 0 } else { EXIT_FOUND })
}

fn one(file: &Path, args: &Test, shown: &mut String) -> Result<Vec<bool>, Failure> {
    let loaded = input::load(&[file.to_path_buf()], &args.policy.statements, args.policy.target.host.from)?;
    let units = loaded.units.clone();
    let target = policy::target(&args.policy.target, Abi::ALL.to_vec())?;
    let checked = policy::check(loaded, &target)?;
    let results = expectations(&units, &checked.policy).map_err(|diagnostics| {
        report::print(&diagnostics, &checked.sources);
        Failure::said(EXIT_ERROR)
    })?;
    if results.is_empty() {
        eprintln!("note: {} has no `expect:` lines", file.display());
    }
    for result in &results {
        shown.push_str(&line(result, &checked.sources));
    }
    Ok(results.iter().map(|result| result.failure.is_none()).collect())
}

fn line(result: &Expectation, sources: &Sources) -> String {
    let (line, _) = sources.line_column(result.span.source, result.span.start);
    let name = &sources.get(result.span.source).name;
    let verdict = if result.failure.is_none() { "ok  " } else { "FAIL" };
    let expected = spelling::action(result.expected, result.abi);
    let mut shown =
        format!("{verdict} {name}:{line}: {} on {} => {expected}\n", sources.snippet(result.span), result.abi);
    if let Some((decision, data)) = &result.failure {
        shown.push_str(&format!(
            "     {} is {}\n     because of {}\n",
            spelling::call(result.abi, data.nr, &data.args),
            spelling::action(decision.action, result.abi),
            spelling::cause(&decision.cause, result.abi, sources)
        ));
    }
    shown
}
