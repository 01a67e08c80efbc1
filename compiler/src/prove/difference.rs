//! A call on which two functions stand in a relation they should not.

use std::collections::HashSet;

use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::abi::Abi;
use crate::action::Action;
use crate::call::SyscallData;

/// What two functions of one store must be to each other, for every call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Do the same.
    Equal,
    /// The left does the same as the right or something more severe.
    Within,
}

impl Relation {
    fn holds(self, left: Action, right: Action) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Within => without_data(left) <= without_data(right),
        }
    }
}

/// The kernel compares actions without their data (`ACTION_ONLY`, kernel/seccomp.c).
fn without_data(action: Action) -> Action {
    Action::from_ret(action.ret() & 0xffff_0000)
}

/// A call and what each side does with it.
pub(super) type Difference = (SyscallData, Action, Action);

/// The first call on which the relation fails: of the ABIs the tables know, if there is one, then of any token; the
/// smallest number, then the smallest words.
pub(super) fn difference(
    diagrams: &mut Diagrams,
    relation: Relation,
    left: Function,
    right: Function,
) -> Result<Option<Difference>, OutOfNodes> {
    let mut search = Search { diagrams, relation, settled: HashSet::new() };
    for token in Abi::ALL.iter().map(|abi| abi.token()) {
        let data = SyscallData::new(token, 0, [0; 6]);
        let of_token = |function| {
            Layout::arch().iter().flatten().zip((0..32).rev()).fold(function, |function, (&level, bit)| {
                let (low, high) = search.diagrams.halves(function, level);
                if token >> bit & 1 == 1 { high } else { low }
            })
        };
        let (left, right) = (of_token(left), of_token(right));
        if let Some(difference) = search.search(left, right, data)? {
            return Ok(Some(difference));
        }
    }
    search.search(left, right, SyscallData::new(0, 0, [0; 6]))
}

struct Search<'a> {
    diagrams: &'a mut Diagrams,
    relation: Relation,
    /// Pairs for which the relation holds everywhere.
    settled: HashSet<(Function, Function)>,
}

impl Search<'_> {
    /// `data` is what was tested above the two.
    fn search(&mut self, left: Function, right: Function, data: SyscallData) -> Result<Option<Difference>, OutOfNodes> {
        // Both relations hold between a function and itself.
        if left == right || self.settled.contains(&(left, right)) {
            return Ok(None);
        }
        let Some(level) = self.diagrams.top(left, right) else {
            let (Some(left), Some(right)) = (left.action(), right.action()) else { return Ok(None) };
            return Ok((!self.relation.holds(left, right)).then_some((data, left, right)));
        };
        let (left_low, left_high) = self.diagrams.halves(left, level);
        let (right_low, right_high) = self.diagrams.halves(right, level);
        if let Some(difference) = self.search(left_low, right_low, data)? {
            return Ok(Some(difference));
        }
        let mut with_bit = data;
        Layout::PLAIN.set(&mut with_bit, level);
        if let Some(difference) = self.search(left_high, right_high, with_bit)? {
            return Ok(Some(difference));
        }
        self.diagrams.charge(1)?;
        self.settled.insert((left, right));
        Ok(None)
    }
}
