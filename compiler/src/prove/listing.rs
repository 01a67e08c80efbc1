//! All numbers on which two functions don't stand in a relation.

use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::difference::Search;
use super::layout::Layout;
use super::verdict::{Relation, Witness};
use crate::call::SyscallData;

/// What [`differences`](super::differences) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    /// The ranges, tokens and then numbers ascending.
    pub ranges: Vec<Difference>,
    /// Whether there is no other. Else the limit ended the list.
    pub complete: bool,
}

/// Neighbouring tokens and numbers for which each filter does one thing, whatever it is, and the two don't go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// First and last `seccomp_data.arch`.
    pub tokens: (u32, u32),
    /// First and last `seccomp_data.nr`.
    pub numbers: (u32, u32),
    /// A call of the first token and number that shows it.
    pub witness: Witness,
}

/// A range of values of one word, and both functions there.
struct Block {
    first: u32,
    last: u32,
    left: Function,
    right: Function,
}

pub(super) fn differences(
    diagrams: &mut Diagrams,
    relation: Relation,
    left: Function,
    right: Function,
    limit: usize,
) -> Result<Differences, OutOfNodes> {
    let mut search = Search::new(diagrams, relation);
    let mut ranges = Vec::new();
    // One more than the limit, to know whether the list is complete.
    let enough = limit.saturating_add(1);
    for of_tokens in blocks(&mut search, &Layout::arch(), left, right, enough)? {
        let room = enough - ranges.len();
        for of_numbers in blocks(&mut search, &Layout::nr(), of_tokens.left, of_tokens.right, room)? {
            let data = SyscallData::new(of_tokens.first, of_numbers.first, [0; 6]);
            ranges.extend(search.search(of_numbers.left, of_numbers.right, data)?.map(|witness| Difference {
                tokens: (of_tokens.first, of_tokens.last),
                numbers: (of_numbers.first, of_numbers.last),
                witness,
            }));
        }
    }
    let complete = ranges.len() <= limit;
    ranges.truncate(limit);
    Ok(Differences { ranges, complete })
}

/// The first `enough` ranges of a word for which the relation fails below it.
fn blocks(
    search: &mut Search<'_>,
    bits: &[Option<Level>],
    left: Function,
    right: Function,
    enough: usize,
) -> Result<Vec<Block>, OutOfNodes> {
    let mut blocks = Vec::new();
    collect(search, bits, Block { first: 0, last: u32::MAX, left, right }, enough, &mut blocks)?;
    Ok(blocks)
}

fn collect(
    search: &mut Search<'_>,
    bits: &[Option<Level>],
    block: Block,
    enough: usize,
    found: &mut Vec<Block>,
) -> Result<(), OutOfNodes> {
    let Block { first, last, left, right } = block;
    if found.len() >= enough || search.search(left, right, SyscallData::new(0, 0, [0; 6]))?.is_none() {
        return Ok(());
    }
    // Levels the functions don't test here are skipped with the whole block.
    let top = search.diagrams.top(left, right);
    match bits.split_first() {
        Some((&Some(level), rest)) if top.is_some_and(|top| bits.contains(&Some(top))) => {
            let (left_low, left_high) = search.diagrams.halves(left, level);
            let (right_low, right_high) = search.diagrams.halves(right, level);
            let middle = first + (last - first) / 2;
            let low = Block { first, last: middle, left: left_low, right: right_low };
            let high = Block { first: middle + 1, last, left: left_high, right: right_high };
            collect(search, rest, low, enough, found)?;
            collect(search, rest, high, enough, found)
        }
        _ => {
            match found.last_mut() {
                Some(before)
                    if (before.left, before.right, before.last.checked_add(1)) == (left, right, Some(first)) =>
                {
                    before.last = last;
                }
                _ => found.push(block),
            }
            Ok(())
        }
    }
}
