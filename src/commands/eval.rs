//! `callgate eval`

use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{PatternError, call_pattern};
use callgate_compiler::outcome::outcomes;
use callgate_compiler::policy::{Cause, Policy};
use callgate_grammar::{Diagnostic, Sources, parse_call, tree};
use serde_json::{Map, Value, json};

use super::spelling;
use crate::cli::{Eval, HostArgs};
use crate::failure::{EXIT_ERROR, EXIT_FOUND, Failure, Outcome};
use crate::policy::Checked;
use crate::vectors::{Vector, Verdict};
use crate::{input, output, policy, report, vectors};

pub(crate) fn run(args: &Eval) -> Outcome {
    if let Some(table) = &args.vectors {
        return vectors(table, args);
    }
    let abis = if args.arch.is_empty() { vec![policy::host_abi()?] } else { policy::abis(&args.arch)? };
    let loaded = input::load(args.file.as_slice(), &args.statements, &policy::reading(&args.host, &args.arch)?)?;
    let target = policy::host_target(&args.host, Abi::ALL.to_vec())?;
    let Checked { mut sources, policy } = policy::check(loaded, &target)?;
    let mut shown = String::new();
    for text in &args.calls {
        let call = parse(text, &mut sources)?;
        for &abi in &abis {
            let answer = answer(&policy, &call, abi, &sources)?;
            shown.push_str(&if args.json { json_line(text, abi, &answer) } else { human(text, abi, &answer) });
        }
    }
    output::write(None, shown.as_bytes())?;
    Ok(0)
}

/// Checks a table, a line for each vector.
fn vectors(path: &Path, args: &Eval) -> Outcome {
    let name = path.display().to_string();
    let table = vectors::read(&input::read(path)?)
        .map_err(|error| Failure::new(format!("{name}:{}: {}", error.line, error.message)).help(error.next))?;
    let loaded = match &args.file {
        Some(file) => input::load(std::slice::from_ref(file), &args.statements, &policy::reading(&args.host, &[])?)?,
        None if table.layers.is_empty() => {
            return Err(Failure::new(format!("{name} has no policy of its own"))
                .help(format!("name one: `callgate eval FILE --vectors {name}`")));
        }
        None => input::load_layers(&format!("the policy in {name}"), table.layers, &args.statements),
    };
    let host = HostArgs {
        cap: args.host.cap.clone().or(table.cap),
        kernel: args.host.kernel.clone().or(table.kernel),
        ..args.host.clone()
    };
    let Checked { sources, policy } = policy::check(loaded, &policy::host_target(&host, Abi::ALL.to_vec())?)?;
    let mut shown = String::new();
    let mut failed = 0;
    for vector in &table.vectors {
        let failure = failure(&policy, vector, &sources);
        failed += usize::from(failure.is_some());
        let verdict = if failure.is_none() { "ok  " } else { "FAIL" };
        let Vector { line, text, expected, .. } = vector;
        let expected = spelling::action(*expected, vector.abi.unwrap_or(Abi::X86_64));
        shown.push_str(&format!("{verdict} {name}:{line}: {text} on {} => {expected}\n", place(vector)));
        shown.push_str(&failure.unwrap_or_default());
    }
    shown.push_str(&format!("{} passed, {failed} failed\n", table.vectors.len() - failed));
    output::write(None, shown.as_bytes())?;
    Ok(if failed == 0 { 0 } else { EXIT_FOUND })
}

fn place(vector: &Vector) -> String {
    vector.abi.map_or_else(|| format!("the ABI with token {:#x}", vector.token), |abi| abi.to_string())
}

/// What a vector that fails meets instead, in indented lines.
fn failure(policy: &Policy, vector: &Vector, sources: &Sources) -> Option<String> {
    match vectors::judge(policy, vector) {
        Verdict::Holds => None,
        Verdict::NoSuchCall => Some("     no call is like this: its conditions exclude each other\n".to_owned()),
        Verdict::Undecided => {
            Some("     undecided: the conditions are too entangled for the prover's budget\n".to_owned())
        }
        Verdict::Differs(decision, data) => {
            let abi = vector.abi.unwrap_or(Abi::X86_64);
            let call = vector.abi.map_or_else(|| data.nr.to_string(), |abi| spelling::call(abi, data.nr, &data.args));
            let because = match (&decision.cause, vector.abi) {
                (Cause::UnlistedAbi, None) => "the policy doesn't list this ABI".to_owned(),
                (cause, _) => spelling::cause(cause, abi, sources),
            };
            Some(format!("     {call} is {}\n     because of {because}\n", spelling::action(decision.action, abi)))
        }
    }
}

fn parse(text: &str, sources: &mut Sources) -> Result<tree::Call, Failure> {
    let id = sources.add("CALL", text);
    parse_call(id, text).map_err(|diagnostics| said(&diagnostics, sources))
}

fn said(diagnostics: &[Diagnostic], sources: &Sources) -> Failure {
    report::print(diagnostics, sources);
    Failure::said(EXIT_ERROR)
}

/// One thing that can happen, and why.
struct Answer {
    action: Action,
    because: String,
    /// The arguments that lead there, when others lead elsewhere.
    example: Option<String>,
}

fn answer(policy: &Policy, call: &tree::Call, abi: Abi, sources: &Sources) -> Result<Vec<Answer>, Failure> {
    let pattern = call_pattern(call, abi).map_err(|error| match error {
        PatternError::Wrong(diagnostics) => said(&diagnostics, sources),
        PatternError::Absent => Failure::new(format!("{abi} doesn't have {}", sources.snippet(call.span)))
            .help("name another ABI with --arch"),
    })?;
    let because = |cause: &Cause| spelling::cause(cause, abi, sources);
    let Some(numbered) = policy.abis.get(&abi).and_then(|listed| listed.calls.get(&pattern.nr)) else {
        let decision = policy.decide(&SyscallData::new(abi.token(), pattern.nr, [0; 6]));
        return Ok(vec![Answer { action: decision.action, because: because(&decision.cause), example: None }]);
    };
    let reached = outcomes(numbered, &pattern.condition)?;
    if reached.is_empty() {
        return Err(Failure::new(format!("no call is like {}", sources.snippet(call.span)))
            .help("its conditions exclude each other"));
    }
    let several = reached.iter().any(|one| one.decision.action != reached[0].decision.action);
    let shown = if several { &reached[..] } else { &reached[..1] };
    Ok(shown
        .iter()
        .map(|one| Answer {
            action: one.decision.action,
            because: because(&one.decision.cause),
            example: several.then(|| spelling::call(abi, pattern.nr, &one.example)),
        })
        .collect())
}

fn human(call: &str, abi: Abi, answers: &[Answer]) -> String {
    if let [only] = answers {
        return format!("{call} on {abi}: {}\n  because of {}\n", spelling::action(only.action, abi), only.because);
    }
    let mut shown = format!("{call} on {abi}: depends on its arguments\n");
    for answer in answers {
        let example = answer.example.as_deref().unwrap_or_default();
        shown.push_str(&format!(
            "  {}, for instance {example}\n    because of {}\n",
            spelling::action(answer.action, abi),
            answer.because
        ));
    }
    shown
}

fn json_line(call: &str, abi: Abi, answers: &[Answer]) -> String {
    let facts = |answer: &Answer| {
        let mut object = Map::new();
        object.insert("action".into(), json!(spelling::action(answer.action, abi)));
        if let Action::Errno(number) = answer.action {
            object.insert("errno".into(), json!(number));
        }
        object.insert("because".into(), json!(answer.because));
        if let Some(example) = &answer.example {
            object.insert("example".into(), json!(example));
        }
        object
    };
    let mut object = Map::new();
    object.insert("call".into(), json!(call));
    object.insert("arch".into(), json!(abi.name()));
    if let [only] = answers {
        object.extend(facts(only));
    } else {
        object.insert("action".into(), json!("depends"));
        object.insert("outcomes".into(), answers.iter().map(facts).map(Value::Object).collect());
    }
    format!("{}\n", Value::Object(object))
}
