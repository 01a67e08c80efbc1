//! seccompiler's JSON (rust-vmm/seccompiler, `docs/json_format.md`): one ABI, and two actions, one for calls that match a rule
//! and one for the others.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::policy::Policy;
use callgate_compiler::prove;
use callgate_compiler::tables;
use serde_json::{Value, json};

use super::rules::{MAX_ARGUMENT_RULES, expressible};
use super::{Export, ExportError, Format, proof, spelled_on};

/// What the one filter of the file is called.
const THREAD: &str = "main";

/// The ABIs that seccompiler compiles for (`src/backend/mod.rs`, `TargetArch`).
const ABIS: &[Abi] = &[Abi::X86_64, Abi::Aarch64, Abi::Riscv64];

pub(super) fn export(policy: &Policy) -> Result<Export, ExportError> {
    let refused = |problem: String| ExportError::Refused { format: Format::Seccompiler, problem };
    let (abi, of_abi) = match policy.abis.iter().next() {
        Some((&abi, of_abi)) if policy.abis.len() == 1 && ABIS.contains(&abi) => (abi, of_abi),
        _ => {
            return Err(refused(
                "a filter is for one of x86_64, aarch64 and riscv64; name it with `--arch`".to_owned(),
            ));
        }
    };
    let default = expressible(of_abi.rest.action);
    let named = || of_abi.calls.iter().filter_map(|(&nr, call)| tables::name(abi, nr).map(|name| (name, call)));
    let mut actions: BTreeSet<Action> = BTreeSet::new();
    let mut filter = Vec::new();
    for (name, call) in named() {
        let too_many = |_| ExportError::TooManyRules { call: name.to_owned() };
        let cubes =
            prove::cubes_for(call, |action| expressible(action) != default, MAX_ARGUMENT_RULES).map_err(too_many)?;
        for (cube, action) in cubes {
            actions.insert(expressible(action));
            let words = cube.mask.iter().zip(&cube.value).enumerate().filter(|(_, (mask, _))| **mask != 0);
            let arguments: Vec<Value> = words.map(|(index, (&mask, &value))| argument(index, mask, value)).collect();
            let mut rule = json!({"syscall": name});
            if !arguments.is_empty() {
                rule["args"] = arguments.into();
            }
            filter.push(rule);
        }
        if filter.len() > MAX_ARGUMENT_RULES {
            return Err(ExportError::TooManyRules { call: name.to_owned() });
        }
    }
    if actions.len() > 1 {
        let names: Vec<String> = actions.iter().map(|&action| spelled_on(abi, action)).collect();
        return Err(refused(format!("it has one action for all rules, and the policy has {}", names.join(", "))));
    }
    // The file must have two different actions; without a rule the second is never taken.
    let unused = if default == Action::Allow { Action::Trap(0) } else { Action::Allow };
    let matched = actions.first().copied().unwrap_or(unused);
    let (Some(mismatch), Some(matched)) = (spelling(default), spelling(matched)) else {
        return Err(refused("it has no words for notify".to_owned()));
    };
    let document = json!({THREAD: {"mismatch_action": mismatch, "match_action": matched, "filter": filter}});
    let mut bytes = serde_json::to_vec_pretty(&document).expect("maps with names as keys always serialise");
    bytes.push(b'\n');
    proof::prove_one_abi(policy, abi, &bytes)?;
    Ok(Export { bytes, notes: notes(policy, abi, default) })
}

/// A masked equality; of the low half alone as a `dword`.
fn argument(index: usize, mask: u64, value: u64) -> Value {
    let low = u64::from(u32::MAX);
    let (width, whole) = if mask <= low { ("dword", low) } else { ("qword", u64::MAX) };
    let op = if mask == whole { json!("eq") } else { json!({"masked_eq": mask}) };
    json!({"index": index, "type": width, "op": op, "val": value})
}

/// An action in seccompiler's words.
fn spelling(action: Action) -> Option<Value> {
    Some(match action {
        Action::KillProcess => json!("kill_process"),
        Action::KillThread => json!("kill_thread"),
        Action::Trap(_) => json!("trap"),
        Action::Errno(number) => json!({"errno": number}),
        Action::Trace(number) => json!({"trace": number}),
        Action::Log => json!("log"),
        Action::Allow => json!("allow"),
        Action::Notify => return None,
    })
}

fn notes(policy: &Policy, abi: Abi, default: Action) -> Vec<String> {
    let mut notes = Vec::new();
    if !policy.flags.is_empty() || policy.listener.is_some() {
        notes.push("the file can't hold flags or a listener".to_owned());
    }
    let others = policy.foreign.iter().filter(|(other, _)| **other != Abi::X32).map(|(_, decision)| decision.action);
    if others.chain([policy.other.action]).any(|action| action != Action::KillProcess) {
        notes.push("seccompiler's filters kill the process on other ABIs; the policy says something else".to_owned());
    }
    if abi == Abi::X86_64 && policy.foreign.get(&Abi::X32).unwrap_or(&policy.other).action != default {
        notes.push(format!("to seccompiler x32's calls are numbers without a rule: {}", spelled_on(abi, default)));
    }
    let unnamed = |(&nr, call): (&u32, &callgate_compiler::policy::CallPolicy)| {
        tables::name(abi, nr).is_none() && (!call.clauses.is_empty() || expressible(call.otherwise.action) != default)
    };
    if policy.abis[&abi].calls.iter().any(unnamed) {
        notes.push("the file can only name calls, so the policy's rules for numbers are not in it".to_owned());
    }
    notes
}
