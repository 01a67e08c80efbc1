//! Searches against the tests they are made of.

use proptest::prelude::*;

use super::super::Node;
use super::super::classes::WordTest;
use super::super::cost::Present;
use super::test::Cube;
use super::*;
use crate::abi::Endian;
use crate::action::Action;
use crate::condition::ValueSet;

fn word() -> Word {
    Word::low(0, Endian::Little)
}

fn synthesis() -> Synthesis {
    let mut synthesis = Synthesis::default();
    synthesis.allow(Work { steps: 200_000, looks: 1_000 });
    synthesis
}

/// A mask, the masked values, and which leaf they lead to.
type Written = (u32, Vec<(u32, u32)>, usize);

/// The graph of the first of these tests that holds.
fn graph_of(tests: &[Written]) -> (Graph, NodeId) {
    let mut graph = Graph::default();
    let leaves = [Action::KillProcess, Action::Allow, Action::Log].map(|action| graph.leaf(action).0);
    let mut synthesis = synthesis();
    let mut function = synthesis.functions.constant(leaves[0]).unwrap();
    for (mask, ranges, leaf) in tests.iter().rev() {
        let test = synthesis.functions.test(*mask, ranges).unwrap();
        let mut ends = |rest, holds| if holds == 1 { leaves[*leaf] } else { rest };
        function = synthesis.functions.combine(function, test, &mut ends).unwrap();
    }
    let tests: Vec<_> =
        tests.iter().map(|(mask, ranges, _)| WordTest { mask: *mask, ranges: ranges.clone() }).collect();
    let node = synthesis.node(&mut graph, Subject { word: word(), tests: &tests }, function).unwrap();
    (graph, node)
}

fn instructions(tests: &[(u32, &[u32], usize)]) -> usize {
    let singles = |values: &[u32]| values.iter().map(|&value| (value, value)).collect();
    let tests: Vec<_> = tests.iter().map(|&(mask, values, leaf)| (mask, singles(values), leaf)).collect();
    let (graph, node) = graph_of(&tests);
    Present::default().add(&graph, node)
}

const WHOLE: u32 = u32::MAX;

/// Two-level minimisation, counted in instructions with the load.
#[test]
fn sets_take_few_tests() {
    assert_eq!(instructions(&[(WHOLE, &[0, 8, 0x20000, 0x20008], 1)]), 2);
    assert_eq!(instructions(&[(WHOLE, &[0, 1, 0x80, 0x81], 1)]), 2);
    // The bits, then -1.
    assert_eq!(instructions(&[(WHOLE, &[0, 8, 0x20000, 0x20008, u32::MAX], 1)]), 3);
    // An AND and one value.
    assert_eq!(instructions(&[(WHOLE, &[0x41, 0x49, 0x241, 0x249], 1)]), 3);
    // A mask and a value under another mask: the bits of the first are known when the second is asked.
    assert_eq!(instructions(&[(0x10, &[0x10], 2), (0x1f, &[3], 1)]), 4);
    // What one test implies isn't asked again.
    assert_eq!(instructions(&[(0x30, &[0], 1), (0x10, &[0], 1), (0x70, &[0x20], 1)]), 2);
}

/// A set grown over a value that was decided before: 0x11 leads elsewhere, and is no hindrance once it is gone.
#[test]
fn decided_values_are_free() {
    assert!(instructions(&[(WHOLE, &[0x11], 2), (WHOLE, &[1, 0x11, 0x4001, 0x4011], 1)]) <= 4);
}

/// The law of cubes for every set of five bits.
#[test]
fn a_cube_is_a_masked_value() {
    for free in 0..32_u32 {
        for base in (0..32).filter(|base| base & free == 0) {
            let test = Test::of(Cube { free, base });
            for x in 0..64_u32 {
                let inside = (0..32).any(|some| base | (some & free) == x);
                let holds = match test {
                    Test::Equal { mask, value } => x & mask == value,
                    Test::AnyBit(mask) => x & mask == 0,
                    Test::Own(_) => false,
                };
                assert_eq!(holds, inside, "{free:#b} {base:#b} {x}");
            }
        }
    }
}

#[test]
fn moving_between_masks() {
    assert_eq!([moves(WHOLE, WHOLE), moves(6, 6)], [0, 0]);
    // x & 6 & 2 = x & 2
    assert_eq!([moves(WHOLE, 6), moves(6, 2)], [1, 1]);
    assert_eq!([moves(6, WHOLE), moves(6, 9)], [1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Masks and ranges that overlap in every way, for all words of seven bits and some with bits above.
    #[test]
    fn every_value_goes_where_the_tests_say(
        tests in prop::collection::vec(
            (prop_oneof![2 => Just(u32::MAX), 3 => 0_u32..128], prop::collection::vec((0_u32..100, 0_u32..6), 0..5), 0_usize..3),
            1..5,
        ),
    ) {
        let tests: Vec<Written> = tests.into_iter().map(|(mask, ranges, leaf)| {
            let set = ValueSet::of(ranges.into_iter().map(|(at, span)| (u64::from(at), u64::from(at + span))));
            (mask, set.ranges().iter().map(|&(low, high)| (low as u32, high as u32)).collect(), leaf)
        }).collect();
        let (graph, node) = graph_of(&tests);
        for value in (0..130).chain([0x1_0003, 0x8000_0000, u32::MAX]) {
            let first = tests.iter().find(|(mask, ranges, _)| {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&(value & mask)))
            });
            let wanted = [Action::KillProcess, Action::Allow, Action::Log][first.map_or(0, |test| test.2)];
            prop_assert_eq!(graph.end(node, &|_| value), &Node::Leaf(wanted), "{}", value);
        }
    }
}
