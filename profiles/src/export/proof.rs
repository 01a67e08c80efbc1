//! Every JSON profile is read back as engines read it, and proven to do with every named call what the policy does.

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::lower::{Groups, Target, Unit, lower};
use callgate_compiler::policy::{CallPolicy, Cause, Clause, Decision, Policy};
use callgate_compiler::prove::{self, Budget, Overlap};
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use callgate_grammar::{Diagnostic, SourceId, Sources};

use super::rules::{Plan, expressible};
use super::{ExportError, Format, notes};
use crate::engine::{Engine, Host, Libseccomp, read_as, reads_arch_map};
use crate::import::{self, Document, Imported};

/// Reads a file back on each of the policy's machines.
///
/// # Errors
/// When engines would refuse the file, or when it does something else with a call than the policy and no note says so.
pub(super) fn prove(policy: &Policy, plan: &Plan, format: Format, bytes: &[u8]) -> Result<(), ExportError> {
    let text = String::from_utf8_lossy(bytes);
    let spoken_for = notes::spoken_for(policy, plan);
    let mut machines: Vec<Abi> = policy.abis.keys().map(|abi| abi.native()).collect();
    machines.dedup();
    if format.is_one_list() {
        // One filter holds them all, on whichever machine.
        machines.truncate(1);
    }
    for machine in machines {
        let read = read_back(&text, format, machine)?;
        for (&abi, ours) in &policy.abis {
            if !format.is_one_list() && abi.native() != machine || is_passed_over(format, abi) {
                continue;
            }
            for (&nr, call) in &ours.calls {
                let Some(name) = tables::name(abi, nr) else { continue };
                let is_lossy = plan.lossy.iter().any(|(difference, _)| difference.call == name);
                let is_noted =
                    is_lossy || spoken_for.iter().any(|noted| noted.multiplexer == name && noted.abis.contains(&abi));
                let theirs = read.abis.get(&abi).and_then(|theirs| theirs.calls.get(&nr));
                let differs = match theirs {
                    Some(theirs) => difference(abi, call, theirs),
                    None => Some([0; 6]),
                };
                if let Some(args) = differs.filter(|_| !is_noted) {
                    let call = format!("{name}({args:x?}) on {abi}");
                    return Err(ExportError::Unproven { format, call });
                }
            }
        }
    }
    Ok(())
}

/// The file as a policy, on one machine: what the client and the runtime make of it, without the stub that runc sets before it
/// (there is a note about that) and with a libseccomp that knows every name (about that too).
fn read_back(text: &str, format: Format, machine: Abi) -> Result<Policy, ExportError> {
    let host = Host {
        machine,
        capabilities: std::collections::BTreeSet::new(),
        kernel: Version { major: u16::MAX, minor: 0 },
        libseccomp: Libseccomp::Newest,
    };
    let mut sources = Sources::default();
    let source = sources.add("the file", text);
    let document = Document { text, source, selector: None };
    let mut includes =
        |_: &str, span| Err(Diagnostic::error("unreadable-use", "a profile includes nothing").at(span, ""));
    let (from, engine) = match format {
        Format::Podman => (import::Format::Podman, Engine::Podman),
        Format::Spo => (import::Format::Spo, Engine::Crun),
        Format::Oci => (import::Format::Oci, Engine::Crun),
        _ => (import::Format::Docker, Engine::Crun),
    };
    let imported = read_as(engine, &host, from, &document, &mut includes);
    lowered(format, machine, imported, sources)
}

/// On some machines Podman passes over the list that takes in further ABIs; a note says so.
fn is_passed_over(format: Format, abi: Abi) -> bool {
    format == Format::Podman && abi != abi.native() && !reads_arch_map(abi.native())
}

/// Reads seccompiler's JSON back, as a policy for one ABI.
pub(super) fn prove_one_abi(policy: &Policy, abi: Abi, bytes: &[u8]) -> Result<(), ExportError> {
    let format = Format::Seccompiler;
    let text = String::from_utf8_lossy(bytes);
    let mut sources = Sources::default();
    let source = sources.add("the file", &*text);
    let document = Document { text: &text, source, selector: None };
    let mut includes =
        |_: &str, span| Err(Diagnostic::error("unreadable-use", "a profile includes nothing").at(span, ""));
    let imported = import::import(import::Format::Seccompiler, &document, &mut includes);
    let read = lowered(format, abi, imported, sources)?;
    for (&nr, call) in &policy.abis[&abi].calls {
        let Some(name) = tables::name(abi, nr) else { continue };
        let theirs = read.abis.get(&abi).and_then(|theirs| theirs.calls.get(&nr));
        let differs = theirs.map_or(Some([0; 6]), |theirs| difference(abi, call, theirs));
        if let Some(args) = differs {
            return Err(ExportError::Unproven { format, call: format!("{name}({args:x?}) on {abi}") });
        }
    }
    Ok(())
}

pub(super) fn lowered(
    format: Format,
    machine: Abi,
    imported: Imported,
    mut sources: Sources,
) -> Result<Policy, ExportError> {
    let refused = |findings: &[Diagnostic]| ExportError::Refused {
        format,
        problem: findings
            .iter()
            .find(|finding| finding.is_error())
            .map(|finding| finding.message.clone())
            .unwrap_or_default(),
    };
    let error = refused(&imported.diagnostics);
    let Some(file) = imported.into_file(|text| sources.add("the file as a policy", text)) else { return Err(error) };
    let source = SourceId::default();
    let target = Target::new(vec![machine], Version { major: u16::MAX, minor: 0 });
    let lowered = lower(&[Unit { source, file, layer: 1, scope: 1 }], &Groups::new(), &target);
    lowered.policy.ok_or_else(|| refused(&lowered.diagnostics))
}

/// Argument words that are treated differently, of those that a program can have on the ABI.
pub(super) fn difference(abi: Abi, ours: &CallPolicy, theirs: &CallPolicy) -> Option<[u64; 6]> {
    if ours.clauses.is_empty() && theirs.clauses.is_empty() {
        let same = expressible(ours.otherwise.action) == expressible(theirs.otherwise.action);
        return (!same).then_some([0; 6]);
    }
    let (ours, theirs) = (comparable(abi, ours), comparable(abi, theirs));
    match prove::call_difference(&ours, &theirs, Budget::default()) {
        Overlap::Never => None,
        Overlap::At(args) => Some(args),
        // Exported conditions are disjoint masked equalities that were cut from a diagram in the same budget.
        Overlap::Undecided => Some([0; 6]),
    }
}

/// A call's decisions in the file's words, and one decision for all words that no program can have.
fn comparable(abi: Abi, call: &CallPolicy) -> CallPolicy {
    let decision = |decision: &Decision| Decision { action: expressible(decision.action), cause: Cause::UnlistedAbi };
    let clause = |clause: &Clause| Clause { condition: clause.condition.clone(), decision: decision(&clause.decision) };
    let mut clauses: Vec<Clause> = call.clauses.iter().map(clause).collect();
    if abi.high_half() == HighHalf::Zero {
        let high = |arg| Atom {
            arg,
            width: Width::W64,
            mask: 0xffff_ffff_0000_0000,
            values: ValueSet::of([(1 << 32, u64::MAX)]),
        };
        let condition = Condition::Any((0..6).map(|arg| Condition::Atom(high(arg))).collect());
        let impossible = Decision { action: callgate_compiler::action::Action::KillProcess, cause: Cause::UnlistedAbi };
        clauses.insert(0, Clause { condition, decision: impossible });
    }
    CallPolicy { clauses, otherwise: decision(&call.otherwise) }
}
