//! # instruction-budget
//!
//! ## What
//! A policy whose filter is longer than the kernel takes: 4,096 instructions, or after conversion more than callgate leaves room
//! for.
//!
//! ## Why
//! The kernel answers EINVAL to a longer program, and ENOMEM when all filters of a process together, each counted with four
//! instructions more, are longer than 32,768 (kernel/seccomp.c, Linux 6.12). The policy is compiled here and counted; libseccomp
//! makes filters several times as long of the same rules, so what fails here fails there.
//!
//! ## Example
//! ```gate numbers=4000
//! deny: all
//! allow: ioctl(cmd in {NUMBERS})
//! ```
//!
//! ## Near miss
//! ```gate numbers=40
//! deny: all
//! allow: ioctl(cmd in {NUMBERS})
//! ```
//!
//! ## Fix
//! Write ranges and masks for long lists of values, list fewer ABIs, or split the program into processes with a policy each.
//!
//! ## Sources
//! - seccomp(2), ERRORS; `include/uapi/linux/bpf_common.h`, `BPF_MAXINSNS`; kernel/seccomp.c, `MAX_INSNS_PER_PATH`

use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::MAX_INSTRUCTIONS;
use callgate_compiler::condition::{Atom, Condition, ValueSet};
use callgate_compiler::generate::{GenerateError, generate};
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::{AbiPolicy, Clause, Policy};
use callgate_grammar::Severity;
use rustc_hash::FxHashSet;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM013", "instruction-budget", Severity::Error, check);

/// A filter has been compiled already, and the kernel's own rules are asked about it by `kernel-rejects-program`.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = document.meaning.as_ref().filter(|_| document.filter().is_none()) else { return Ok(()) };
    if at_most(&meaning.policy) <= MAX_INSTRUCTIONS {
        return Ok(());
    }
    match generate(&meaning.policy) {
        Ok(_) => {}
        Err(GenerateError::TooLong { instructions }) => findings.push(
            findings
                .new_at(document.start(), format!("the filter takes at least {instructions} instructions"))
                .because(format!("the kernel takes {MAX_INSTRUCTIONS}"))
                .help("write ranges and masks for long lists of values, or list fewer ABIs"),
        ),
    }
    Ok(())
}

/// More instructions than a policy's filter has, counted without compiling it: what comes below the limit needn't be compiled.
///
/// A compare is up to three instructions, and each of its jumps may need a `ja`. A number begins a run that all its neighbours
/// with the same answer share, and `n` runs are told apart by `n - 1` compares of a word that is loaded once. A comparison of an
/// argument takes at most two compares for each end of a range in the one half and two in the other. Calls of the same
/// conditions share the code for them, on machines of one byte order also those of other ABIs.
fn at_most(policy: &Policy) -> usize {
    const COMPARE: usize = 5;
    let mut shared = FxHashSet::default();
    let mut all = (4 + policy.foreign.len()) * COMPARE;
    for (abi, listed) in &policy.abis {
        all += 2 * COMPARE + (COMPARE - 2) * runs(listed);
        for call in listed.calls.values().filter(|call| !call.clauses.is_empty()) {
            let clauses: Vec<_> = call.clauses.iter().map(|one| (&one.condition, one.decision.action)).collect();
            if shared.insert((abi.endian() == Endian::Little, clauses, call.otherwise.action)) {
                all += COMPARE * compares(&call.clauses);
            }
        }
    }
    all
}

/// The compares that the conditions of a call take at most. Neighbours that look at the same bits, to the same end, are one.
fn compares(clauses: &[Clause]) -> usize {
    let of_ranges = |ranges: usize| 2 + 6 * ranges;
    let looks_at = |atom: &Atom| (atom.arg, atom.width, atom.mask);
    let alike = |one: &Clause, other: &Clause| match (single(&one.condition), single(&other.condition)) {
        (Some(a), Some(b)) => looks_at(a) == looks_at(b) && one.decision.action == other.decision.action,
        _ => false,
    };
    let of_neighbours = |clauses: &[Clause]| {
        let atoms: Option<Vec<&Atom>> = clauses.iter().map(|clause| single(&clause.condition)).collect();
        if let Some(atoms) = atoms {
            let values = ValueSet::of(atoms.iter().flat_map(|atom| atom.values.ranges().iter().copied()));
            return of_ranges(values.ranges().len());
        }
        let mut all = 0;
        clauses
            .iter()
            .for_each(|clause| clause.condition.atoms(&mut |atom| all += of_ranges(atom.values.ranges().len())));
        all
    };
    clauses.chunk_by(alike).map(of_neighbours).sum()
}

/// The comparison that a condition is, if it is one alone.
fn single(condition: &Condition) -> Option<&Atom> {
    match condition {
        Condition::Atom(atom) => Some(atom),
        Condition::All(parts) | Condition::Any(parts) => match parts.as_slice() {
            [part] => single(part),
            _ => None,
        },
        Condition::Always | Condition::Not(_) => None,
    }
}

/// Into how many runs of neighbours the numbers fall, those without a rule among them.
fn runs(listed: &AbiPolicy) -> usize {
    let rest = Some(listed.rest.action);
    let mut runs = 1;
    let mut before = rest;
    let mut next = 0;
    for (&nr, call) in &listed.calls {
        if nr != next {
            runs += usize::from(before != rest);
            before = rest;
        }
        // `None`: the arguments decide.
        let action = call.clauses.is_empty().then_some(call.otherwise.action);
        runs += usize::from(action != before || action.is_none());
        before = action;
        next = nr.wrapping_add(1);
    }
    runs + usize::from(before != rest)
}

#[cfg(test)]
mod tests {
    use callgate_compiler::abi::Abi;
    use callgate_profiles::shipped::{shipped, shipped_names};

    use super::*;
    use crate::document::Reading;

    #[test]
    fn no_filter_is_longer_than_was_counted() {
        let groups = callgate_profiles::groups::groups()
            .iter()
            .map(|(&name, group)| (name.to_owned(), group.members.iter().map(|&member| member.to_owned()).collect()))
            .collect();
        let numbers: Vec<_> = (0..300_u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).collect();
        let scattered =
            format!("deny: all\nallow: ioctl(raw(arg1) in {{{0}}}), prctl(raw(arg2) in {{{0}}})\n", numbers.join(", "));
        let texts = shipped_names().map(|name| shipped(name).expect("it is shipped")).chain([scattered.as_str()]);
        for text in texts {
            for abis in [vec![Abi::X86_64], vec![Abi::X86_64, Abi::X86, Abi::X32], Abi::ALL.to_vec()] {
                let reading = Reading { abis: Some(abis), ..Reading::default() };
                let Some(meaning) = Document::of_text("policy", text, &groups, reading).meaning else { continue };
                let counted = at_most(&meaning.policy);
                if let Ok(program) = generate(&meaning.policy) {
                    assert!(
                        program.instructions.len() <= counted,
                        "{} > {counted}: {text}",
                        program.instructions.len()
                    );
                }
            }
        }
    }
}
