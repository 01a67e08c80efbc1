//! `callgate merge`

use std::fmt::Write;
use std::fs;
use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::call::SyscallData;
use callgate_compiler::combine::{Combined, Rule, combine, minimise};
use callgate_compiler::decompile::decompile;
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Filter, Verdict, Witness, WordOrder};
use callgate_grammar::Sources;
use callgate_profiles::import::bpf::RawFilter;
use serde_json::{Value, json};

use super::{compile, spelling};
use crate::cli::{Merge, ReadAs};
use crate::failure::{Failure, Outcome};
use crate::{input, objective, output, policy};

pub(crate) fn run(args: &Merge) -> Outcome {
    let rule = match (args.stack, args.intersect) {
        (true, _) => Rule::Stack,
        (_, true) => Rule::Intersect,
        _ => Rule::Union,
    };
    let raw = args.files.iter().map(|file| filter(file, args.target.host.from)).collect::<Result<Vec<_>, _>>()?;
    // Raw instructions are for one machine, so what they are merged with is read for it.
    let default_abis = match raw.iter().flatten().next() {
        Some(_) => vec![policy::host_abi()?],
        None => compile::default_abis(args.output.to)?,
    };
    let reading = policy::reading(&args.target.host, &args.target.arch)?;
    // One store of texts, so that every statement keeps its place.
    let mut sources = Sources::default();
    let mut inputs = Vec::with_capacity(args.files.len());
    for (file, filter) in args.files.iter().zip(&raw) {
        if let Some(RawFilter { program, endian }) = filter {
            let read = decompile(program, *endian).map_err(|error| Failure::from(error).in_file(file))?;
            inputs.push(read);
            continue;
        }
        let loaded = input::load_beside(sources, std::slice::from_ref(file), &[], &reading)?;
        let checked = policy::check(loaded, &policy::target(&args.target, default_abis.clone())?)?;
        sources = checked.sources;
        inputs.push(checked.policy);
    }
    let combined = combine(rule, &inputs)?;
    let merged = minimise(&combined.policy)?;
    prove(rule, &inputs, &raw, &merged)?;
    let kernel = policy::target(&args.target, Vec::new())?.kernel;
    let compiled = objective::program(&merged, &args.objective, kernel)?;
    compile::write(&merged, &compiled, args.output.to, &args.output.export)?;
    if args.json {
        output::write(None, json(args, rule, &inputs, &combined).as_bytes())?;
    } else if inputs.len() > 1 {
        eprint!("{}", human(args, &combined));
    }
    Ok(0)
}

/// The filter in a file of raw instructions; `None` for a policy.
fn filter(file: &Path, from: Option<ReadAs>) -> Result<Option<RawFilter>, Failure> {
    // Where it can't be read, reading it as a policy says so.
    let Some(bytes) = Some(file).filter(|file| *file != Path::new("-")).and_then(|file| fs::read(file).ok()) else {
        return Ok(None);
    };
    match input::raw(file, &bytes, from)? {
        // A text has no zero bytes, so this is a filter that isn't one: that is an error, which says why.
        None if from.is_none() && bytes.contains(&0) => input::raw(file, &bytes, Some(ReadAs::Bpf)),
        found => Ok(found),
    }
}

/// Nothing is handed out that isn't what the inputs come to, on every call; of raw filters, what the instructions do.
fn prove(rule: Rule, inputs: &[Policy], raw: &[Option<RawFilter>], merged: &Policy) -> Result<(), Failure> {
    let mut filters = Vec::with_capacity(inputs.len());
    for (policy, filter) in inputs.iter().zip(raw) {
        filters.push(match filter {
            Some(filter) => Filter::Program(&filter.program, WordOrder::of(policy)),
            None => Filter::Policy(policy),
        });
    }
    match rule.proof(&filters, Filter::Policy(merged), Budget::default()) {
        Verdict::Holds => Ok(()),
        Verdict::Fails(Witness { data, left, right }) => Err(Failure::new(format!(
            "internal error: the merged policy does {right} and not {left} on {data:?}; nothing was written"
        ))
        .help("please report these policies")),
        Verdict::Undecided(reason) => Err(Failure::new(format!("the merged policy could not be proven: {reason}"))
            .help("merge fewer policies at once, or for fewer ABIs with --arch")),
    }
}

/// On how many of the calls on which they don't agree each input's answer counts, for some arguments at least.
fn decided(inputs: usize, combined: &Combined) -> Vec<usize> {
    let disputed = combined.disputed.keys().filter_map(|number| combined.decided_by.get(number));
    let mut counts = vec![0; inputs];
    disputed.flatten().for_each(|&input| counts[input] += 1);
    counts
}

fn human(args: &Merge, combined: &Combined) -> String {
    let (all, disputed) = (combined.decided_by.len(), combined.disputed.len());
    let mut text = format!("note: they agree on {} of {all} calls\n", all - disputed);
    if disputed > 0 {
        for (file, count) in args.files.iter().zip(decided(args.files.len(), combined)) {
            let _ = writeln!(text, "note: {} decides {count} of the other {disputed}", file.display());
        }
    }
    text
}

fn json(args: &Merge, rule: Rule, inputs: &[Policy], combined: &Combined) -> String {
    let counted = args.files.iter().zip(decided(args.files.len(), combined));
    let files: Vec<Value> =
        counted.map(|(file, count)| json!({"file": file.display().to_string(), "decides": count})).collect();
    let disputed: Vec<Value> = combined
        .disputed
        .iter()
        .map(|(&(abi, nr), arguments)| {
            let data = SyscallData::new(abi.token(), nr, *arguments);
            let action = |policy: &Policy| spelling::action(policy.decide(&data).action, abi);
            json!({
                "arch": Abi::name(abi),
                "call": spelling::call(abi, nr, arguments),
                "number": nr,
                "args": arguments,
                "actions": inputs.iter().map(action).collect::<Vec<_>>(),
                "merged": action(&combined.policy),
            })
        })
        .collect();
    let summary = json!({
        "rule": rule.name(),
        "inputs": files,
        "calls": combined.decided_by.len(),
        "disputed": disputed,
    });
    format!("{summary}\n")
}
