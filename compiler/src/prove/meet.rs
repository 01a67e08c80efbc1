//! What several filters do together, call by call, and whether one filter does the same.

use std::collections::HashMap;

use super::Budget;
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::proof::{confirm_side, function};
use super::verdict::{Filter, Relation, Side, Undecided, Verdict};
use super::{difference, verdict::Witness};
use crate::action::Action;

/// Which of two filters' answers to one call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// As the kernel does it with loaded filters, the first one loaded first: the smaller return value as a signed number
    /// without its data; where those are equal, the filter that was loaded later (kernel/seccomp.c, `seccomp_run_filters`,
    /// Linux 6.18, which goes from the newest filter to the oldest and replaces an answer only by a smaller one).
    Stack,
    /// The smaller by [`Action`]'s order: the more severe; of two with data, the smaller number.
    Strictest,
    /// The larger by [`Action`]'s order: the less severe; of two with data, the larger number.
    Mildest,
}

impl Together {
    /// The answer of two filters, of which `newer` is the later one.
    fn answer(self, older: Action, newer: Action) -> Action {
        let without_data = |action: Action| (action.ret() & 0xffff_0000).cast_signed();
        match self {
            Self::Stack if without_data(older) < without_data(newer) => older,
            Self::Stack => newer,
            Self::Strictest => older.min(newer),
            Self::Mildest => older.max(newer),
        }
    }
}

/// Whether one filter does with every call what these do together, oldest first. The witness of a difference has their answer
/// on the left and the one filter's on the right.
///
/// No filters at all are no filter: they allow.
#[must_use]
pub fn equals_together(together: Together, filters: &[Filter<'_>], one: Filter<'_>, budget: Budget) -> Verdict {
    match compare(together, filters, one, budget) {
        Ok(None) => Verdict::Holds,
        Ok(Some(witness)) => Verdict::Fails(witness),
        Err(undecided) => Verdict::Undecided(undecided),
    }
}

fn compare(
    together: Together,
    filters: &[Filter<'_>],
    one: Filter<'_>,
    budget: Budget,
) -> Result<Option<Witness>, Undecided> {
    let mut diagrams = Diagrams::new(budget.nodes);
    let comparison = |OutOfNodes| Undecided::Comparison(budget);
    let mut all = None;
    for &filter in filters {
        let newer = function(&mut diagrams, filter, Side::Left, budget)?;
        all = Some(match all {
            None => newer,
            Some(older) => {
                let mut pairs = Pairs { diagrams: &mut diagrams, together, known: HashMap::new() };
                pairs.answer(older, newer).map_err(comparison)?
            }
        });
    }
    let all = all.unwrap_or(Function::constant(Action::Allow));
    let right = function(&mut diagrams, one, Side::Right, budget)?;
    let found = difference::first(&mut diagrams, Relation::Equal, all, right).map_err(comparison)?;
    Ok(found.inspect(|witness| confirm_side(one, &witness.data, witness.right)))
}

/// Two functions followed side by side.
struct Pairs<'a> {
    diagrams: &'a mut Diagrams,
    together: Together,
    known: HashMap<(Function, Function), Function>,
}

impl Pairs<'_> {
    fn answer(&mut self, older: Function, newer: Function) -> Result<Function, OutOfNodes> {
        if older == newer {
            return Ok(older);
        }
        let Some(level) = self.diagrams.top(older, newer) else {
            // Functions of filters end in actions.
            let (Some(older), Some(newer)) = (older.action(), newer.action()) else { return Err(OutOfNodes) };
            return Ok(Function::constant(self.together.answer(older, newer)));
        };
        if let Some(&known) = self.known.get(&(older, newer)) {
            return Ok(known);
        }
        self.diagrams.charge(1)?;
        let (older_low, older_high) = self.diagrams.halves(older, level);
        let (newer_low, newer_high) = self.diagrams.halves(newer, level);
        let low = self.answer(older_low, newer_low)?;
        let high = self.answer(older_high, newer_high)?;
        let answer = self.diagrams.test(level, low, high)?;
        self.known.insert((older, newer), answer);
        Ok(answer)
    }
}
