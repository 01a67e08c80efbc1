//! What a filter refused while it was recorded, and the statement that would let it through.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_profiles::recording::{Denied, Run, Verdict};

use crate::commands::spelling;

/// What there is to say, line by line; nothing when nothing was refused.
pub(super) fn report(run: &Run) -> Vec<String> {
    // One line a call, in the order of the recording, with every verdict and phase of it.
    let mut calls: BTreeMap<_, Vec<&Denied>> = BTreeMap::new();
    for denied in &run.denied {
        calls.entry((denied.abi, denied.nr)).or_default().push(denied);
    }
    let mut lines: Vec<String> = calls.values().filter_map(|denials| line(denials)).collect();
    let names: BTreeSet<String> =
        calls.values().filter_map(|denials| denials.first()).map(|denied| name(denied)).collect();
    if !names.is_empty() {
        let names: Vec<_> = names.into_iter().collect();
        lines.push(format!("to let them through, add: `allow: {}`", names.join(", ")));
    }
    lines
}

fn line(denials: &[&Denied]) -> Option<String> {
    let first = denials.iter().filter_map(|denied| denied.first.as_ref()).min();
    let denied = denials.first()?;
    let times: u64 = denials.iter().map(|denied| denied.calls).sum();
    let verdicts: BTreeSet<_> = denials.iter().map(|denied| denied.verdict).collect();
    let verdicts: Vec<_> = verdicts.into_iter().map(|verdict| spelled(verdict, denied.abi)).collect();
    let by = first.map(|first| {
        let program = first.executable.as_deref().unwrap_or(&first.thread);
        format!(", first by {program} ({}) after {}", first.process, seconds(first.after))
    });
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    Some(format!(
        "refused: {} ({}) {times}: {}{}",
        name(denied),
        denied.abi,
        verdicts.join(", "),
        by.unwrap_or_default()
    ))
}

fn name(denied: &Denied) -> String {
    denied.syscall.clone().unwrap_or_else(|| denied.nr.to_string())
}

/// As the policy language spells the action.
fn spelled(verdict: Verdict, abi: Abi) -> String {
    match verdict {
        Verdict::Errno(errno) => spelling::action(Action::Errno(errno), abi),
        Verdict::Trap => "trap".to_owned(),
        Verdict::Kill => "kill".to_owned(),
        Verdict::Answered => "answered by another process".to_owned(),
    }
}

fn seconds(nanoseconds: u64) -> String {
    format!("{}.{:03} s", nanoseconds / 1_000_000_000, nanoseconds / 1_000_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_said_with_the_statement_to_add() {
        let text = r#"{"id": "00000000000000000000000000000001", "command": [], "backend": "ebpf", "kernel": "6.18",
            "machine": "x86_64", "calls_exact": true, "ended": "stopped", "rows": [], "denied": [
            {"abi": "x86_64", "syscall": "mkdir", "nr": 83, "phase": "run", "verdict": {"errno": 1}, "calls": 2,
             "first": {"after": 1234567890, "process": 7, "task": 7, "thread": "mkdir", "executable": "/bin/mkdir"}},
            {"abi": "x86_64", "syscall": "mkdir", "nr": 83, "phase": "serving", "verdict": "kill", "calls": 1},
            {"abi": "x86_64", "nr": 999, "phase": "run", "verdict": "trap", "calls": 1}]}"#;
        let run: Run = serde_json::from_str(text).expect("a run");
        assert_eq!(
            report(&run),
            [
                "refused: mkdir (x86_64) 3 times: errno(EPERM), kill, first by /bin/mkdir (7) after 1.234 s",
                "refused: 999 (x86_64) once: trap",
                "to let them through, add: `allow: 999, mkdir`",
            ]
        );
    }
}
