//! The search on one word: from where each of its values leads to compares.
//!
//! A function whose values can be searched as intervals under one mask becomes one node. Before that, tests are taken out that
//! make what is left cheaper: single values (`==`), sets that are one masked value ([`Cube`](test::Cube)) and tests of any bit of a mask.
//! What a test has decided is [`ANY`] afterwards, so nothing is asked twice on a path, and nothing that an answer implies.

mod candidates;
mod test;

use rustc_hash::FxHashMap;

use super::diagram::{ANY, Function, Functions};
use super::views::{self, View};
use super::{Graph, NodeId, OverBudget, Prefer, Word, executed};
pub(super) use test::Subject;
use test::{Test, moves};

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
}

#[cfg(test)]
mod tests;
