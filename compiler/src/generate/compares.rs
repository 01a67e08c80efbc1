//! Two-way compares: the decision graph as a machine can do it.

use rustc_hash::FxHashMap;

use crate::graph::Variable;

/// A step of one [`Compares`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StepId(u32);

impl StepId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a value is compared with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Test {
    /// `value == k`
    Equal,
    /// `value >= k`
    AtLeast,
    /// `value & k != 0`
    AnyBit,
}

impl Test {
    /// Whether it holds for a value.
    pub(super) fn holds(self, value: u32, k: u32) -> bool {
        match self {
            Self::Equal => value == k,
            Self::AtLeast => value >= k,
            Self::AnyBit => value & k != 0,
        }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// End the filter with this value.
    Return(u32),
    /// Compare and go on.
    Compare {
        /// What must be in the accumulator.
        variable: Variable,
        test: Test,
        k: u32,
        yes: StepId,
        no: StepId,
    },
}

/// Hash-consed steps. A step is made after those it leads to, so its id is above theirs.
#[derive(Debug, Default)]
pub(super) struct Compares {
    steps: Vec<Step>,
    // Looked up only.
    ids: FxHashMap<Step, StepId>,
}

impl Compares {
    pub(super) fn step(&self, id: StepId) -> Step {
        self.steps[id.index()]
    }

    pub(super) fn ret(&mut self, value: u32) -> StepId {
        self.intern(Step::Return(value))
    }

    /// A compare, or its branch when both are the same.
    pub(super) fn compare(&mut self, variable: Variable, test: Test, k: u32, yes: StepId, no: StepId) -> StepId {
        if yes == no { yes } else { self.intern(Step::Compare { variable, test, k, yes, no }) }
    }

    fn intern(&mut self, step: Step) -> StepId {
        if let Some(&id) = self.ids.get(&step) {
            return id;
        }
        // Lowering stops long before this runs out.
        let id = StepId(u32::try_from(self.steps.len()).unwrap_or(u32::MAX));
        self.steps.push(step);
        self.ids.insert(step, id);
        id
    }

    /// Every step that can be reached, in ascending order: a step comes after those it leads to.
    pub(super) fn reachable(&self, start: StepId) -> Vec<StepId> {
        self.reachable_from([start])
    }

    /// The same from any of several starts.
    pub(super) fn reachable_from(&self, starts: impl IntoIterator<Item = StepId>) -> Vec<StepId> {
        let mut seen = vec![false; self.steps.len()];
        for start in starts {
            seen[start.index()] = true;
        }
        let mut found = Vec::new();
        for (index, step) in self.steps.iter().enumerate().rev() {
            if !seen[index] {
                continue;
            }
            // No more than `intern` has numbers for.
            found.push(StepId(u32::try_from(index).unwrap_or(u32::MAX)));
            if let Step::Compare { yes, no, .. } = *step {
                seen[yes.index()] = true;
                seen[no.index()] = true;
            }
        }
        found.reverse();
        found
    }
}
