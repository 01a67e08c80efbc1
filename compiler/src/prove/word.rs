//! 32-bit words whose bits are functions of the input, and what a filter can do with them.
//!
//! A constant's bits are constant, a loaded word's bits are the input's own; everything else follows bit by bit, exactly.
//! Masks, shifts by constants and comparisons with constants stay small. Sums of loaded words, products and quotients can
//! be as large as they are; then the budget ends it.

use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::operation::{Arithmetic, Comparison};
use super::pieces::InputWord;
use crate::action::Action;

/// A word; bit `i` is `bits[i]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Word([Function; 32]);

fn truth(bit: bool) -> Function {
    if bit { Function::TRUE } else { Function::FALSE }
}

impl Word {
    pub(super) fn constant(value: u32) -> Self {
        Self(std::array::from_fn(|bit| truth(value >> bit & 1 == 1)))
    }

    /// The input bits of these levels, most significant first.
    pub(super) fn of_levels(levels: &[Option<Level>], diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        let mut bits = [Function::FALSE; 32];
        for (bit, level) in bits.iter_mut().zip(levels.iter().rev()) {
            *bit = level.map_or(Ok(Function::FALSE), |level| diagrams.bit(level))?;
        }
        Ok(Self(bits))
    }

    /// What it reads of the input when its bits are bits of the input, in their order; a constant reads nothing.
    pub(super) fn input(&self, diagrams: &Diagrams) -> Option<InputWord> {
        let mut start = None;
        let mut mask = 0;
        for (index, &bit) in self.0.iter().enumerate().filter(|&(_, &bit)| bit != Function::FALSE) {
            let node = diagrams.node(bit).filter(|node| (node.low, node.high) == (Function::FALSE, Function::TRUE))?;
            let first = node.level.checked_sub(31 - index as Level)?;
            if *start.get_or_insert(first) != first {
                return None;
            }
            mask |= 1 << index;
        }
        start.map(|start| InputWord { start, mask })
    }

    /// The value of a constant word.
    pub(super) fn value(&self) -> Option<u32> {
        self.0.iter().enumerate().try_fold(0, |value, (index, &bit)| match bit {
            Function::FALSE => Some(value),
            Function::TRUE => Some(value | 1 << index),
            _ => None,
        })
    }

    /// Each bit from the two bits above it.
    fn zip(
        self,
        other: Self,
        mut combine: impl FnMut(Function, Function) -> Result<Function, OutOfNodes>,
    ) -> Result<Self, OutOfNodes> {
        let mut bits = self.0;
        for (bit, other) in bits.iter_mut().zip(other.0) {
            *bit = combine(*bit, other)?;
        }
        Ok(Self(bits))
    }

    /// `self << by`, `by` below 32.
    fn shifted_left(self, by: usize) -> Self {
        Self(std::array::from_fn(|bit| bit.checked_sub(by).map_or(Function::FALSE, |from| self.0[from])))
    }

    /// `self >> by`, `by` below 32.
    fn shifted_right(self, by: usize) -> Self {
        Self(std::array::from_fn(|bit| self.0.get(bit + by).copied().unwrap_or(Function::FALSE)))
    }

    /// `condition ? then : otherwise`
    fn choose(condition: Function, then: Self, otherwise: Self, diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        then.zip(otherwise, |then, otherwise| diagrams.choose(condition, then, otherwise))
    }

    /// The result of an operation, modulo 2^32. A quotient by zero is unspecified: the caller handles that case.
    pub(super) fn compute(
        self,
        operation: Arithmetic,
        right: Self,
        diagrams: &mut Diagrams,
    ) -> Result<Self, OutOfNodes> {
        match operation {
            Arithmetic::Add => self.plus(right, false, diagrams),
            Arithmetic::Subtract => self.minus(right, diagrams),
            Arithmetic::Negate => Self::constant(0).minus(self, diagrams),
            Arithmetic::Multiply => self.times(right, diagrams),
            Arithmetic::Divide => self.over(right, diagrams),
            Arithmetic::And => self.zip(right, |a, b| diagrams.and(a, b)),
            Arithmetic::Or => self.zip(right, |a, b| diagrams.or(a, b)),
            Arithmetic::Xor => self.zip(right, |a, b| exclusive_or(a, b, diagrams)),
            Arithmetic::ShiftLeft => self.shift(right, Self::shifted_left, diagrams),
            Arithmetic::ShiftRight => self.shift(right, Self::shifted_right, diagrams),
        }
    }

    /// A barrel shifter: each of the low five bits of `by` shifts by its weight.
    fn shift(
        self,
        by: Self,
        shifted: impl Fn(Self, usize) -> Self,
        diagrams: &mut Diagrams,
    ) -> Result<Self, OutOfNodes> {
        (0..5).try_fold(self, |word, bit| Self::choose(by.0[bit], shifted(word, 1 << bit), word, diagrams))
    }

    /// A ripple-carry adder.
    fn plus(self, other: Self, carry: bool, diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        let mut carry = truth(carry);
        self.zip(other, |a, b| {
            let half = exclusive_or(a, b, diagrams)?;
            let sum = exclusive_or(half, carry, diagrams)?;
            carry = diagrams.choose(half, carry, a)?;
            Ok(sum)
        })
    }

    /// `self + !other + 1`
    fn minus(self, other: Self, diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        let inverse = other.zip(other, |bit, _| diagrams.not(bit))?;
        self.plus(inverse, true, diagrams)
    }

    /// Shift and add, over the bits of the constant one if there is one.
    fn times(self, other: Self, diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        let (word, by) = if self.value().is_some() { (other, self) } else { (self, other) };
        let mut product = Self::constant(0);
        for (shift, bit) in by.0.into_iter().enumerate().filter(|&(_, bit)| bit != Function::FALSE) {
            let sum = product.plus(word.shifted_left(shift), false, diagrams)?;
            product = Self::choose(bit, sum, product, diagrams)?;
        }
        Ok(product)
    }

    /// Long division, a bit of the quotient at a time. A power of two is a shift.
    fn over(self, divisor: Self, diagrams: &mut Diagrams) -> Result<Self, OutOfNodes> {
        if let Some(value) = divisor.value().filter(|value| value.is_power_of_two()) {
            return Ok(self.shifted_right(value.trailing_zeros() as usize));
        }
        let mut quotient = Self::constant(0);
        let mut remainder = Self::constant(0);
        for bit in (0..32).rev() {
            // It is a prefix of the dividend or less, so doubling it loses no bit.
            remainder = remainder.shifted_left(1);
            remainder.0[0] = self.0[bit];
            let fits = remainder.compare(Comparison::GreaterOrEqual, divisor, diagrams)?;
            let reduced = remainder.minus(divisor, diagrams)?;
            remainder = Self::choose(fits, reduced, remainder, diagrams)?;
            quotient.0[bit] = fits;
        }
        Ok(quotient)
    }

    /// Where the comparison is true. From the least significant bit up, which is from the bottom of a diagram up.
    pub(super) fn compare(
        self,
        comparison: Comparison,
        right: Self,
        diagrams: &mut Diagrams,
    ) -> Result<Function, OutOfNodes> {
        let start = truth(matches!(comparison, Comparison::Equal | Comparison::GreaterOrEqual));
        self.0.into_iter().zip(right.0).try_fold(start, |below, (a, b)| {
            // What the whole comparison is where (a, b) is (1, 1), (1, 0), (0, 1) and (0, 0).
            let [both, only_a, only_b, neither] = match comparison {
                Comparison::Equal => [below, Function::FALSE, Function::FALSE, below],
                Comparison::Greater | Comparison::GreaterOrEqual => [below, Function::TRUE, Function::FALSE, below],
                Comparison::CommonBit => [Function::TRUE, below, below, below],
            };
            let with_a = diagrams.choose(b, both, only_a)?;
            let without_a = diagrams.choose(b, only_b, neither)?;
            diagrams.choose(a, with_a, without_a)
        })
    }

    /// What the kernel does on this return value ([`Action::from_ret`]).
    pub(super) fn action(self, diagrams: &mut Diagrams) -> Result<Function, OutOfNodes> {
        if let Some(value) = self.value() {
            return Ok(Function::constant(Action::from_ret(value)));
        }
        let actions = [
            Action::KillThread,
            Action::Trap(0),
            Action::Errno(0),
            Action::Notify,
            Action::Trace(0),
            Action::Log,
            Action::Allow,
        ];
        let data = Self::constant(0x0000_ffff);
        let action_bits =
            self.zip(data, |bit, is_data| Ok(if is_data == Function::TRUE { Function::FALSE } else { bit }))?;
        actions.into_iter().try_fold(Function::constant(Action::KillProcess), |others, action| {
            let here = action_bits.compare(Comparison::Equal, Self::constant(action.ret()), diagrams)?;
            if here == Function::FALSE {
                return Ok(others);
            }
            let carried_out = match action {
                Action::Trap(_) | Action::Errno(_) | Action::Trace(_) => self.with_data(16, action.ret(), diagrams)?,
                _ => Function::constant(action),
            };
            diagrams.choose(here, carried_out, others)
        })
    }

    /// What the kernel does when the data bits from `bit` up are those of `value`, and the ones below are this word's.
    fn with_data(&self, bit: usize, value: u32, diagrams: &mut Diagrams) -> Result<Function, OutOfNodes> {
        let Some(bit) = bit.checked_sub(1) else { return Ok(Function::constant(Action::from_ret(value))) };
        let condition = self.0[bit];
        let mut part = |value| self.with_data(bit, value, diagrams);
        match condition {
            Function::TRUE => part(value | 1 << bit),
            Function::FALSE => part(value),
            _ => {
                let set = part(value | 1 << bit)?;
                let clear = part(value)?;
                diagrams.choose(condition, set, clear)
            }
        }
    }
}

fn exclusive_or(a: Function, b: Function, diagrams: &mut Diagrams) -> Result<Function, OutOfNodes> {
    if b == Function::FALSE {
        return Ok(a);
    }
    let not_b = diagrams.not(b)?;
    diagrams.choose(a, not_b, b)
}
