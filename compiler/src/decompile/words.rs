//! 32-bit words as a filter computes them, bit by bit.

use super::forest::{Forest, Full, Level, Tree};
use crate::action::Action;
use crate::bpf::op;

/// A word: the tree of each bit, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Word(pub(super) [Tree; 32]);

/// Leaves one `ret a` may have.
const MOST_RETURNS: usize = 1 << 12;

impl Word {
    pub(super) fn constant(value: u32) -> Self {
        Self(std::array::from_fn(|bit| Tree::truth(value >> bit & 1 == 1)))
    }

    /// The 32 bits of the call whose highest is at a level.
    pub(super) fn loaded(highest: Level, forest: &mut Forest) -> Result<Self, Full> {
        let mut bits = [Tree::FALSE; 32];
        for (bit, level) in bits.iter_mut().rev().zip(highest..) {
            *bit = forest.bit(level)?;
        }
        Ok(Self(bits))
    }

    /// The value of a word that is the same for every call.
    pub(super) fn value(&self) -> Option<u32> {
        (0..32).try_fold(0, |value, bit| match self.0[bit] {
            Tree::FALSE => Some(value),
            Tree::TRUE => Some(value | 1 << bit),
            _ => None,
        })
    }

    fn each(self, other: Self, mut combine: impl FnMut(Tree, Tree) -> Result<Tree, Full>) -> Result<Self, Full> {
        let mut bits = self.0;
        for (bit, other) in bits.iter_mut().zip(other.0) {
            *bit = combine(*bit, other)?;
        }
        Ok(Self(bits))
    }

    /// The result of an arithmetic operation of the machine. That of a division by zero is never used.
    pub(super) fn compute(self, operation: u16, right: Self, forest: &mut Forest) -> Result<Self, Full> {
        match operation {
            op::AND => self.each(right, |a, b| forest.and(a, b)),
            op::OR => self.each(right, |a, b| forest.or(a, b)),
            op::XOR => self.each(right, |a, b| forest.xor(a, b)),
            op::ADD => self.sum(right, Tree::FALSE, forest),
            op::SUB => self.difference(right, forest),
            op::NEG => Self::constant(0).difference(self, forest),
            op::LSH => self.shifted(right, forest, Self::left),
            op::RSH => self.shifted(right, forest, Self::right),
            op::MUL => self.product(right, forest),
            _ => self.quotient(right, forest),
        }
    }

    fn sum(self, other: Self, mut carry: Tree, forest: &mut Forest) -> Result<Self, Full> {
        self.each(other, |a, b| {
            let one = forest.xor(a, b)?;
            let bit = forest.xor(one, carry)?;
            carry = forest.pick(one, carry, a)?;
            Ok(bit)
        })
    }

    fn difference(self, other: Self, forest: &mut Forest) -> Result<Self, Full> {
        let inverse = other.each(other, |bit, _| forest.not(bit))?;
        self.sum(inverse, Tree::TRUE, forest)
    }

    fn left(self, by: usize) -> Self {
        Self(std::array::from_fn(|bit| if bit < by { Tree::FALSE } else { self.0[bit - by] }))
    }

    fn right(self, by: usize) -> Self {
        Self(std::array::from_fn(|bit| self.0.get(bit + by).copied().unwrap_or(Tree::FALSE)))
    }

    /// Shifts use the low five bits of the distance, as `bpf_convert_filter` has it.
    fn shifted(self, by: Self, forest: &mut Forest, shift: impl Fn(Self, usize) -> Self) -> Result<Self, Full> {
        let mut word = self;
        for bit in 0..5 {
            let further = shift(word, 1 << bit);
            let when = by.0[bit];
            word = further.each(word, |yes, no| forest.pick(when, yes, no))?;
        }
        Ok(word)
    }

    fn product(self, other: Self, forest: &mut Forest) -> Result<Self, Full> {
        let (word, times) = if self.value().is_some() { (other, self) } else { (self, other) };
        let mut sum = Self::constant(0);
        for (bit, when) in times.0.into_iter().enumerate() {
            if when != Tree::FALSE {
                let more = sum.sum(word.left(bit), Tree::FALSE, forest)?;
                sum = more.each(sum, |yes, no| forest.pick(when, yes, no))?;
            }
        }
        Ok(sum)
    }

    /// Long division, a bit of the quotient at a time.
    fn quotient(self, by: Self, forest: &mut Forest) -> Result<Self, Full> {
        if let Some(value) = by.value().filter(|value| value.is_power_of_two()) {
            return Ok(self.right(value.trailing_zeros() as usize));
        }
        let mut bits = [Tree::FALSE; 32];
        let mut rest = Self::constant(0);
        for bit in (0..32).rev() {
            // The rest is less than the divisor; doubled it may need a 33rd bit.
            let carried = rest.0[31];
            rest = rest.left(1);
            rest.0[0] = self.0[bit];
            let enough = rest.compare(op::JGE, by, forest)?;
            let goes = forest.or(carried, enough)?;
            let less = rest.difference(by, forest)?;
            rest = less.each(rest, |yes, no| forest.pick(goes, yes, no))?;
            bits[bit] = goes;
        }
        Ok(Self(bits))
    }

    /// The outcome of a jump's test.
    pub(super) fn compare(self, condition: u16, right: Self, forest: &mut Forest) -> Result<Tree, Full> {
        let pairs = self.0.into_iter().zip(right.0);
        match condition {
            op::JSET => {
                let mut common = Tree::FALSE;
                // From the bits tested last, so that trees grow at their roots.
                for (a, b) in pairs {
                    let both = forest.and(a, b)?;
                    common = forest.or(both, common)?;
                }
                Ok(common)
            }
            op::JEQ => {
                let mut equal = Tree::TRUE;
                for (a, b) in pairs {
                    let differ = forest.xor(a, b)?;
                    equal = forest.pick(differ, Tree::FALSE, equal)?;
                }
                Ok(equal)
            }
            _ => {
                let mut greater = Tree::truth(condition == op::JGE);
                for (a, b) in pairs {
                    let differ = forest.xor(a, b)?;
                    greater = forest.pick(differ, a, greater)?;
                }
                Ok(greater)
            }
        }
    }

    /// What the kernel does when a filter returns this word.
    pub(super) fn returned(&self, forest: &mut Forest) -> Result<Tree, Full> {
        let mut left = MOST_RETURNS;
        self.returned_from(32, 0, &mut left, forest)
    }

    /// As [`Word::returned`], when the bits from `bit` up are these.
    fn returned_from(&self, bit: usize, value: u32, left: &mut usize, forest: &mut Forest) -> Result<Tree, Full> {
        let low = if bit == 32 { u32::MAX } else { (1 << bit) - 1 };
        let action = Action::from_ret(value);
        // Actions are told apart by the high half; with it known, data below may not matter.
        if bit == 0 || bit <= 16 && Action::from_ret(value | low) == action {
            *left = left.checked_sub(1).ok_or(Full)?;
            return Ok(forest.leaf(action));
        }
        match self.0[bit - 1] {
            Tree::FALSE => self.returned_from(bit - 1, value, left, forest),
            Tree::TRUE => self.returned_from(bit - 1, value | 1 << (bit - 1), left, forest),
            when => {
                let set = self.returned_from(bit - 1, value | 1 << (bit - 1), left, forest)?;
                let clear = self.returned_from(bit - 1, value, left, forest)?;
                forest.pick(when, set, clear)
            }
        }
    }
}
