//! The search on one word: from where each of its values leads to compares.
//!
//! A function whose values can be searched as intervals under one mask becomes one node. Before that, tests are taken out that
//! make what is left cheaper: single values (`==`), sets that are one masked value ([`Cube`]) and tests of any bit of a mask.
//! What a test has decided is [`ANY`] afterwards, so nothing is asked twice on a path, and nothing that an answer implies.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::classes::WordTest;
use super::diagram::{ANY, Function, Functions};
use super::views::{self, View};
use super::{Graph, NodeId, OverBudget, Prefer, Variable, Word, executed, plain};

/// Only runs of at most this many values are taken apart into values.
const WIDEST_RUN: u32 = 8;

/// Functions of more runs than this are searched as intervals and not looked at for masks.
const MOST_RUNS: usize = 48;

/// The most tests tried before a search.
const MOST_TRIED: usize = 24;

/// How much may be done for a whole policy: some tens of milliseconds of it.
const FOR_A_POLICY: Work = Work { steps: 600_000, looks: 4_000 };

/// An amount of work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Steps on functions.
    pub(super) steps: usize,
    /// Functions looked at for their best search.
    pub(super) looks: usize,
}

/// Searches functions of words, and remembers what it found.
pub(super) struct Synthesis {
    pub(super) functions: Functions,
    // Both looked up only.
    views: FxHashMap<Function, Option<View>>,
    done: FxHashMap<(Word, Function, u32), (NodeId, Cost)>,
    /// How many more functions may be looked at now.
    looks: usize,
    /// What may be done afterwards.
    later: Work,
    prefer: Prefer,
}

/// What a search costs, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    /// Instructions.
    length: usize,
    /// Executed ones when every run of values counts alike; see [`executed`].
    executed: u64,
    /// How many runs are told apart.
    runs: u64,
}

impl Cost {
    /// Nothing to tell apart.
    const NOTHING: Self = Self { length: 0, executed: 0, runs: 1 };

    /// What comes first decides.
    fn key(self, prefer: Prefer) -> (u64, usize) {
        match prefer {
            Prefer::Short => (0, self.length),
            Prefer::Quick => (self.executed, self.length),
        }
    }

    /// Two searches behind so many instructions.
    fn behind(self, other: Self, instructions: usize) -> Self {
        let runs = self.runs + other.runs;
        let rest = (self.executed * self.runs + other.executed * other.runs) / runs;
        Self { length: instructions + self.length + other.length, executed: executed::parts(instructions) + rest, runs }
    }
}

impl Synthesis {
    /// One that makes what is preferred.
    pub(super) fn new(prefer: Prefer) -> Self {
        Self {
            functions: Functions::default(),
            views: FxHashMap::default(),
            done: FxHashMap::default(),
            looks: 0,
            later: FOR_A_POLICY,
            prefer,
        }
    }
}

#[cfg(test)]
impl Default for Synthesis {
    fn default() -> Self {
        Self::new(Prefer::Short)
    }
}

/// `base` and every way to set bits of `free` in it: the values with `x & !free == base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cube {
    free: u32,
    base: u32,
}

/// A two-way test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Test {
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
    fn of(cube: Cube) -> Self {
        if cube.base == 0 && cube.free != 0 {
            Self::AnyBit(!cube.free)
        } else {
            Self::Equal { mask: !cube.free, value: cube.base }
        }
    }

    /// What the accumulator must hold.
    fn mask(self, subject: Subject<'_>) -> u32 {
        match self {
            Self::Equal { mask, .. } => mask,
            Self::AnyBit(_) => u32::MAX,
            Self::Own(index) => subject.tests[index].mask,
        }
    }

    /// How many compares it takes, about.
    fn compares(self, subject: Subject<'_>) -> usize {
        match self {
            Self::Equal { .. } | Self::AnyBit(_) => 1,
            Self::Own(index) => subject.tests[index].ranges.len() * 4 / 3,
        }
    }

    fn function(self, functions: &mut Functions, subject: Subject<'_>) -> Result<Function, OverBudget> {
        match self {
            Self::Equal { mask, value } => functions.test(mask, &[(value, value)]),
            Self::AnyBit(mask) => functions.test(mask, &[(1, u32::MAX)]),
            Self::Own(index) => functions.test(subject.tests[index].mask, &subject.tests[index].ranges),
        }
    }

    fn node(self, graph: &mut Graph, subject: Subject<'_>, yes: NodeId, no: NodeId) -> NodeId {
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
fn moves(from: u32, to: u32) -> usize {
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
pub(super) struct Subject<'a> {
    pub(super) word: Word,
    pub(super) tests: &'a [WordTest],
}

impl Synthesis {
    /// Lets so much more be done, as long as there is some left for the policy.
    pub(super) fn allow(&mut self, more: Work) {
        let Work { steps, looks } = more;
        self.later.steps += self.functions.allow(0);
        self.later.looks += std::mem::take(&mut self.looks);
        let now = Work { steps: steps.min(self.later.steps), looks: looks.min(self.later.looks) };
        self.functions.allow(now.steps);
        self.looks = now.looks;
        self.later.steps -= now.steps;
        self.later.looks -= now.looks;
    }

    /// The node that leads every value of the word to its end; the function's ends are nodes of the graph.
    pub(super) fn node(
        &mut self,
        graph: &mut Graph,
        subject: Subject<'_>,
        function: Function,
    ) -> Result<NodeId, OverBudget> {
        Ok(self.search(graph, subject, function, u32::MAX)?.0)
    }

    /// The node, and what it costs when the accumulator holds the word under a mask.
    fn search(
        &mut self,
        graph: &mut Graph,
        subject: Subject<'_>,
        function: Function,
        held: u32,
    ) -> Result<(NodeId, Cost), OverBudget> {
        if let Some(end) = views::only_end(&self.functions, function) {
            return Ok((NodeId(end), Cost::NOTHING));
        }
        if let Some(&known) = self.done.get(&(subject.word, function, held)) {
            return Ok(known);
        }
        let view = self.view(function)?;
        let least = self.price(view.as_ref(), held);
        let known = view.as_ref().map(|view| {
            let moves = moves(held, view.starts_with());
            let executed = executed::parts(moves) + executed::mean_compares(view.compares);
            Cost { length: view.compares + moves, executed, runs: view.runs.len() as u64 }
        });
        let mut found = None;
        if let Some((test, yes, no)) = self.first_test(subject, function, held, least)? {
            let mask = test.mask(subject);
            let (yes, yes_cost) = self.search(graph, subject, yes, mask)?;
            let (no, no_cost) = self.search(graph, subject, no, mask)?;
            let cost = yes_cost.behind(no_cost, test.compares(subject) + moves(held, mask));
            if known.is_none_or(|known| cost.key(self.prefer) < known.key(self.prefer)) {
                found = Some((test.node(graph, subject, yes, no), cost));
            }
        }
        let result = match (found, view, known) {
            (Some(found), ..) => found,
            (None, Some(view), Some(known)) => (graph.switch(view.variable(subject.word), view.arms()), known),
            (None, ..) => return Err(OverBudget),
        };
        self.done.insert((subject.word, function, held), result);
        Ok(result)
    }

    fn view(&mut self, function: Function) -> Result<Option<View>, OverBudget> {
        if let Some(known) = self.views.get(&function) {
            return Ok(known.clone());
        }
        self.looks = self.looks.checked_sub(1).ok_or(OverBudget)?;
        let view = views::best(&mut self.functions, function)?;
        self.views.insert(function, view.clone());
        Ok(view)
    }

    /// What a function costs when it is searched without a test before it. `None` when it can't be.
    fn price(&self, view: Option<&View>, held: u32) -> Option<usize> {
        view.map(|view| view.compares + moves(held, view.starts_with()))
    }

    /// The same for any function. One that can't be searched counts by its bits, more than any that can.
    fn guess(&mut self, function: Function, held: u32) -> Result<usize, OverBudget> {
        if views::only_end(&self.functions, function).is_some() {
            return Ok(0);
        }
        let view = self.view(function)?;
        let bits = self.functions.support(function).count_ones();
        Ok(self.price(view.as_ref(), held).unwrap_or(1000 * bits as usize))
    }

    /// The test to begin with that makes the search cheapest, and what is left on both sides; `None` when none makes it cheaper
    /// than `least`.
    fn first_test(
        &mut self,
        subject: Subject<'_>,
        function: Function,
        held: u32,
        least: Option<usize>,
    ) -> Result<Option<(Test, Function, Function)>, OverBudget> {
        // One compare can't be made cheaper.
        if least.is_some_and(|least| least < 2) {
            return Ok(None);
        }
        let tests = self.tests(subject, function);
        let found = self.cheapest(subject, function, &tests, held, least)?;
        if found.is_some() || least.is_some() {
            return Ok(found);
        }
        // All of them together decide it, so some of them does something.
        let own: Vec<Test> = (0..subject.tests.len()).map(Test::Own).collect();
        self.cheapest(subject, function, &own, held, None)
    }

    fn cheapest(
        &mut self,
        subject: Subject<'_>,
        function: Function,
        tests: &[Test],
        held: u32,
        least: Option<usize>,
    ) -> Result<Option<(Test, Function, Function)>, OverBudget> {
        let mut best = None;
        let mut best_cost = least.unwrap_or(usize::MAX);
        for &test in tests {
            let mask = test.mask(subject);
            let own = test.compares(subject) + moves(held, mask);
            if own >= best_cost {
                continue;
            }
            let decided = test.function(&mut self.functions, subject)?;
            let yes = self.functions.given(function, decided, true)?;
            let no = self.functions.given(function, decided, false)?;
            if [yes, no].into_iter().any(|side| side == function || views::only_end(&self.functions, side) == Some(ANY))
            {
                continue;
            }
            let cost = own + self.guess(yes, mask)? + self.guess(no, mask)?;
            if cost < best_cost {
                best_cost = cost;
                best = Some((test, yes, no));
            }
        }
        Ok(best)
    }

    /// Tests worth trying: any bit of a mask that the policy's own tests have; sets grown from single values, which save
    /// instructions when they take out more runs than they have tests; and values that alone lead where they do, for the sets that
    /// can be grown over them afterwards.
    fn tests(&self, subject: Subject<'_>, function: Function) -> Vec<Test> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Node;
    use super::super::cost::Present;
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
}
