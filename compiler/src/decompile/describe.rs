//! Trees over the arguments as conditions that a person could have written.
//!
//! A condition on one argument becomes the shortest of several descriptions: values and ranges of the word, of the word under
//! a mask, what is left out instead of what is in, or alternatives of masked equalities. A condition on several is taken apart
//! argument by argument: which values of the first lead to which condition on the rest.

use std::collections::HashMap;

use super::cover::{Cube, cover};
use super::forest::{ARGUMENT_BITS, ARGUMENTS, Forest, Full, Level, Tree};
use crate::condition::{Atom, Condition, ValueSet, Width};

/// Values and ranges that one test may name.
const MOST_VALUES: usize = 4096;

/// Values under a mask that are worth a look.
const MOST_MASKED: usize = 512;

/// Alternatives of masked equalities that one condition may have.
const MOST_CUBES: usize = 2048;

/// A condition too entangled to be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entangled;

impl From<Full> for Entangled {
    fn from(Full: Full) -> Self {
        Self
    }
}

/// A condition with how much of it there is to read.
#[derive(Clone, Debug)]
struct Priced {
    cost: usize,
    condition: Condition,
}

/// Conditions of trees, each found once.
#[derive(Default)]
pub(super) struct Describer {
    found: HashMap<Tree, Priced>,
}

impl Describer {
    /// The condition that a tree of truth values is, as alternatives: none of them for what never holds.
    pub(super) fn alternatives(&mut self, forest: &mut Forest, tree: Tree) -> Result<Vec<Condition>, Entangled> {
        Ok(match self.describe(forest, tree)?.condition {
            Condition::Any(parts) => parts,
            single => vec![single],
        })
    }

    fn describe(&mut self, forest: &mut Forest, tree: Tree) -> Result<Priced, Entangled> {
        if tree.is_leaf() {
            let condition = if tree == Tree::TRUE { Condition::Always } else { Condition::Any(Vec::new()) };
            return Ok(Priced { cost: 0, condition });
        }
        if let Some(known) = self.found.get(&tree) {
            return Ok(known.clone());
        }
        let argument = argument_of(forest.level(tree));
        let end = ARGUMENTS + (argument + 1) * ARGUMENT_BITS;
        let rests = forest.below(tree, end);
        let priced = if rests.iter().all(|rest| rest.is_leaf()) {
            one_argument(forest, tree, argument)?
        } else {
            let whole = self.several_arguments(forest, tree, argument, &rests)?;
            // What is left out may be the shorter story.
            let opposite = forest.not(tree)?;
            let rests = forest.below(opposite, end);
            match self.several_arguments(forest, opposite, argument, &rests) {
                Ok(other) if other.cost + 1 < whole.cost => negated(other),
                _ => whole,
            }
        };
        self.found.insert(tree, priced.clone());
        Ok(priced)
    }

    /// Alternatives: some values of the first argument, and a condition on the others.
    fn several_arguments(
        &mut self,
        forest: &mut Forest,
        tree: Tree,
        argument: Level,
        rests: &[Tree],
    ) -> Result<Priced, Entangled> {
        let rests: Vec<Tree> = rests.iter().copied().filter(|&rest| rest != Tree::FALSE).collect();
        if rests.len() > MOST_CUBES {
            return Err(Entangled);
        }
        let end = ARGUMENTS + (argument + 1) * ARGUMENT_BITS;
        let mut values = Vec::with_capacity(rests.len());
        for &wanted in &rests {
            values.push(reaching(forest, tree, end, &|rest| rest == wanted, &mut HashMap::new())?);
        }
        let mut parts = Vec::new();
        let mut cost = 0;
        for (place, &rest) in rests.iter().enumerate() {
            // Where more than this condition holds, it holds as well: its values may be widened to that if it helps.
            let mut wide = values[place];
            for (&other, &more) in rests.iter().zip(&values) {
                if forest.and(rest, other)? == rest {
                    wide = forest.or(wide, more)?;
                }
            }
            let exact = one_argument(forest, values[place], argument)?;
            let wider = if wide == values[place] { None } else { one_argument(forest, wide, argument).ok() };
            let first = wider.filter(|wider| wider.cost < exact.cost).unwrap_or(exact);
            let then = self.describe(forest, rest)?;
            cost += first.cost + then.cost + 1;
            parts.push(both(first.condition, then.condition));
        }
        if parts.len() > MOST_CUBES {
            return Err(Entangled);
        }
        Ok(Priced { cost, condition: any(parts) })
    }
}

/// Which argument a level is of.
fn argument_of(level: Level) -> Level {
    (level - ARGUMENTS) / ARGUMENT_BITS
}

/// True where a tree leads past a level to one of some trees.
fn reaching(
    forest: &mut Forest,
    tree: Tree,
    end: Level,
    wanted: &dyn Fn(Tree) -> bool,
    done: &mut HashMap<Tree, Tree>,
) -> Result<Tree, Full> {
    let level = forest.level(tree);
    if level >= end {
        return Ok(Tree::truth(wanted(tree)));
    }
    if let Some(&known) = done.get(&tree) {
        return Ok(known);
    }
    let clear = reaching(forest, forest.side(tree, level, false), end, wanted, done)?;
    let set = reaching(forest, forest.side(tree, level, true), end, wanted, done)?;
    let bit = forest.bit(level)?;
    let found = forest.pick(bit, set, clear)?;
    done.insert(tree, found);
    Ok(found)
}

fn both(one: Condition, other: Condition) -> Condition {
    let parts = [one, other].into_iter().flat_map(|condition| match condition {
        Condition::Always => Vec::new(),
        Condition::All(parts) => parts,
        single => vec![single],
    });
    let mut parts: Vec<_> = parts.collect();
    match parts.len() {
        0 => Condition::Always,
        1 => parts.remove(0),
        _ => Condition::All(parts),
    }
}

fn any(parts: Vec<Condition>) -> Condition {
    let flat = parts.into_iter().flat_map(|condition| match condition {
        Condition::Any(parts) => parts,
        single => vec![single],
    });
    let mut parts: Vec<_> = flat.collect();
    if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) }
}

fn negated(priced: Priced) -> Priced {
    Priced { cost: priced.cost + 1, condition: Condition::Not(Box::new(priced.condition)) }
}

/// A condition on one argument, in the shortest way found.
fn one_argument(forest: &mut Forest, tree: Tree, argument: Level) -> Result<Priced, Entangled> {
    if tree.is_leaf() {
        let condition = if tree == Tree::TRUE { Condition::Always } else { Condition::Any(Vec::new()) };
        return Ok(Priced { cost: 0, condition });
    }
    let start = ARGUMENTS + argument * ARGUMENT_BITS;
    let looked_at: u64 = forest.levels(tree).into_iter().map(|level| 1 << (ARGUMENT_BITS - 1 - (level - start))).sum();
    let width = if looked_at >> 32 == 0 { Width::W32 } else { Width::W64 };
    let atom = |mask, values| Condition::Atom(Atom { arg: argument as u8, width, mask, values });
    let mut ways: Vec<Priced> = Vec::new();
    for (mask, limit) in [(width.max(), MOST_VALUES), (looked_at, MOST_MASKED)] {
        let extra = if mask == width.max() { 0 } else { 1 };
        let mut values = Vec::new();
        if ranges(forest, tree, start, mask, limit, &mut values) {
            let values = ValueSet::of(values);
            let others = values.complement(mask);
            let cost = cost(&values).min(cost(&others) + 1) + extra;
            ways.push(Priced { cost, condition: atom(mask, values) });
        }
        if looked_at == width.max() {
            break;
        }
    }
    let of_cubes = |cubes: Vec<Cube>| {
        let cost = cubes.iter().map(|_| 3).sum();
        let tests = cubes.into_iter().map(|cube| atom(cube.mask, ValueSet::one(cube.value)));
        Priced { cost, condition: any(tests.collect()) }
    };
    if ways.iter().all(|way| way.cost > 3) {
        let inside = cover(forest, tree, start, MOST_CUBES).map(of_cubes);
        let opposite = forest.not(tree)?;
        let outside = cover(forest, opposite, start, MOST_CUBES).map(of_cubes).map(negated);
        ways.extend([inside, outside].into_iter().flatten());
    }
    // The first of the shortest: plain values before masks before alternatives.
    ways.into_iter().min_by_key(|way| way.cost).ok_or(Entangled)
}

/// How much there is to read in a set.
fn cost(values: &ValueSet) -> usize {
    values.ranges().iter().map(|(low, high)| if low == high { 1 } else { 2 }).sum()
}

/// The values of a word under a mask for which a tree is true, ascending; the bits outside the mask make no difference to it.
/// Says whether they were no more than `limit` ranges.
fn ranges(forest: &Forest, tree: Tree, start: Level, mask: u64, limit: usize, found: &mut Vec<(u64, u64)>) -> bool {
    let first = if mask >> 32 == 0 { start + 32 } else { start };
    ranges_from(forest, tree, (start, first), mask, 0, limit, found)
}

fn ranges_from(
    forest: &Forest,
    tree: Tree,
    (start, level): (Level, Level),
    mask: u64,
    value: u64,
    limit: usize,
    found: &mut Vec<(u64, u64)>,
) -> bool {
    if tree == Tree::FALSE {
        return true;
    }
    let end = start + ARGUMENT_BITS;
    // The bits from this level down.
    let low = if level == end { 0 } else { u64::MAX >> (level - start) };
    // All of them free and contiguous: one range.
    if tree == Tree::TRUE && (mask & low) & (mask & low).wrapping_add(1) == 0 {
        let last = value | (mask & low);
        match found.last_mut() {
            Some(before) if before.1.checked_add(1) == Some(value) => before.1 = last,
            _ => found.push((value, last)),
        }
        return found.len() <= limit;
    }
    let bit = 1_u64 << (end - 1 - level);
    let below = (start, level + 1);
    let clear = forest.side(tree, level, false);
    if mask & bit == 0 {
        return ranges_from(forest, clear, below, mask, value, limit, found);
    }
    ranges_from(forest, clear, below, mask, value, limit, found)
        && ranges_from(forest, forest.side(tree, level, true), below, mask, value | bit, limit, found)
}
