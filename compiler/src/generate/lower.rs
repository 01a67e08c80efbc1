//! From nodes with many arms to two-way compares.

use std::collections::BTreeMap;

use super::compares::{Compares, Step, StepId, Test};
use super::cubes;
use super::search::{self, Interval};
use crate::graph::{Arm, Graph, Node, NodeId, Variable, Word, largest_possible, smallest_possible};
use crate::policy::Policy;

/// How often calls come, against each other: what searches are made short for.
struct Weights {
    /// Of a named number; the others count for nothing.
    numbers: BTreeMap<u32, u64>,
    /// Of a listed token.
    tokens: BTreeMap<u32, u64>,
}

/// Calls through a kernel's own ABI are so much more frequent than through a compatibility one.
const NATIVE_WEIGHT: u64 = 8;

impl Weights {
    /// Every named number of an ABI counts the same.
    fn of(policy: &Policy) -> Self {
        let mut weights = Self { numbers: BTreeMap::new(), tokens: BTreeMap::new() };
        for (abi, listed) in &policy.abis {
            let weight = if abi.native() == *abi { NATIVE_WEIGHT } else { 1 };
            *weights.tokens.entry(abi.token()).or_default() += weight;
            for &number in listed.calls.keys() {
                let known = weights.numbers.entry(number).or_default();
                *known = weight.max(*known);
            }
        }
        weights
    }

    /// The weight of the values from `first` to `last`. Intervals of an argument all weigh the same.
    fn between(&self, word: Word, first: u32, last: u32) -> u64 {
        match word {
            Word::NUMBER => self.numbers.range(first..=last).map(|(_, weight)| weight).sum(),
            Word::TOKEN => self.tokens.range(first..=last).map(|(_, weight)| weight).sum(),
            _ => 1,
        }
    }
}

/// The compares of a graph, and where they start.
pub(super) fn lower(graph: &Graph, root: NodeId, policy: &Policy) -> (Compares, StepId) {
    let weights = Weights::of(policy);
    let mut compares = Compares::default();
    let mut steps: Vec<Option<StepId>> = vec![None; root.index() + 1];
    let mut start = compares.ret(policy.other.action.ret());
    for id in graph.reachable(root) {
        start = match graph.node(id) {
            Node::Leaf(action) => compares.ret(action.ret()),
            // Conditions are built into nodes that end in actions before a policy's graph is finished.
            Node::Truth(_) => continue,
            Node::Switch { variable, arms } => {
                let intervals = intervals(*variable, arms, &steps, &weights);
                switch(&mut compares, *variable, &intervals).unwrap_or(start)
            }
        };
        steps[id.index()] = Some(start);
    }
    (compares, start)
}

fn intervals(variable: Variable, arms: &[Arm], steps: &[Option<StepId>], weights: &Weights) -> Vec<Interval> {
    let mut first = 0;
    let mut intervals = Vec::with_capacity(arms.len());
    for arm in arms {
        let least = smallest_possible(variable.mask, first).unwrap_or(first);
        let greatest = largest_possible(variable.mask, arm.last);
        let weight = weights.between(variable.word, least, greatest);
        if let Some(target) = steps[arm.target.index()] {
            intervals.push(Interval { first: least, only: (least == greatest).then_some(least), weight, target });
        }
        first = arm.last.wrapping_add(1);
    }
    intervals
}

fn switch(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    if let Some(step) = bit_test(compares, variable, intervals) {
        return Some(step);
    }
    let tree = best_tree(compares, variable, intervals)?;
    Some(spare_the_mask(compares, variable, intervals, tree))
}

fn best_tree(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    if variable.mask == u32::MAX && !matches!(variable.word, Word::NUMBER | Word::TOKEN) {
        cubes::tree(compares, variable, intervals)
    } else {
        search::tree(compares, variable, intervals)
    }
}

/// Where x32 is decided as x86-64 is, both come to one search under a mask, and most calls don't need the AND: with `s` the
/// search, `t(x) = if x >= 2^p { t(x) } else { s }` when `t` leads to `s`, which looks at `x & (2^p - 1)`, for all x below `2^p`.
fn spare_the_mask(compares: &mut Compares, variable: Variable, intervals: &[Interval], tree: StepId) -> StepId {
    let (Some(first), second) = (intervals.first(), intervals.get(1)) else { return tree };
    let Step::Compare { variable: masked, .. } = compares.step(first.target) else { return tree };
    let past = masked.mask.wrapping_add(1);
    // Where it ends right there, the tree makes this test anyway.
    let goes_on = second.is_none_or(|second| second.first > past);
    if variable == Variable::whole(Word::NUMBER) && masked.word == Word::NUMBER && past.is_power_of_two() && goes_on {
        compares.compare(variable, Test::AtLeast, past, tree, first.target)
    } else {
        tree
    }
}

/// A bound at a power of two is a test of the bits from there up, on the whole word, and spares the AND:
/// `(x & m) >= 2^p  =  x & (m & -2^p) != 0`. At the lowest bit of the mask it is `x & m != 0`.
fn bit_test(compares: &mut Compares, variable: Variable, intervals: &[Interval]) -> Option<StepId> {
    let [below, above] = intervals else { return None };
    if variable.mask == u32::MAX || !above.first.is_power_of_two() {
        return None;
    }
    let whole = Variable::whole(variable.word);
    Some(compares.compare(whole, Test::AnyBit, variable.mask & above.first.wrapping_neg(), above.target, below.target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Endian;

    /// Against the definition, for every mask and bound of five bits.
    #[test]
    fn a_bound_at_a_power_of_two_is_a_bit_test() {
        for mask in 1..32_u32 {
            for p in 0..5 {
                let Some(first) = smallest_possible(mask, 1 << p) else { continue };
                let mut compares = Compares::default();
                let (below, above) = (compares.ret(0), compares.ret(1));
                let interval = |first, target| Interval { first, only: None, weight: 1, target };
                let variable = Variable { word: Word::low(0, Endian::Little), mask };
                let step = bit_test(&mut compares, variable, &[interval(0, below), interval(first, above)]);
                let Some(Step::Compare { variable: own, k, yes, .. }) = step.map(|step| compares.step(step)) else {
                    assert!(!first.is_power_of_two());
                    continue;
                };
                assert_eq!((own.mask, yes), (u32::MAX, above));
                for x in 0..64 {
                    assert_eq!(x & k != 0, x & mask >= first, "{mask:#b} {first} {x}");
                }
            }
        }
    }
}
