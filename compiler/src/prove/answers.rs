//! Every pair of answers that two filters give to the calls of a number and that doesn't stand in a relation.

use std::collections::{BTreeMap, HashSet};

use super::Budget;
use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::layout::Layout;
use super::listing;
use super::proof::both;
use super::verdict::{Filter, Relation, Undecided, Witness};
use crate::action::Action;
use crate::call::SyscallData;

/// Neighbouring tokens and numbers on which each of two filters does one thing, and the two don't go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// First and last `seccomp_data.arch`.
    pub tokens: (u32, u32),
    /// First and last `seccomp_data.nr`.
    pub numbers: (u32, u32),
    /// Every pair of answers, each with its smallest call of the first token and number, ascending by action. Never empty.
    pub pairs: Vec<Witness>,
    /// Whether every call of these numbers, whatever its arguments, gets these answers: there is one pair then.
    pub always: bool,
}

/// What [`answers()`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllAnswers {
    /// The ranges, tokens and then numbers ascending.
    pub ranges: Vec<Answers>,
    /// Whether there is no other. Else the limit ended the list.
    pub complete: bool,
}

/// Every number for which two filters don't stand in the relation, with every pair of answers that shows it; tokens and
/// numbers ascending, at most `limit` ranges.
///
/// # Errors
/// No answer.
pub fn answers(
    relation: Relation,
    left: Filter<'_>,
    right: Filter<'_>,
    limit: usize,
    budget: Budget,
) -> Result<AllAnswers, Undecided> {
    both(left, right, budget, |diagrams, of_left, of_right| {
        let found = listing::differences(diagrams, relation, of_left, of_right, limit)?;
        let of_range = |range: listing::Difference| {
            let data = SyscallData::new(range.tokens.0, range.numbers.0, [0; 6]);
            let at = |function| {
                let function = follow(diagrams, function, &Layout::arch(), data.arch);
                follow(diagrams, function, &Layout::nr(), data.nr)
            };
            let (of_left, of_right) = (at(of_left), at(of_right));
            let mut pairs = Pairs { diagrams, relation, seen: HashSet::new(), found: BTreeMap::new() };
            pairs.collect(of_left, of_right, data)?;
            let pairs = pairs.found.into_iter();
            Ok(Answers {
                tokens: range.tokens,
                numbers: range.numbers,
                pairs: pairs.map(|((left, right), data)| Witness { data, left, right }).collect(),
                always: of_left.is_terminal() && of_right.is_terminal(),
            })
        };
        let ranges = found.ranges.into_iter().map(of_range).collect::<Result<_, _>>()?;
        Ok(AllAnswers { ranges, complete: found.complete })
    })
}

/// The function below a word that has this value.
fn follow(diagrams: &Diagrams, function: Function, bits: &[Option<Level>; 32], value: u32) -> Function {
    bits.iter().flatten().zip((0..32).rev()).fold(function, |function, (&level, bit)| {
        let (low, high) = diagrams.halves(function, level);
        if value >> bit & 1 == 1 { high } else { low }
    })
}

/// Two functions followed side by side, smaller words first.
struct Pairs<'a> {
    diagrams: &'a mut Diagrams,
    relation: Relation,
    /// What is below them is found already, with words that are smaller.
    seen: HashSet<(Function, Function)>,
    found: BTreeMap<(Action, Action), SyscallData>,
}

impl Pairs<'_> {
    fn collect(&mut self, left: Function, right: Function, data: SyscallData) -> Result<(), OutOfNodes> {
        // Every relation holds between a function and itself.
        if left == right || !self.seen.insert((left, right)) {
            return Ok(());
        }
        self.diagrams.charge(1)?;
        let Some(level) = self.diagrams.top(left, right) else {
            let (Some(left), Some(right)) = (left.action(), right.action()) else { return Ok(()) };
            if !self.relation.holds(left, right) {
                self.found.entry((left, right)).or_insert(data);
            }
            return Ok(());
        };
        let (left_low, left_high) = self.diagrams.halves(left, level);
        let (right_low, right_high) = self.diagrams.halves(right, level);
        self.collect(left_low, right_low, data)?;
        let mut with_bit = data;
        Layout::PLAIN.set(&mut with_bit, level);
        self.collect(left_high, right_high, with_bit)
    }
}
