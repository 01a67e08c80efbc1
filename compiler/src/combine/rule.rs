//! Which of several answers to one call counts.

use std::cmp::Reverse;

use crate::action::Action;
use crate::prove::{self, Budget, Filter, Together, Verdict};

/// How policies combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// All filters loaded: the most severe action, with the data of the filter loaded last.
    Stack,
    /// Allowed when one allows: the mildest action.
    Union,
    /// Allowed when all allow: the most severe action.
    Intersect,
}

/// Among the answers to one call, the one of the least weight counts: by the action, then by who gives it.
pub(super) type Weight = (u32, Reverse<u32>, usize);

impl Rule {
    /// The name that `callgate merge` has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Union => "union",
            Self::Intersect => "intersect",
        }
    }

    /// What an action of the input at this position weighs. No two inputs' answers weigh the same.
    pub(super) fn weight(self, action: Action, input: usize) -> Weight {
        let (severity, data) = parts(carried_out(action));
        match self {
            // The most recent one first; what data it has doesn't matter.
            Self::Stack => (severity, Reverse(0), usize::MAX - input),
            Self::Intersect => (severity, Reverse(MOST_DATA - data), input),
            Self::Union => (MILDEST - severity, Reverse(data), input),
        }
    }

    /// Has the prover compare a filter with what these inputs come to, on every call. On the left of a witness is what the
    /// inputs come to.
    #[must_use]
    pub fn proof(self, inputs: &[Filter<'_>], combined: Filter<'_>, budget: Budget) -> Verdict {
        let together = match self {
            Self::Stack => Together::Stack,
            Self::Union => Together::Mildest,
            Self::Intersect => Together::Strictest,
        };
        prove::equals_together(together, inputs, combined, budget)
    }
}

/// What the kernel makes of an action: an errno past the largest is the largest.
pub(super) fn carried_out(action: Action) -> Action {
    Action::from_ret(action.ret())
}

const MILDEST: u32 = 7;
const MOST_DATA: u32 = 0xffff;

/// The place in the kernel's order, most severe first, and the data (`SECCOMP_RET_*`, include/uapi/linux/seccomp.h, as signed numbers).
fn parts(action: Action) -> (u32, u32) {
    match action {
        Action::KillProcess => (0, 0),
        Action::KillThread => (1, 0),
        Action::Trap(data) => (2, data.into()),
        Action::Errno(data) => (3, data.into()),
        Action::Notify => (4, 0),
        Action::Trace(data) => (5, data.into()),
        Action::Log => (6, 0),
        Action::Allow => (MILDEST, 0),
    }
}
