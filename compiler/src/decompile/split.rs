//! A tree cut by token and number.

use super::forest::{ARGUMENTS, Forest, Level, NUMBER, Tree};

/// Ranges that one word may be cut into.
const MOST_RANGES: usize = 1 << 16;

/// Values of a 32-bit word, both ends in, and what the filter does there.
pub(super) type Piece = (u32, u32, Tree);

/// What a tree does for each number: neighbouring numbers with the same tree are one piece. `None` past [`MOST_RANGES`].
pub(super) fn by_number(forest: &Forest, tree: Tree) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    cut(forest, tree, (NUMBER, ARGUMENTS), 0, &mut pieces).then_some(pieces)
}

/// What a tree does for each token.
pub(super) fn by_token(forest: &Forest, tree: Tree) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    cut(forest, tree, (0, NUMBER), 0, &mut pieces).then_some(pieces)
}

/// Cuts at a level of a word that ends before another, where its higher bits are those of `first`. Says whether that came to
/// few enough pieces.
fn cut(forest: &Forest, tree: Tree, (level, end): (Level, Level), first: u32, pieces: &mut Vec<Piece>) -> bool {
    let below = end - level;
    if forest.level(tree) >= end {
        // All bits from here down are free.
        let last = first | u32::MAX.checked_shr(u32::from(32 - below)).unwrap_or(0);
        match pieces.last_mut() {
            Some(before) if before.2 == tree && before.1.checked_add(1) == Some(first) => before.1 = last,
            _ => pieces.push((first, last, tree)),
        }
        return pieces.len() <= MOST_RANGES;
    }
    let bit = 1 << (below - 1);
    let next = (level + 1, end);
    cut(forest, forest.side(tree, level, false), next, first, pieces)
        && cut(forest, forest.side(tree, level, true), next, first | bit, pieces)
}

/// What a tree does for one token.
pub(super) fn of_token(forest: &Forest, tree: Tree, token: u32) -> Tree {
    (0..NUMBER).fold(tree, |tree, level| forest.side(tree, level, token >> (NUMBER - 1 - level) & 1 == 1))
}

/// The pieces inside some ranges.
pub(super) fn within<'p>(pieces: &'p [Piece], ranges: &'p [(u32, u32)]) -> impl Iterator<Item = Piece> + 'p {
    ranges.iter().flat_map(move |&(low, high)| {
        let after = pieces.partition_point(move |piece| piece.1 < low);
        pieces[after..]
            .iter()
            .take_while(move |piece| piece.0 <= high)
            .map(move |&(first, last, tree)| (first.max(low), last.min(high), tree))
    })
}

/// What is done with one value.
pub(super) fn at(pieces: &[Piece], value: u32) -> Option<Tree> {
    let after = pieces.partition_point(|piece| piece.1 < value);
    pieces.get(after).map(|piece| piece.2)
}
