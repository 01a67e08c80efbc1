//! Conditions by short circuit: each test goes on to where its outcome leads.
//!
//! Linear in the condition, whatever its shape; tests that overlap are not combined.

use super::{Arm, Graph, NodeId, Variable, Word};
use crate::abi::Endian;
use crate::condition::{Atom, Condition, Width};

/// The graph that leads to `yes` when the condition holds, else to `no`.
pub(super) fn condition(graph: &mut Graph, endian: Endian, condition: &Condition, yes: NodeId, no: NodeId) -> NodeId {
    match condition {
        Condition::Always => yes,
        Condition::Atom(atom) => self::atom(graph, endian, atom, yes, no),
        Condition::Not(inner) => self::condition(graph, endian, inner, no, yes),
        Condition::All(parts) => {
            parts.iter().rev().fold(yes, |yes, part| self::condition(graph, endian, part, yes, no))
        }
        Condition::Any(parts) => parts.iter().rev().fold(no, |no, part| self::condition(graph, endian, part, yes, no)),
    }
}

/// The graph of one test: the low half alone for 32 bits, else the high half, then the low one.
pub(super) fn atom(graph: &mut Graph, endian: Endian, atom: &Atom, yes: NodeId, no: NodeId) -> NodeId {
    let low = Variable { word: Word::low(atom.arg, endian), mask: low_half(atom.mask) };
    let ranges = atom.values.ranges();
    if atom.width == Width::W32 {
        return words_in(graph, low, ranges, 0, yes, no);
    }
    let high = Variable { word: Word::high(atom.arg, endian), mask: high_half(atom.mask) };
    let mut arms = Vec::new();
    // High halves where a range starts or ends have low halves of their own; between them all low halves are alike.
    let mut ends: Vec<u32> = ranges.iter().flat_map(|&(low, high)| [high_half(low), high_half(high)]).collect();
    ends.dedup();
    let mut next = Some(0_u32);
    for end in ends {
        let Some(start) = next else { break };
        if start < end {
            let inside = atom.values.contains(u64::from(start) << 32);
            arms.push(Arm { last: end - 1, target: if inside { yes } else { no } });
        }
        arms.push(Arm { last: end, target: words_in(graph, low, ranges, end, yes, no) });
        next = end.checked_add(1);
    }
    if next.is_some() {
        arms.push(Arm { last: u32::MAX, target: no });
    }
    graph.switch(high, arms)
}

/// The test whether a variable is in these ranges (ascending, disjoint).
pub(super) fn ranges(graph: &mut Graph, variable: Variable, ranges: &[(u32, u32)], yes: NodeId, no: NodeId) -> NodeId {
    let mut arms = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut next = Some(0_u32);
    for &(start, end) in ranges {
        if next.is_some_and(|next| next < start) {
            arms.push(Arm { last: start - 1, target: no });
        }
        arms.push(Arm { last: end, target: yes });
        next = end.checked_add(1);
    }
    if next.is_some() {
        arms.push(Arm { last: u32::MAX, target: no });
    }
    graph.switch(variable, arms)
}

/// The test whether a word is the low half of a value in these ranges that has this high half.
fn words_in(graph: &mut Graph, low: Variable, ranges: &[(u64, u64)], high: u32, yes: NodeId, no: NodeId) -> NodeId {
    let (floor, ceiling) = (u64::from(high) << 32, u64::from(high) << 32 | 0xffff_ffff);
    let from = ranges.partition_point(|&(_, end)| end < floor);
    let inside = ranges[from..].iter().take_while(|&&(start, _)| start <= ceiling);
    let inside: Vec<_> = inside.map(|&(start, end)| (low_half(start.max(floor)), low_half(end.min(ceiling)))).collect();
    self::ranges(graph, low, &inside, yes, no)
}

fn high_half(value: u64) -> u32 {
    (value >> 32) as u32
}

fn low_half(value: u64) -> u32 {
    (value & 0xffff_ffff) as u32
}
