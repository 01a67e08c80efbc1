//! Conditions on argument words, after types: what is left is sets of unsigned words.
//!
//! Every comparison of the language comes down to one shape, "the masked word is in this set": `x == 3` is {3},
//! `x != 3` is everything but 3, a signed `x < 5` is two unsigned ranges, `has F` is `x & F` in {F}, `lacks F` is
//! `x & F` in {0}. So later stages know one kind of test.

use serde::{Deserialize, Serialize};

/// How much of an argument the kernel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Width {
    /// The low 32 bits; the high ones are ignored, as the kernel ignores them.
    W32,
    /// All 64 bits.
    W64,
}

impl Width {
    /// The largest value of this width.
    #[must_use]
    pub fn max(self) -> u64 {
        match self {
            Self::W32 => 0xffff_ffff,
            Self::W64 => u64::MAX,
        }
    }
}

/// A set of unsigned words, as sorted, disjoint, non-adjacent inclusive ranges. Equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueSet(Vec<(u64, u64)>);

impl ValueSet {
    /// One word.
    #[must_use]
    pub fn one(value: u64) -> Self {
        Self(vec![(value, value)])
    }

    /// The words of these inclusive ranges, in any order, overlapping or not. A range that ends before it starts is empty.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(low, high)| low <= high).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if last.1 == u64::MAX || low <= last.1 + 1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Whether the word is in the set.
    #[must_use]
    pub fn contains(&self, value: u64) -> bool {
        let after = self.0.partition_point(|&(low, _)| low <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// The words of `0..=max` that are not in the set.
    #[must_use]
    pub fn complement(&self, max: u64) -> Self {
        let mut gaps = Vec::new();
        let mut next = Some(0);
        for &(low, high) in &self.0 {
            let Some(start) = next.filter(|&start| start <= max) else { break };
            if start < low {
                gaps.push((start, (low - 1).min(max)));
            }
            next = high.checked_add(1);
        }
        if let Some(start) = next.filter(|&start| start <= max) {
            gaps.push((start, max));
        }
        Self(gaps)
    }

    /// Whether no word is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `arg & mask` is in a set, where `arg` is cut to a width first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Atom {
    /// Which argument, 0 to 5.
    pub arg: u8,
    /// How much of it is looked at.
    pub width: Width,
    /// The bits looked at. No bit above the width.
    pub mask: u64,
    /// What they may be.
    pub values: ValueSet,
}

impl Atom {
    /// Whether it holds for these argument words.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        self.values.contains(args[usize::from(self.arg)] & self.width.max() & self.mask)
    }
}

/// A condition on the six argument words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Holds always: the empty "and".
    Always,
    /// One test.
    Atom(Atom),
    /// The opposite.
    Not(Box<Self>),
    /// All of them.
    All(Vec<Self>),
    /// At least one of them.
    Any(Vec<Self>),
}

impl Condition {
    /// Whether it holds for these argument words. This is the definition that every engine is held to.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        match self {
            Self::Always => true,
            Self::Atom(atom) => atom.holds(args),
            Self::Not(inner) => !inner.holds(args),
            Self::All(parts) => parts.iter().all(|part| part.holds(args)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(args)),
        }
    }

    /// Calls `visit` with every test in it, left to right.
    pub fn atoms<'a>(&'a self, visit: &mut dyn FnMut(&'a Atom)) {
        match self {
            Self::Always => {}
            Self::Atom(atom) => visit(atom),
            Self::Not(inner) => inner.atoms(visit),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.atoms(visit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_canonical() {
        assert_eq!(ValueSet::of([(5, 6), (1, 2), (3, 4), (9, 8)]), ValueSet::of([(1, 6)]));
        assert_eq!(ValueSet::of([(0, u64::MAX), (7, 9)]).ranges(), [(0, u64::MAX)]);
    }

    #[test]
    fn complement_is_the_other_half() {
        let max = Width::W32.max();
        for ranges in [vec![], vec![(0, 0)], vec![(3, 3)], vec![(0, 4), (9, max)], vec![(max, max)], vec![(0, max)]] {
            let set = ValueSet::of(ranges);
            let other = set.complement(max);
            for value in [0, 1, 2, 3, 4, 5, 8, 9, max - 1, max] {
                assert_ne!(set.contains(value), other.contains(value), "{set:?} {value}");
            }
            assert_eq!(other.complement(max), set);
        }
        assert_eq!(ValueSet::one(u64::MAX).complement(u64::MAX).ranges(), [(0, u64::MAX - 1)]);
    }
}
