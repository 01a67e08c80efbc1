//! Which tests are worth trying before a search.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::diagram::{ANY, Function};
use super::Synthesis;
use super::test::{Cube, Subject, Test};

/// Only runs of at most this many values are taken apart into values.
const WIDEST_RUN: u32 = 8;

/// Functions of more runs than this are searched as intervals and not looked at for masks.
const MOST_RUNS: usize = 48;

/// The most tests tried before a search.
const MOST_TRIED: usize = 24;

impl Synthesis {
    /// Tests worth trying: any bit of a mask that the policy's own tests have; sets grown from single values, which save
    /// instructions when they take out more runs than they have tests; and values that alone lead where they do, for the sets that
    /// can be grown over them afterwards.
    pub(super) fn tests(&self, subject: Subject<'_>, function: Function) -> Vec<Test> {
        let runs = self.functions.runs(function, u32::MAX, MOST_RUNS).unwrap_or_default();
        // What most values lead to is what remains when the others are taken out.
        let rest = runs.iter().max_by_key(|run| run.last - run.first).map(|run| run.end);
        let mut cubes = BTreeSet::new();
        let mut alone = Vec::new();
        for run in runs.iter().filter(|run| run.last - run.first < WIDEST_RUN && Some(run.end) != rest) {
            for upwards in [true, false] {
                cubes.insert(self.grown(function, run.first, run.end, upwards));
            }
            if run.first == run.last && runs.iter().filter(|other| other.end == run.end).count() == 1 {
                alone.push(Test::of(Cube { free: 0, base: run.first }));
            }
        }
        let held = |cube: &Cube| runs.iter().filter(|run| run.first & !cube.free == cube.base).count();
        let fewest = |cube: &Cube| if cube.base == 0 { 2 } else { 3 };
        let mut cubes: Vec<(usize, Cube)> = cubes.into_iter().map(|cube| (held(&cube), cube)).collect();
        cubes.retain(|(held, cube)| *held >= fewest(cube));
        cubes.sort_by_key(|&(held, cube)| (Reverse(held), cube));
        let cubes = cubes.into_iter().take(MOST_TRIED).map(|(_, cube)| Test::of(cube));
        let masks: BTreeSet<u32> =
            subject.tests.iter().map(|test| test.mask).filter(|&mask| mask != u32::MAX).collect();
        masks
            .into_iter()
            .map(Test::AnyBit)
            .take(MOST_TRIED)
            .chain(alone.into_iter().take(MOST_TRIED))
            .chain(cubes)
            .collect()
    }

    /// The set grown from a value by one bit after the other, as long as all of it leads to the same end.
    fn grown(&self, function: Function, value: u32, end: u32, upwards: bool) -> Cube {
        let mut cube = Cube { free: 0, base: value };
        for step in 0..32 {
            let bit: u32 = 1 << if upwards { step } else { 31 - step };
            let grown = Cube { free: cube.free | bit, base: cube.base & !bit };
            let near = self.functions.end(function, value ^ bit);
            // Cheap before dear.
            if (near == end || near == ANY) && self.functions.leads_all(function, grown.base, grown.free, end) {
                cube = grown;
            }
        }
        cube
    }
}
