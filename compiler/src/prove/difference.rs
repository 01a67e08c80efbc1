//! A call on which two functions don't stand in a relation.

use std::collections::HashSet;

use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use super::verdict::{Relation, Witness};
use crate::abi::Abi;
use crate::call::SyscallData;

/// The first call on which the relation fails: of the ABIs the tables know, if there is one, then of any token; the
/// smallest number, then the smallest words.
pub(super) fn first(
    diagrams: &mut Diagrams,
    relation: Relation,
    left: Function,
    right: Function,
) -> Result<Option<Witness>, OutOfNodes> {
    // Both relations hold between a function and itself.
    if left == right {
        return Ok(None);
    }
    let mut search = Search::new(diagrams, relation);
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

pub(super) struct Search<'a> {
    pub(super) diagrams: &'a mut Diagrams,
    relation: Relation,
    /// Pairs for which the relation holds everywhere.
    settled: HashSet<(Function, Function)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(diagrams: &'a mut Diagrams, relation: Relation) -> Self {
        Self { diagrams, relation, settled: HashSet::new() }
    }

    /// The first call on which the relation fails between the two, below the tests that `data` answers.
    pub(super) fn search(
        &mut self,
        left: Function,
        right: Function,
        data: SyscallData,
    ) -> Result<Option<Witness>, OutOfNodes> {
        // Both relations hold between a function and itself.
        if left == right || self.settled.contains(&(left, right)) {
            return Ok(None);
        }
        let Some(level) = self.diagrams.top(left, right) else {
            let (Some(left), Some(right)) = (left.action(), right.action()) else { return Ok(None) };
            return Ok((!self.relation.holds(left, right)).then_some(Witness { data, left, right }));
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
