//! What a filter costs, for `compile --stats`.

use std::collections::BTreeMap;

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::Program;
use callgate_compiler::measure::{AbiMeasures, Measures, Uncached, Worst, measure};
use callgate_compiler::policy::Policy;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use serde::Serialize;

use super::spelling;
use crate::cli::Facts;
use crate::failure::Failure;

/// The figures of a proven program on a kernel, as one JSON object or as lines.
pub(super) fn of(policy: &Policy, program: &Program, kernel: Version, format: Facts) -> Result<String, Failure> {
    let measures = measure(program, policy.abis.keys().copied(), kernel)?;
    Ok(match format {
        Facts::Json => format!("{}\n", serde_json::to_string(&json(&measures, kernel))?),
        Facts::Human => human(&measures, kernel),
    })
}

#[derive(Serialize)]
struct Stats {
    instructions: usize,
    converted: usize,
    mean: f64,
    worst: usize,
    /// False: `worst` is an upper bound.
    worst_exact: bool,
    cached: usize,
    /// Of the program with the policy: none is handed out without it.
    proof: &'static str,
    kernel: String,
    abis: Vec<AbiStats>,
}

#[derive(Serialize)]
struct AbiStats {
    abi: &'static str,
    mean: f64,
    worst: usize,
    worst_exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_call: Option<String>,
    cached: usize,
    uncached: Vec<UncachedCall>,
}

#[derive(Serialize)]
struct UncachedCall {
    call: &'static str,
    number: u32,
    because: String,
}

fn json(measures: &Measures, kernel: Version) -> Stats {
    let worst = measures.worst();
    Stats {
        instructions: measures.instructions,
        converted: measures.converted,
        mean: hundredths(measures.mean()),
        worst: worst.map_or(0, |worst| worst.executed),
        worst_exact: worst.is_some_and(|worst| worst.is_exact()),
        cached: measures.cached(),
        proof: "equal",
        kernel: version(kernel),
        abis: measures.abis.iter().map(of_abi).collect(),
    }
}

fn of_abi(of: &AbiMeasures) -> AbiStats {
    let uncached = of.uncached.iter().map(|&(nr, reason)| {
        let call = tables::name(of.abi, nr).unwrap_or_default();
        UncachedCall { call, number: nr, because: because(of.abi, call, reason) }
    });
    AbiStats {
        abi: of.abi.name(),
        mean: hundredths(of.mean),
        worst: of.worst.executed,
        worst_exact: of.worst.is_exact(),
        worst_call: call(of.abi, of.worst),
        cached: of.cached.len(),
        uncached: uncached.collect(),
    }
}

fn call(abi: Abi, worst: Worst) -> Option<String> {
    worst.call.map(|call| spelling::call(abi, call.nr, &call.args))
}

/// The reason with the names of parameters and errnos.
fn because(abi: Abi, call: &str, reason: Uncached) -> String {
    match reason {
        Uncached::Argument(position) => {
            let parameters = tables::prototype(abi, call).unwrap_or_default();
            match parameters.get(usize::from(position)) {
                Some(parameter) => format!("argument {position} ({}) decides", parameter.name),
                None => reason.to_string(),
            }
        }
        Uncached::Action(action) => format!("ends in {}; only allow is cached", spelling::action(action, abi)),
        _ => reason.to_string(),
    }
}

fn human(measures: &Measures, kernel: Version) -> String {
    let mut text = format!(
        "{} instructions, {} after the kernel's conversion, proven equal to the policy\n",
        measures.instructions, measures.converted
    );
    for of in &measures.abis {
        let bound = if of.worst.is_exact() { "" } else { "at most " };
        text.push_str(&format!(
            "{}: a call executes {:.2} instructions in the mean, {bound}{} at worst{}\n",
            of.abi,
            of.mean,
            of.worst.executed,
            call(of.abi, of.worst).map(|call| format!(": {call}")).unwrap_or_default(),
        ));
        text.push_str(&format!(
            "  Linux {} lets {} of {} calls through without running it; it runs on\n",
            version(kernel),
            of.cached.len(),
            of.cached.len() + of.uncached.len(),
        ));
        let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for &(nr, reason) in &of.uncached {
            let call = tables::name(of.abi, nr).unwrap_or_default();
            by_reason.entry(because(of.abi, call, reason)).or_default().push(call);
        }
        let all_alike = of.cached.is_empty() && by_reason.len() == 1;
        for (reason, calls) in by_reason {
            let calls = if all_alike { "every call".to_owned() } else { calls.join(", ") };
            text.push_str(&format!("  - {calls}: {reason}\n"));
        }
    }
    text
}

fn version(kernel: Version) -> String {
    format!("{}.{}", kernel.major, kernel.minor)
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
