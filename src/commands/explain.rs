//! `callgate explain`: what a filter does, as a policy, wherever the filter comes from.

mod recording;
mod rules;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Program, assemble, converted_length, disassemble, looks_assembled, to_bytes};
use callgate_compiler::policy::{AbiPolicy, Policy};
use callgate_compiler::tables;
use callgate_grammar::Diagnostic;
use callgate_profiles::export::gate::gate;
use callgate_profiles::import;
use callgate_profiles::import::bpf::{RawFilter, order};
use callgate_tracer::filters::filters;
use serde::Serialize;

use super::spelling;
use crate::cli::{Explain, Explanation, ReadAs};
use crate::failure::{EXIT_FOUND, Failure, Outcome};
use crate::{input, output, policy, recordings};

pub(crate) fn run(args: &Explain) -> Outcome {
    if let Some(page) = args.file.as_deref().and_then(rules::page) {
        output::write(args.output.as_deref(), page.as_bytes())?;
        return Ok(0);
    }
    if let Some(file) = &args.file
        && recordings::is_of(file)?
    {
        return recording::run(file, args.call.as_deref(), &args.derive, args.json, args.output.as_deref());
    }
    if let Some(call) = &args.call {
        return Err(Failure::new(format!("`{call}` would be looked up in a recording, and this is none"))
            .help("ask `callgate eval FILE CALL` what a policy does to a call"));
    }
    let subjects = match (args.pid, &args.file) {
        (Some(pid), _) => of_process(pid, args.index)?,
        (None, Some(file)) => vec![of_file(file, args)?],
        (None, None) => Vec::new(),
    };
    let mut shown = Vec::new();
    let mut unexplained = 0;
    for subject in &subjects {
        unexplained += usize::from(subject.policy.is_none());
        let bytes = match args.to {
            _ if args.json => format!("{}\n", serde_json::to_string(&subject.facts())?).into_bytes(),
            Explanation::Gate => subject.text(!shown.is_empty())?.into_bytes(),
            Explanation::Asm => subject.listing().into_bytes(),
            Explanation::Bpf if subjects.len() > 1 => {
                return Err(Failure::new(format!("there are {} filters, and a file holds one", subjects.len()))
                    .help("name one with `--index`, the first one loaded being 0"));
            }
            Explanation::Bpf => to_bytes(&subject.filter.program, subject.filter.endian),
        };
        shown.extend(bytes);
    }
    output::write(args.output.as_deref(), &shown)?;
    // Bytes and listings say what the filter is without a policy.
    let needs_policy = args.json || args.to == Explanation::Gate;
    Ok(if unexplained > 0 && needs_policy { EXIT_FOUND } else { 0 })
}

/// A filter, and the policy that it is if there is one.
struct Subject {
    name: String,
    filter: RawFilter,
    policy: Option<Policy>,
    /// What no policy says of the filter, a sentence each; or why there is none.
    notes: Vec<String>,
}

fn of_process(pid: i32, index: Option<usize>) -> Result<Vec<Subject>, Failure> {
    let found = filters(pid)?;
    if found.is_empty() {
        return Err(Failure::new(format!("process {pid} has no filter")).help("look at `Seccomp:` in /proc/PID/status"));
    }
    let count = found.len();
    let wanted: Vec<(usize, Program)> =
        found.into_iter().enumerate().filter(|(at, _)| index.is_none_or(|index| index == *at)).collect();
    if wanted.is_empty() {
        let help = if count == 1 {
            "there is one filter, number 0".to_owned()
        } else {
            format!("its filters are 0 to {}", count - 1)
        };
        return Err(Failure::new(format!("process {pid} has no filter {}", index.unwrap_or_default())).help(help));
    }
    let subject = |(at, program): (usize, Program)| {
        let name = format!("filter {at} of process {pid}");
        of_program(name, RawFilter { program, endian: input::native_endian() })
    };
    Ok(wanted.into_iter().map(subject).collect())
}

/// Reads a program; that it has no policy is no failure here.
fn of_program(name: String, filter: RawFilter) -> Subject {
    let loaded = input::load_program(&name, &filter);
    let said = |finding: &Diagnostic| {
        let because = finding.notes.first().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{}{because}", finding.message)
    };
    let notes = loaded.diagnostics.iter().map(said).collect();
    let failed = loaded.diagnostics.iter().any(Diagnostic::is_error);
    let policy = if failed { None } else { policy::of_translation(&loaded) };
    Subject { name, filter, policy, notes }
}

/// A raw filter is read as it is; anything else is compiled.
fn of_file(file: &Path, args: &Explain) -> Result<Subject, Failure> {
    let from = args.target.host.from;
    let name = file.display().to_string();
    if file != Path::new("-") || from == Some(ReadAs::Bpf) {
        let bytes = input::read_bytes(file)?;
        if let Some(filter) = input::raw(file, &bytes, from)? {
            return Ok(of_program(name, filter));
        }
        let is_listing = from == Some(ReadAs::Foreign(import::Format::Asm));
        let listing = String::from_utf8(bytes).ok();
        if let Some(text) = listing.filter(|text| is_listing || from.is_none() && looks_assembled(text)) {
            let program = assemble(&text).map_err(|error| Failure::from(error).in_file(file))?;
            let endian = order(&program);
            return Ok(of_program(name, RawFilter { program, endian }));
        }
    }
    let reading = policy::reading(&args.target.host, &args.target.arch)?;
    let loaded = input::load(&[file.to_path_buf()], &[], &reading)?;
    let checked = policy::check(loaded, &policy::target(&args.target, vec![policy::host_abi()?])?)?;
    let program = policy::program(&checked.policy)?.program;
    let endian = checked.policy.abis.keys().next().map_or(input::native_endian(), |abi| abi.endian());
    Ok(Subject { name, filter: RawFilter { program, endian }, policy: Some(checked.policy), notes: Vec::new() })
}

/// One JSON object a filter.
#[derive(Serialize)]
struct Facts<'a> {
    filter: &'a str,
    instructions: usize,
    converted: usize,
    /// Whether `policy` says everything that the filter does.
    exact: bool,
    notes: &'a [String],
    abis: Vec<AbiFacts>,
    other: Option<String>,
    policy: Option<String>,
}

#[derive(Serialize)]
struct AbiFacts {
    abi: &'static str,
    /// Named calls that do one thing whatever their arguments, by action.
    calls: BTreeMap<String, usize>,
    by_arguments: Vec<String>,
    other_numbers: String,
}

impl AbiFacts {
    fn of(abi: Abi, listed: &AbiPolicy) -> Self {
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        let mut by_arguments = Vec::new();
        for (&nr, call) in &listed.calls {
            let name = tables::name(abi, nr).map_or_else(|| nr.to_string(), str::to_owned);
            if call.clauses.is_empty() {
                *calls.entry(spelling::action(call.otherwise.action, abi)).or_default() += 1;
            } else {
                by_arguments.push(name);
            }
        }
        by_arguments.sort();
        Self { abi: abi.name(), calls, by_arguments, other_numbers: spelling::action(listed.rest.action, abi) }
    }

    fn line(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        // What is let through first.
        let (through, others): (Vec<_>, Vec<_>) = self.calls.iter().partition(|(action, _)| *action == "allow");
        parts.extend(through.iter().map(|(action, count)| format!("{action} {count} calls")));
        if !self.by_arguments.is_empty() {
            parts.push(format!("{} by their arguments ({})", self.by_arguments.len(), some(&self.by_arguments)));
        }
        parts.extend(others.iter().map(|(action, count)| format!("{action} {count}")));
        format!("{}: {}; other numbers {}", self.abi, parts.join(", "), self.other_numbers)
    }
}

/// The first few names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}…") } else { shown }
}

impl Subject {
    /// Instructions as they were loaded, and as the kernel converts them.
    fn lengths(&self) -> (usize, usize) {
        (self.filter.program.instructions.len(), converted_length(&self.filter.program))
    }

    fn facts(&self) -> Facts<'_> {
        let (instructions, converted) = self.lengths();
        Facts {
            filter: &self.name,
            instructions,
            converted,
            exact: self.policy.is_some() && self.notes.is_empty(),
            notes: &self.notes,
            abis: self.abis(),
            other: self.policy.as_ref().map(|policy| Self::spelled(policy, policy.other.action)),
            policy: self.policy.as_ref().and_then(|policy| gate(policy).ok()),
        }
    }

    fn abis(&self) -> Vec<AbiFacts> {
        let listed = self.policy.iter().flat_map(|policy| &policy.abis);
        listed.map(|(&abi, listed)| AbiFacts::of(abi, listed)).collect()
    }

    fn spelled(policy: &Policy, action: Action) -> String {
        let abi = policy.abis.keys().next().copied().unwrap_or(Abi::X86_64);
        spelling::action(action, abi)
    }

    fn listing(&self) -> String {
        disassemble(&self.filter.program, self.filter.endian, &tables::name)
    }

    /// The policy under a few lines of summary; the whole is a policy. Without one, the listing.
    fn text(&self, follows_another: bool) -> Result<String, Failure> {
        let mut text = String::from(if follows_another { "\n" } else { "" });
        let (instructions, converted) = self.lengths();
        let Some(policy) = &self.policy else {
            let _ =
                writeln!(text, "; {}: {instructions} instructions, {converted} as the kernel converts them", self.name);
            self.notes.iter().for_each(|note| {
                let _ = writeln!(text, "; {note}");
            });
            text.push_str(&self.listing());
            return Ok(text);
        };
        let _ = writeln!(text, "# {}: {instructions} instructions, {converted} as the kernel converts them", self.name);
        for abi in self.abis() {
            let _ = writeln!(text, "# {}", abi.line());
        }
        for (abi, decision) in &policy.foreign {
            let _ = writeln!(text, "# {abi}: {} every call", Self::spelled(policy, decision.action));
        }
        let _ = writeln!(text, "# every other ABI: {} every call", Self::spelled(policy, policy.other.action));
        for note in &self.notes {
            let _ = writeln!(text, "# not said here: {note}");
        }
        text.push_str(&gate(policy)?);
        Ok(text)
    }
}
