//! The two-way tests that can come before a search.

use super::super::classes::WordTest;
use super::super::diagram::{Function, Functions};
use super::super::{Graph, NodeId, OverBudget, Variable, Word, plain};

/// `base` and every way to set bits of `free` in it: the values with `x & !free == base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cube {
    pub(super) free: u32,
    pub(super) base: u32,
}

/// A two-way test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Test {
    /// `x & mask == value`
    Equal { mask: u32, value: u32 },
    /// `x & mask != 0`
    AnyBit(u32),
    /// The policy's own test of this index: as many compares as its set takes.
    Own(usize),
}

impl Test {
    /// The law of cubes: `x in {base | any of free} = x & !free == base`, and with base 0 no AND is needed:
    /// `x & !free == 0 = !(x has any bit of !free)`.
    pub(super) fn of(cube: Cube) -> Self {
        if cube.base == 0 && cube.free != 0 {
            Self::AnyBit(!cube.free)
        } else {
            Self::Equal { mask: !cube.free, value: cube.base }
        }
    }

    /// What the accumulator must hold.
    pub(super) fn mask(self, subject: Subject<'_>) -> u32 {
        match self {
            Self::Equal { mask, .. } => mask,
            Self::AnyBit(_) => u32::MAX,
            Self::Own(index) => subject.tests[index].mask,
        }
    }

    /// How many compares it takes, about.
    pub(super) fn compares(self, subject: Subject<'_>) -> usize {
        match self {
            Self::Equal { .. } | Self::AnyBit(_) => 1,
            Self::Own(index) => subject.tests[index].ranges.len() * 4 / 3,
        }
    }

    pub(super) fn function(self, functions: &mut Functions, subject: Subject<'_>) -> Result<Function, OverBudget> {
        match self {
            Self::Equal { mask, value } => functions.test(mask, &[(value, value)]),
            Self::AnyBit(mask) => functions.test(mask, &[(1, u32::MAX)]),
            Self::Own(index) => functions.test(subject.tests[index].mask, &subject.tests[index].ranges),
        }
    }

    pub(super) fn node(self, graph: &mut Graph, subject: Subject<'_>, yes: NodeId, no: NodeId) -> NodeId {
        let word = subject.word;
        match self {
            Self::Equal { mask, value } => plain::ranges(graph, Variable { word, mask }, &[(value, value)], yes, no),
            Self::AnyBit(mask) => plain::ranges(graph, Variable { word, mask }, &[(1, u32::MAX)], yes, no),
            Self::Own(index) => {
                let test = &subject.tests[index];
                plain::ranges(graph, Variable { word, mask: test.mask }, &test.ranges, yes, no)
            }
        }
    }
}

/// Getting `x & to` into an accumulator that holds `x & from`: nothing, an AND, or a load and perhaps an AND.
pub(super) fn moves(from: u32, to: u32) -> usize {
    if from == to {
        0
    } else if from & to == to {
        1
    } else {
        1 + usize::from(to != u32::MAX)
    }
}

/// What is searched: a word, and the policy's own tests of it.
#[derive(Clone, Copy)]
pub(in super::super) struct Subject<'a> {
    pub(in super::super) word: Word,
    pub(in super::super) tests: &'a [WordTest],
}
