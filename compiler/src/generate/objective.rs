//! What a program is to be good at.

use std::collections::BTreeMap;

use crate::abi::Abi;

/// What comes first where length and speed pull apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Optimize {
    /// The fewest instructions; of programs of one length, the one that executes fewer.
    Size,
    /// An instruction more in the program is worth a twelfth of an instruction less on the way of the mean call.
    #[default]
    Balanced,
    /// The fewest executed instructions for the mean call, where nothing says which arguments are passed every outcome of a test of
    /// one counting alike; of programs that execute as many, the shorter one.
    Speed,
}

/// How often each call is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    counts: BTreeMap<(Abi, u32), u64>,
}

impl Weights {
    /// The counts by ABI and number (`seccomp_data.nr`; x32's carry bit 30). Of a number given twice the counts are added up.
    #[must_use]
    pub fn of(counts: impl IntoIterator<Item = ((Abi, u32), u64)>) -> Self {
        let mut weights = Self::default();
        for (call, count) in counts {
            let sum = weights.counts.entry(call).or_default();
            *sum = sum.saturating_add(count);
        }
        weights
    }

    /// Each call that is made at all and how often, ascending.
    pub fn counts(&self) -> impl Iterator<Item = ((Abi, u32), u64)> + '_ {
        self.counts.iter().filter(|&(_, &count)| count > 0).map(|(&call, &count)| (call, count))
    }
}

/// What a program is made for. The default is for a kernel of today and a load nobody measured, and is made fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// What comes first.
    pub optimize: Optimize,
    /// Look at every search tree of single values and bounds, and of bits where a few intervals are left, instead of at those a
    /// rule of thumb proposes: some 10 ms instead of some 100 µs.
    pub exhaustive: bool,
    /// How often each call is made. Without it every number of an ABI's table counts alike.
    pub weights: Option<Weights>,
    /// Whether the kernel lets calls that no argument decides through without running the filter (5.11 and newer). Then only
    /// the other ones count, as far as [`weights`](Self::weights) say how often they are made.
    pub bitmap: bool,
}

impl Default for Objective {
    fn default() -> Self {
        Self { optimize: Optimize::default(), exhaustive: false, weights: None, bitmap: true }
    }
}
