//! Words of which the kernel reads less than a filter sees.
//!
//! A filter compares whole registers, and the kernel then cuts each argument to its type: the word `0x1_0000_0028` is
//! another one to a filter than 0x28, and the same address family to socket(2). What a rule asks here is which of two
//! such words gets through: the call's conditions are written down once more for a word whose upper bits are replaced,
//! and the prover looks for arguments that the two decide differently.

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::action::Action;
use callgate_compiler::condition::{Atom, Condition, ValueSet, Width};
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::CallPolicy;
use callgate_compiler::tables::Parameter;

use super::{known, refuses};

/// What stands above the bits that the kernel reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upper {
    /// Zeros.
    Zeros,
    /// Ones: a negative number, extended.
    Ones,
}

/// The word that a call's argument becomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaced {
    /// Which argument.
    pub(crate) arg: u8,
    /// How many low bits stay.
    pub(crate) bits: u8,
    /// What the others become.
    pub(crate) upper: Upper,
}

impl Replaced {
    /// The bits that stay.
    fn kept(self) -> u64 {
        u64::MAX >> (64 - u32::from(self.bits.clamp(1, 64)))
    }

    /// The bits that come.
    fn ones(self) -> u64 {
        match self.upper {
            Upper::Zeros => 0,
            Upper::Ones => !self.kept(),
        }
    }

    /// A condition as it holds when the word is replaced.
    pub(crate) fn condition(self, condition: &Condition) -> Condition {
        match condition {
            Condition::Always => Condition::Always,
            Condition::Atom(atom) if atom.arg == self.arg => self.atom(atom),
            Condition::Atom(atom) => Condition::Atom(atom.clone()),
            Condition::Not(inner) => Condition::Not(Box::new(self.condition(inner))),
            Condition::All(parts) => Condition::All(parts.iter().map(|part| self.condition(part)).collect()),
            Condition::Any(parts) => Condition::Any(parts.iter().map(|part| self.condition(part)).collect()),
        }
    }

    /// The masked word is the kept bits beside known ones, all of which stand above the kept: so the values that remain are one
    /// window of the set, moved down.
    fn atom(self, atom: &Atom) -> Condition {
        let seen = atom.mask & atom.width.max();
        let above = self.ones() & seen;
        let (first, last) = (above, above | (seen & self.kept()));
        let ranges = atom.values.ranges().iter().filter_map(|&(low, high)| {
            let (low, high) = (low.max(first), high.min(last));
            (low <= high).then(|| (low - above, high - above))
        });
        let values = ValueSet::of(ranges);
        Condition::Atom(Atom { arg: atom.arg, width: Width::W64, mask: seen & self.kept(), values })
    }
}

/// Whether a filter sees bits of a parameter that the kernel drops, on an ABI that has them.
pub(crate) fn is_cut(abi: Abi, parameter: &Parameter) -> bool {
    parameter.bits < 32 || (parameter.bits < 64 && abi.high_half() == HighHalf::Argument)
}

/// What the words of an ABI's calls can be: on 32-bit ones without upper halves.
pub(crate) fn possible(abi: Abi) -> Condition {
    if abi.high_half() != HighHalf::Zero {
        return Condition::Always;
    }
    let empty = |arg| Atom { arg, width: Width::W64, mask: 0xffff_ffff_0000_0000, values: ValueSet::one(0) };
    Condition::All((0..6).map(|arg| Condition::Atom(empty(arg))).collect())
}

/// When a call is let through, or when it is refused, as a condition.
pub(crate) fn when(call: &CallPolicy, abi: Abi, fate: Fate, replaced: Option<Replaced>) -> Condition {
    let is = |action| match fate {
        Fate::Executes => matches!(action, Action::Allow | Action::Log),
        Fate::Refused => refuses(abi, action),
    };
    let as_asked = |condition: &Condition| replaced.map_or_else(|| condition.clone(), |it| it.condition(condition));
    let otherwise = if is(call.otherwise.action) { Condition::Always } else { Condition::Any(Vec::new()) };
    call.clauses.iter().rev().fold(otherwise, |later, clause| {
        let condition = as_asked(&clause.condition);
        if is(clause.decision.action) {
            Condition::Any(vec![condition, later])
        } else {
            Condition::All(vec![Condition::Not(Box::new(condition)), later])
        }
    })
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is run.
    Executes,
    /// It is refused.
    Refused,
}

/// Arguments that meet all of these conditions.
pub(crate) fn arguments(conditions: Vec<Condition>) -> Result<Option<[u64; 6]>, Undecided> {
    known::arguments(&Condition::All(conditions))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(word: u64, replaced: Replaced) -> u64 {
        (word & replaced.kept()) | replaced.ones()
    }

    #[test]
    fn a_replaced_condition_holds_where_the_replaced_word_meets_it() {
        let words = [0, 1, 0x28, 0x7fff_ffff, 0x8000_0000, 0xffff_ff9c, 0xffff_ffff, 1 << 32, u64::MAX, 0x1_0000_0028];
        let masks = [u64::MAX, 0xffff_ffff, 0xff, 0xffff_ffff_0000_0000, 0x8000_0000_8000_0000];
        let sets = [vec![(0x28, 0x28)], vec![(0, 0x27), (0x29, u64::MAX)], vec![(0x8000_0000, 1 << 40)], vec![]];
        for upper in [Upper::Zeros, Upper::Ones] {
            for bits in [16, 31, 32] {
                let replaced = Replaced { arg: 1, bits, upper };
                for mask in masks {
                    for set in &sets {
                        let values = ValueSet::of(set.iter().copied());
                        let atom = Condition::Atom(Atom { arg: 1, width: Width::W64, mask, values });
                        for word in words {
                            let args = [0, word, 0, 0, 0, 0];
                            let mut other = args;
                            other[1] = replace(word, replaced);
                            let expected = atom.holds(&other);
                            assert_eq!(
                                replaced.condition(&atom).holds(&args),
                                expected,
                                "{replaced:?} {atom:?} {word:#x}"
                            );
                        }
                    }
                }
            }
        }
    }
}
