//! Which calls can come to an instruction.

use super::compares::{Compares, Step, StepId, Test};
use super::emit::Layout;
use crate::abi::Abi;
use crate::bpf::{Origin, Program};
use crate::graph::{Variable, Word};
use crate::policy::Policy;

/// Sorted, disjoint inclusive ranges of numbers.
type Ranges = Vec<(u32, u32)>;

/// The numbers of each ABI that is told apart, then those of every other one.
type Calls = Vec<Ranges>;

/// The ABIs a policy names, and those that share a token with one; the others are all alike to it.
fn told_apart(policy: &Policy) -> Vec<Abi> {
    let named = || policy.abis.keys().chain(policy.foreign.keys());
    Abi::ALL.iter().copied().filter(|abi| named().any(|named| named.token() == abi.token())).collect()
}

/// The program of a layout, with the calls that can come to each instruction.
///
/// Only tests of the token and of the whole number tell calls apart; a test of an argument can go both ways for each. So
/// what is found is exact but for numbers that no argument takes that way.
pub(super) fn attach(policy: &Policy, compares: &Compares, start: StepId, layout: Layout) -> Program {
    let abis = told_apart(policy);
    let mut at: Vec<Calls> = vec![Vec::new(); start.index() + 1];
    let everything = abis.iter().map(|abi| abi.numbers().to_vec()).chain([vec![(0, u32::MAX)]]);
    at[start.index()] = everything.collect();
    for id in compares.reachable(start).into_iter().rev() {
        let Step::Compare { variable, test, k, yes, no } = compares.step(id) else { continue };
        let here = at[id.index()].clone();
        for (target, outcome) in [(yes, true), (no, false)] {
            join(&mut at[target.index()], &passing(&abis, &here, variable, test, k, outcome));
        }
    }
    let origins: Vec<Vec<Origin>> = at.into_iter().map(|calls| origins(&abis, calls)).collect();
    let provenance = layout.steps.iter().map(|step| origins[step.index()].clone()).collect();
    Program { instructions: layout.instructions, provenance }
}

/// The calls for which a test can have this outcome.
fn passing(abis: &[Abi], calls: &Calls, variable: Variable, test: Test, k: u32, outcome: bool) -> Calls {
    let whole = variable.mask == u32::MAX;
    match (variable.word, test) {
        (Word::TOKEN, test) if whole => {
            let keeps = |abi: &Abi| test.holds(abi.token(), k) == outcome;
            // Another ABI's token can be anything but these.
            let is_known = test == Test::Equal && outcome && abis.iter().any(|abi| abi.token() == k);
            let kept = abis.iter().map(keeps).chain([!is_known]).zip(calls);
            kept.map(|(keep, ranges)| if keep { ranges.clone() } else { Vec::new() }).collect()
        }
        (Word::NUMBER, Test::Equal) => calls.iter().map(|ranges| cut(ranges, variable.mask, (k, k), outcome)).collect(),
        (Word::NUMBER, Test::AtLeast) => {
            calls.iter().map(|ranges| cut(ranges, variable.mask, (k, variable.mask), outcome)).collect()
        }
        _ => calls.clone(),
    }
}

/// The numbers `n` of the ranges for which `n & mask` is in `first..=last`, or, if not `inside`, isn't. For masks of low bits; of
/// ranges that go on past where such a mask starts over, all numbers.
fn cut(ranges: &Ranges, mask: u32, (first, last): (u32, u32), inside: bool) -> Ranges {
    let mut kept = Vec::with_capacity(ranges.len() + 1);
    let mut keep = |low: u32, high: u32| {
        if low <= high {
            kept.push((low, high));
        }
    };
    for &(low, high) in ranges {
        let above = low & !mask;
        if above != high & !mask || mask & mask.wrapping_add(1) != 0 {
            keep(low, high);
        } else if inside {
            keep(low.max(above | first), high.min(above | last));
        } else {
            if let Some(end) = first.checked_sub(1) {
                keep(low, high.min(above | end));
            }
            if last < mask {
                keep(low.max(above | (last + 1)), high);
            }
        }
    }
    kept
}

fn join(into: &mut Calls, more: &Calls) {
    if into.is_empty() {
        into.clone_from(more);
        return;
    }
    for (into, more) in into.iter_mut().zip(more) {
        if into.is_empty() {
            into.clone_from(more);
        } else if !more.is_empty() {
            into.extend(more);
            into.sort_unstable();
            let mut merged: Ranges = Vec::with_capacity(into.len());
            for &(low, high) in into.iter() {
                match merged.last_mut() {
                    Some(last) if last.1 == u32::MAX || low <= last.1 + 1 => last.1 = last.1.max(high),
                    _ => merged.push((low, high)),
                }
            }
            *into = merged;
        }
    }
}

fn origins(abis: &[Abi], calls: Calls) -> Vec<Origin> {
    let abis = abis.iter().copied().map(Some).chain([None]);
    let all = abis.zip(calls).map(|(abi, numbers)| Origin { abi, numbers });
    all.filter(|origin| !origin.numbers.is_empty()).collect()
}
