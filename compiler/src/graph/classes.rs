//! The tests of one call by word, and the classes of values that no test tells apart.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::diagram::{Function, Functions};
use super::{OverBudget, Word};
use crate::abi::Endian;
use crate::condition::{Atom, Condition, Width};
use crate::policy::CallPolicy;

/// Inclusive, ascending and disjoint.
type Ranges = Vec<(u32, u32)>;

/// A word under a mask is in one of these ranges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WordTest {
    /// The bits looked at.
    pub(super) mask: u32,
    /// What they may be.
    pub(super) ranges: Ranges,
}

/// A test of one word, by its place in [`Classes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TestId {
    pub(super) word: Word,
    index: usize,
}

/// An atom as alternatives, each a test of the high half and one of the low half; what is missing holds always.
pub(super) type Alternatives = Vec<(Option<TestId>, Option<TestId>)>;

/// The tests of one word.
#[derive(Debug, Default)]
struct WordTests {
    tests: Vec<WordTest>,
    // Looked up only.
    indices: FxHashMap<WordTest, usize>,
}

/// A word's values, by what the tests say about them.
#[derive(Debug)]
pub(super) struct WordClasses {
    /// Leads every value to its class.
    pub(super) function: Function,
    /// For each class, which tests hold.
    outcomes: Vec<Vec<bool>>,
    /// The tests, in the order the conditions have them.
    pub(super) tests: Vec<WordTest>,
}

impl WordClasses {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// For each class, whether a test holds.
    pub(super) fn holds(&self, test: TestId) -> impl Iterator<Item = bool> {
        self.outcomes.iter().map(move |outcomes| outcomes[test.index])
    }
}

/// The classes of every word that a call looks at, and its atoms in terms of tests.
pub(super) struct Classes<'a> {
    pub(super) words: BTreeMap<Word, WordClasses>,
    // Looked up only.
    atoms: FxHashMap<&'a Atom, Alternatives>,
}

/// More classes than this of one word are as good as values: nothing is gained by them.
const MOST_CLASSES: usize = 300;

impl<'a> Classes<'a> {
    /// Takes a call apart. Over budget when its tests overlap in too many ways.
    pub(super) fn of(functions: &mut Functions, endian: Endian, call: &'a CallPolicy) -> Result<Self, OverBudget> {
        let mut tests = BTreeMap::new();
        let mut atoms = FxHashMap::default();
        for clause in &call.clauses {
            clause.condition.atoms(&mut |atom| {
                atoms.entry(atom).or_insert_with(|| alternatives(&mut tests, endian, atom));
            });
        }
        let mut words = BTreeMap::new();
        for (word, tests) in tests {
            let (function, outcomes) = split(functions, &tests.tests)?;
            words.insert(word, WordClasses { function, outcomes, tests: tests.tests });
        }
        Ok(Self { words, atoms })
    }

    /// An atom of the call.
    pub(super) fn atom(&self, atom: &Atom) -> &[(Option<TestId>, Option<TestId>)] {
        self.atoms.get(atom).map_or(&[], Vec::as_slice)
    }
}

/// How many ranges a call's conditions have in all: a measure of the work.
pub(super) fn ranges(condition: &Condition) -> usize {
    let mut ranges = 0;
    condition.atoms(&mut |atom| ranges += atom.values.ranges().len());
    ranges
}

/// Every value to the tests that hold for it: the classes of all tests are the pairs that occur of classes of one half of the
/// tests and classes of the other.
fn split(functions: &mut Functions, tests: &[WordTest]) -> Result<(Function, Vec<Vec<bool>>), OverBudget> {
    if let [test] = tests {
        // The end of a test is 1 where it holds.
        return Ok((functions.test(test.mask, &test.ranges)?, vec![vec![false], vec![true]]));
    }
    let (one, other) = tests.split_at(tests.len() / 2);
    let ((one, of_one), (other, of_other)) = (split(functions, one)?, split(functions, other)?);
    let mut ids: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    let mut pairs = Vec::new();
    let function = functions.combine(one, other, &mut |one, other| {
        *ids.entry((one, other)).or_insert_with(|| {
            pairs.push([&of_one[one as usize][..], &of_other[other as usize]].concat());
            // Counted below, long before it could wrap.
            (pairs.len() - 1) as u32
        })
    })?;
    if pairs.len() > MOST_CLASSES { Err(OverBudget) } else { Ok((function, pairs)) }
}

/// A test of 64 bits as tests of halves: between the high halves at which a range starts or ends all low halves are alike, and each
/// of those has a set of low halves of its own; high halves with the same set share a test.
fn alternatives(tests: &mut BTreeMap<Word, WordTests>, endian: Endian, atom: &Atom) -> Alternatives {
    let mut id = |word: Word, mask: u32, ranges: Ranges| {
        let tests = tests.entry(word).or_default();
        let test = WordTest { mask, ranges };
        let next = tests.tests.len();
        let index = *tests.indices.entry(test.clone()).or_insert(next);
        if index == next {
            tests.tests.push(test);
        }
        TestId { word, index }
    };
    let (low, high) = (Word::low(atom.arg, endian), Word::high(atom.arg, endian));
    let low_mask = half(atom.mask);
    let high_mask = if atom.width == Width::W32 { 0 } else { half(atom.mask >> 32) };
    let ranges = atom.values.ranges();
    // For each set of low halves the high halves that have it.
    let mut high_halves: BTreeMap<Ranges, Ranges> = BTreeMap::new();
    let mut ends: Vec<u32> = ranges.iter().flat_map(|&(low, high)| [half(low >> 32), half(high >> 32)]).collect();
    ends.dedup();
    let mut next = Some(0_u32);
    for end in ends {
        let Some(start) = next else { break };
        if start < end && atom.values.contains(u64::from(start) << 32) {
            high_halves.entry(vec![(0, u32::MAX)]).or_default().push((start, end - 1));
        }
        let (floor, ceiling) = (u64::from(end) << 32, u64::from(end) << 32 | 0xffff_ffff);
        let from = ranges.partition_point(|&(_, last)| last < floor);
        let lows: Ranges = ranges[from..]
            .iter()
            .take_while(|&&(first, _)| first <= ceiling)
            .map(|&(first, last)| (half(first.max(floor)), half(last.min(ceiling))))
            .collect();
        if !lows.is_empty() {
            high_halves.entry(lows).or_default().push((end, end));
        }
        next = end.checked_add(1);
    }
    let mut alternatives = Alternatives::new();
    for (lows, highs) in high_halves {
        // A masked word has no value above its mask.
        let high_test = match possible(high_mask, &highs) {
            Possible::Always => None,
            Possible::Never => continue,
            Possible::Sometimes => Some(id(high, high_mask, highs)),
        };
        let low_test = match possible(low_mask, &lows) {
            Possible::Always => None,
            Possible::Never => continue,
            Possible::Sometimes => Some(id(low, low_mask, lows)),
        };
        alternatives.push((high_test, low_test));
    }
    alternatives
}

enum Possible {
    Always,
    Never,
    Sometimes,
}

/// Whether a masked word can be in, and out of, these ranges: decided for the cases a mask of no bits and a range of all values
/// make; the others are looked at bit by bit.
fn possible(mask: u32, ranges: &[(u32, u32)]) -> Possible {
    if ranges.iter().any(|&(first, last)| first == 0 && last >= mask) {
        Possible::Always
    } else if ranges.iter().all(|&(first, _)| first > mask) {
        Possible::Never
    } else {
        Possible::Sometimes
    }
}

fn half(value: u64) -> u32 {
    (value & 0xffff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{call_policies, values};

    proptest! {
        /// An atom holds where one of its alternatives does, and every value's class knows what holds for it.
        #[test]
        fn classes_know_every_test(
            call in call_policies(),
            calls in prop::collection::vec(prop::array::uniform6(values()), 20),
        ) {
            let mut functions = Functions::default();
            functions.allow(100_000);
            let classes = Classes::of(&mut functions, Endian::Little, &call).unwrap();
            for args in calls {
                let holds = |test: Option<TestId>| test.is_none_or(|test| {
                    let offset = usize::from(test.word.offset) - 16;
                    let value = args[offset / 8] >> (if offset % 8 == 4 { 32 } else { 0 }) & 0xffff_ffff;
                    let word = &classes.words[&test.word];
                    let class = functions.end(word.function, value as u32);
                    word.holds(test).nth(class as usize).unwrap()
                });
                for clause in &call.clauses {
                    clause.condition.atoms(&mut |atom| {
                        let any = classes.atom(atom).iter().any(|&(high, low)| holds(high) && holds(low));
                        assert_eq!(any, atom.holds(&args), "{atom:?} {args:?}");
                    });
                }
            }
        }
    }
}
