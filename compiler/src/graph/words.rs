//! What a decision can look at.

use crate::abi::Endian;
use crate::bpf::offset;

/// A 32-bit word of `seccomp_data`. The order is the one decisions look at them: the token, the number, then each argument's
/// high half before its low one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word {
    rank: u8,
    /// Byte offset in `seccomp_data`.
    pub offset: u8,
}

impl Word {
    /// `seccomp_data.arch`.
    pub const TOKEN: Self = Self { rank: 0, offset: offset::ARCH as u8 };
    /// `seccomp_data.nr`.
    pub const NUMBER: Self = Self { rank: 1, offset: offset::NUMBER as u8 };

    /// A stand-in for the word that is looked at after `rank` others, in a graph of one call that has an order of its own.
    pub(super) fn ranked(rank: u8) -> Self {
        Self { rank, offset: 0 }
    }

    /// How many words are looked at before it, of a [`ranked`](Self::ranked) one.
    pub(super) fn place(self) -> usize {
        self.rank.into()
    }

    /// Which argument it is a half of; `None` for the token and the number.
    pub(super) fn argument(self) -> Option<u8> {
        self.rank.checked_sub(2).map(|half| half / 2)
    }

    /// The high 32 bits of an argument.
    #[must_use]
    pub fn high(argument: u8, endian: Endian) -> Self {
        Self::half(argument, endian == Endian::Little, 0)
    }

    /// The low 32 bits of an argument.
    #[must_use]
    pub fn low(argument: u8, endian: Endian) -> Self {
        Self::half(argument, endian == Endian::Big, 1)
    }

    fn half(argument: u8, second: bool, half_rank: u8) -> Self {
        // Arguments are numbered 0 to 5 (`Atom::arg`), so nothing here can overflow.
        Self {
            rank: 2 + argument * 2 + half_rank,
            offset: offset::ARGUMENTS as u8 + argument * 8 + u8::from(second) * 4,
        }
    }
}

/// A word under a mask: `word & mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// The word.
    pub word: Word,
    /// The bits looked at.
    pub mask: u32,
}

impl Variable {
    /// The whole word.
    #[must_use]
    pub fn whole(word: Word) -> Self {
        Self { word, mask: u32::MAX }
    }

    /// By word; of one word, the whole word first (it needs no AND), then few bits before many (one bit needs none either).
    fn order(self) -> (Word, bool, u32, u32) {
        (self.word, self.mask != u32::MAX, self.mask.count_ones(), self.mask)
    }
}

impl PartialOrd for Variable {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Variable {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_stand_where_the_byte_order_puts_them() {
        let offsets = |endian| [Word::high(0, endian).offset, Word::low(0, endian).offset, Word::low(5, endian).offset];
        assert_eq!(offsets(Endian::Little), [20, 16, 56]);
        assert_eq!(offsets(Endian::Big), [16, 20, 60]);
    }

    #[test]
    fn tests_of_one_argument_stand_together() {
        let low = |mask| Variable { word: Word::low(1, Endian::Little), mask };
        let ordered = [
            Variable::whole(Word::TOKEN),
            Variable::whole(Word::NUMBER),
            Variable::whole(Word::low(0, Endian::Little)),
            Variable::whole(Word::high(1, Endian::Little)),
            low(u32::MAX),
            low(4),
            low(3),
            Variable::whole(Word::high(2, Endian::Little)),
        ];
        assert!(ordered.is_sorted());
    }
}
