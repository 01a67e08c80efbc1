//! Alternatives of masked equalities, none of which can be left out (Minato and Morreale's irredundant cover).

use std::collections::HashMap;

use super::forest::{ARGUMENT_BITS, Forest, Full, Level, Tree};

/// `word & mask == value`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cube {
    pub(super) mask: u64,
    pub(super) value: u64,
}

/// Cubes over the 64 bits from level `start` that together are a tree of truth values. `None` past a limit.
pub(super) fn cover(forest: &mut Forest, tree: Tree, start: Level, limit: usize) -> Option<Vec<Cube>> {
    let mut cover = Cover { start, limit, done: HashMap::new() };
    let (cubes, _) = cover.between(forest, tree, tree).ok()?;
    let mut cubes: Vec<Cube> = cubes.to_vec();
    cubes.sort_unstable();
    Some(cubes)
}

type Found = (Vec<Cube>, Tree);

struct Cover {
    start: Level,
    limit: usize,
    done: HashMap<(Tree, Tree), Found>,
}

impl Cover {
    /// Cubes that hold wherever `least` does and nowhere that `most` doesn't, and where they hold.
    fn between(&mut self, forest: &mut Forest, least: Tree, most: Tree) -> Result<Found, Full> {
        if least == Tree::FALSE {
            return Ok((Vec::new(), Tree::FALSE));
        }
        if most == Tree::TRUE {
            return Ok((vec![Cube { mask: 0, value: 0 }], Tree::TRUE));
        }
        if let Some(found) = self.done.get(&(least, most)) {
            return Ok(found.clone());
        }
        let level = forest.level(least).min(forest.level(most));
        let [least_clear, least_set] = [false, true].map(|bit| forest.side(least, level, bit));
        let [most_clear, most_set] = [false, true].map(|bit| forest.side(most, level, bit));
        let not_most_set = forest.not(most_set)?;
        let not_most_clear = forest.not(most_clear)?;
        // What must hold on one side and must not on the other needs the bit.
        let only_clear = forest.and(least_clear, not_most_set)?;
        let only_set = forest.and(least_set, not_most_clear)?;
        let (clear_cubes, clear) = self.between(forest, only_clear, most_clear)?;
        let (set_cubes, set) = self.between(forest, only_set, most_set)?;
        let [not_clear, not_set] = [forest.not(clear)?, forest.not(set)?];
        let left_clear = forest.and(least_clear, not_clear)?;
        let left_set = forest.and(least_set, not_set)?;
        let left = forest.or(left_clear, left_set)?;
        let most_both = forest.and(most_clear, most_set)?;
        let (both_cubes, both) = self.between(forest, left, most_both)?;
        let bit = 1_u64 << (self.start + ARGUMENT_BITS - 1 - level);
        let with = |cubes: Vec<Cube>, value: u64| {
            cubes.into_iter().map(move |cube| Cube { mask: cube.mask | bit, value: cube.value | value })
        };
        let cubes: Vec<Cube> = with(clear_cubes, 0).chain(with(set_cubes, bit)).chain(both_cubes).collect();
        if cubes.len() > self.limit {
            return Err(Full);
        }
        let test = forest.bit(level)?;
        let sides = forest.pick(test, set, clear)?;
        let found = (cubes, forest.or(sides, both)?);
        self.done.insert((least, most), found.clone());
        Ok(found)
    }
}
