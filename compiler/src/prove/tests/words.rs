//! Arithmetic on words of input bits against the machine's, for every value of those bits.

use super::programs::WORDS;
use crate::prove::diagram::{Diagrams, Function, Level};
use crate::prove::operation::{Arithmetic, Comparison};
use crate::prove::word::Word;

/// Which bits of the left word are input bits; the others are zero. Both ends, the middle, neighbours.
const LEFT: u32 = 0xc001_8083;

/// Likewise, of the right word when it is not constant.
const RIGHT: u32 = 0x8001_0013;

/// A word whose bits in the mask are input bits, from this level on.
fn word(diagrams: &mut Diagrams, mask: u32, first: Level) -> Word {
    let levels: Vec<_> = (0..32).map(|index: Level| (mask >> (31 - index) & 1 == 1).then_some(first + index)).collect();
    Word::of_levels(&levels, diagrams).unwrap()
}

/// The values of the bits in the mask.
fn values(mask: u32) -> Vec<u32> {
    let mut values = vec![mask];
    while let Some(next) = values.last().and_then(|value| value.checked_sub(1)) {
        values.push(next & mask);
    }
    values
}

/// The terminal where the first 32 levels are the bits of `left` and the next those of `right`.
fn at(diagrams: &Diagrams, mut function: Function, left: u32, right: u32) -> Function {
    while let Some(node) = diagrams.node(function) {
        let set = (u64::from(left) << 32 | u64::from(right)) >> (63 - node.level) & 1 == 1;
        function = if set { node.high } else { node.low };
    }
    function
}

/// Calls `check` with a constant and then a variable right word, and the values it takes.
fn each_right(mut check: impl FnMut(&mut Diagrams, Word, &[u32])) {
    for &right in WORDS.iter().chain(&[31, 33, 1000, 0x8000_0001]) {
        check(&mut Diagrams::new(1_000_000), Word::constant(right), &[right]);
    }
    let mut diagrams = Diagrams::new(1_000_000);
    let right = word(&mut diagrams, RIGHT, 32);
    check(&mut diagrams, right, &values(RIGHT));
}

#[test]
fn operations_are_the_machines() {
    let machine = |operation, a: u32, b: u32| match operation {
        Arithmetic::Add => a.wrapping_add(b),
        Arithmetic::Subtract => a.wrapping_sub(b),
        Arithmetic::Multiply => a.wrapping_mul(b),
        Arithmetic::Divide => a.checked_div(b).unwrap_or(0),
        Arithmetic::And => a & b,
        Arithmetic::Or => a | b,
        Arithmetic::Xor => a ^ b,
        Arithmetic::ShiftLeft => a.wrapping_shl(b),
        Arithmetic::ShiftRight => a.wrapping_shr(b),
        Arithmetic::Negate => a.wrapping_neg(),
    };
    for operation in [
        Arithmetic::Add,
        Arithmetic::Subtract,
        Arithmetic::Multiply,
        Arithmetic::Divide,
        Arithmetic::And,
        Arithmetic::Or,
        Arithmetic::Xor,
        Arithmetic::ShiftLeft,
        Arithmetic::ShiftRight,
        Arithmetic::Negate,
    ] {
        each_right(|diagrams, right, rights| {
            let left = word(diagrams, LEFT, 0);
            let result = left.compute(operation, right, diagrams).unwrap();
            let bits: Vec<_> = (0..32)
                .map(|bit| {
                    let one = Word::constant(1 << bit);
                    result.compare(Comparison::CommonBit, one, diagrams).unwrap()
                })
                .collect();
            for left in values(LEFT) {
                for &right in rights.iter().filter(|&&right| operation != Arithmetic::Divide || right != 0) {
                    let value = bits.iter().enumerate().fold(0, |value, (bit, &function)| {
                        value | u32::from(at(diagrams, function, left, right) == Function::TRUE) << bit
                    });
                    assert_eq!(value, machine(operation, left, right), "{left:#x} {operation:?} {right:#x}");
                }
            }
        });
    }
}

#[test]
fn comparisons_are_the_machines() {
    let machine = |comparison, a: u32, b: u32| match comparison {
        Comparison::Equal => a == b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
        Comparison::CommonBit => a & b != 0,
    };
    for comparison in [Comparison::Equal, Comparison::Greater, Comparison::GreaterOrEqual, Comparison::CommonBit] {
        each_right(|diagrams, right, rights| {
            let left = word(diagrams, LEFT, 0);
            let function = left.compare(comparison, right, diagrams).unwrap();
            for left in values(LEFT) {
                for &right in rights {
                    let holds = at(diagrams, function, left, right) == Function::TRUE;
                    assert_eq!(holds, machine(comparison, left, right), "{left:#x} {comparison:?} {right:#x}");
                }
            }
        });
    }
}
