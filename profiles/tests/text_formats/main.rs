//! The text formats of other programs: what is written is read back, and the prover is the judge.
#![allow(clippy::unwrap_used)]

mod any_text;
mod firejail;
mod kafel;
mod lxc;
mod lxc_out;
mod minijail;
mod pfc;
#[path = "../support/mod.rs"]
mod support;
mod systemd;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::Program;
use callgate_compiler::call::SyscallData;
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::Policy;
use callgate_compiler::prove::{Budget, Verdict, policies_equal};
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, Severity, SourceId, Sources, parse};
use callgate_profiles::export::{self, ExportOptions, export};
use callgate_profiles::import::{self, Document, Imported, import};
use proptest::prelude::*;
use support::policies::{Drawn, decision, set, some_call, uniform};

const EXACT: ExportOptions = ExportOptions { allow_lossy: false, strict: false };

/// Reads a text; `named` are the files it may include.
fn read(from: import::Format, text: &str, named: &[(&str, &str)]) -> Imported {
    let mut sources = Sources::default();
    let source = sources.add("file", text);
    let mut includes = |name: &str, at| match named.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Ok((sources.add(name, *text), (*text).to_owned())),
        None => Err(Diagnostic::error("unreadable-use", format!("no {name}")).at(at, "").help("write it")),
    };
    import(from, &Document { text, source, selector: None }, &mut includes)
}

/// The policy that a text of the language means.
#[track_caller]
fn lowered(gate: &str, abis: &[Abi]) -> Policy {
    let mut sources = Sources::default();
    let source = sources.add("gate", gate);
    let (file, diagnostics) = parse(source, gate);
    assert!(diagnostics.is_empty(), "{gate}\n{diagnostics:#?}");
    let target = Target::new(abis.to_vec(), Version { major: 6, minor: 18 });
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.unwrap_or_else(|| panic!("{gate}\n{:#?}", lowered.diagnostics))
}

#[track_caller]
fn policy_on(abis: &[Abi], from: import::Format, text: &str, named: &[(&str, &str)]) -> Policy {
    let imported = read(from, text, named);
    let gate = imported.gate().unwrap_or_else(|| panic!("{text}\n{:#?}", imported.diagnostics));
    lowered(&gate, abis)
}

#[track_caller]
fn policy(from: import::Format, text: &str) -> Policy {
    policy_on(&[Abi::X86_64], from, text, &[])
}

fn on(policy: &Policy, abi: Abi, call: &str, args: [u64; 6]) -> Action {
    let nr = tables::number(abi, call).unwrap();
    policy.decide(&SyscallData::new(abi.token(), nr, args)).action
}

fn done(policy: &Policy, call: &str, args: &[u64]) -> Action {
    let mut words = [0; 6];
    words[..args.len()].copy_from_slice(args);
    on(policy, Abi::X86_64, call, words)
}

/// The codes of what an importer found, errors with `!`, each at a place in the text and with a next step.
#[track_caller]
fn found(from: import::Format, text: &str) -> Vec<String> {
    let imported = read(from, text, &[]);
    let errors = imported.diagnostics.iter().filter(|finding| finding.is_error()).count();
    assert_eq!(imported.file.is_none(), errors > 0, "{:#?}", imported.diagnostics);
    for finding in &imported.diagnostics {
        assert!(finding.severity < Severity::Error || finding.help.is_some(), "no next step: {finding:?}");
        for label in finding.labels.iter().filter(|label| label.span.source == SourceId(0)) {
            let (start, end) = (label.span.start as usize, label.span.end as usize);
            assert!(text.get(start..end).is_some(), "{finding:?}");
        }
    }
    let mark = |finding: &Diagnostic| format!("{}{}", finding.code, if finding.is_error() { "!" } else { "" });
    imported.diagnostics.iter().map(mark).collect()
}

/// A policy of one ABI as its calls: `rest` is what all else does.
fn some_policy_of(abi: Abi, names: &'static [&'static str]) -> impl Strategy<Value = Drawn> {
    let calls = proptest::collection::btree_map(prop::sample::select(names), some_call(true), 0..6);
    (calls, support::policies::some_action(), support::policies::some_action()).prop_map(move |(calls, all, rest)| {
        let mut policy = uniform(&[abi], all);
        for (name, call) in &calls {
            set(&mut policy, &[abi], name, call);
        }
        policy.abis.get_mut(&abi).unwrap().rest = decision(rest);
        Drawn(policy)
    })
}

#[track_caller]
fn written(policy: &Policy, to: export::Format) -> String {
    String::from_utf8(export(policy, &Program::default(), to, &EXACT).unwrap().bytes).unwrap()
}

#[track_caller]
fn proven_equal(one: &Policy, other: &Policy, text: &str) {
    assert_eq!(policies_equal(one, other, Budget::default()), Verdict::Holds, "{text}");
}

/// Policies whose calls do one thing each.
fn some_plain_policy(abi: Abi, actions: &'static [Action]) -> impl Strategy<Value = Drawn> {
    const NAMES: &[&str] = &["read", "execve", "futex", "mount", "ptrace", "prctl", "openat", "nanosleep", "brk"];
    let action = || prop::sample::select(actions);
    let calls = proptest::collection::btree_map(prop::sample::select(NAMES), action(), 0..9);
    (calls, action()).prop_map(move |(calls, all)| {
        let mut policy = uniform(&[abi], all);
        for (name, action) in calls {
            set(&mut policy, &[abi], name, &support::policies::call(&[], action));
        }
        Drawn(policy)
    })
}
