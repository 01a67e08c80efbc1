//! Functions of one compared word, as the ranges on which they are something else.
//!
//! Filters dispatch: one word is compared with one constant after the other. Following each compare with a diagram of its own
//! makes a diagram of 32 levels an instruction; a list of ranges takes one splice, and one diagram at the end.

use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::operation::Comparison;

/// What a piece costs when a diagram is made, in steps: about so many nodes are looked up for it.
const STEPS_PER_PIECE: usize = 4;

/// 32 neighbouring levels read as a word, the first the most significant bit; bits outside the mask read as zero. The words
/// of `seccomp_data`, masked or shifted right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct InputWord {
    pub(super) start: Level,
    pub(super) mask: u32,
}

impl InputWord {
    /// The levels of its bits, most significant first.
    fn levels(self) -> [Option<Level>; 32] {
        std::array::from_fn(|index| (self.mask << index >> 31 == 1).then_some(self.start + index as Level))
    }

    /// Whether a function can be a piece over this word: its tests stand below the word's. A whole word's own bits may be
    /// tested as well, since a range of words answers them as far as the diagram is split.
    fn takes(self, function: Function, diagrams: &Diagrams) -> bool {
        let level = diagrams.level(function);
        level > self.start + 31 || self.mask == u32::MAX && level >= self.start
    }
}

/// A function while it is being built.
#[derive(Clone)]
pub(super) enum Built {
    /// A diagram.
    Whole(Function),
    /// Ranges of a word.
    Split(Pieces),
}

/// What a function is, by the values of a word: from each value to the next it is the same. The values ascend from 0, and
/// neighbours differ.
#[derive(Clone)]
pub(super) struct Pieces {
    word: InputWord,
    of: Vec<(u32, Function)>,
}

impl Built {
    /// How many ranges there are to copy.
    pub(super) fn pieces(&self) -> usize {
        if let Self::Split(pieces) = self { pieces.of.len() } else { 0 }
    }

    /// As a diagram.
    pub(super) fn function(&self, diagrams: &mut Diagrams) -> Result<Function, OutOfNodes> {
        match self {
            Self::Whole(function) => Ok(*function),
            Self::Split(pieces) => pieces.function(diagrams),
        }
    }

    /// As ranges of this word, or else as a diagram.
    fn over(self, word: InputWord, diagrams: &mut Diagrams) -> Result<Result<Pieces, Function>, OutOfNodes> {
        match self {
            Self::Split(pieces) if pieces.word == word => Ok(Ok(pieces)),
            other => {
                let function = other.function(diagrams)?;
                let fits = word.takes(function, diagrams);
                Ok(if fits { Ok(Pieces { word, of: vec![(0, function)] }) } else { Err(function) })
            }
        }
    }
}

/// `then` where the comparison of a word with a constant is true, `otherwise` where it is false. No bit is compared by
/// [`Comparison::CommonBit`] here: that is no range.
pub(super) fn branch(
    diagrams: &mut Diagrams,
    word: InputWord,
    values: Values,
    then: Built,
    otherwise: Built,
) -> Result<Built, OutOfNodes> {
    match (then.over(word, diagrams)?, otherwise.over(word, diagrams)?) {
        (Ok(then), Ok(mut otherwise)) => {
            diagrams.charge_steps(then.of.len() + otherwise.of.len() / 8)?;
            otherwise.replace(values, &then);
            Ok(Built::Split(otherwise))
        }
        (then, otherwise) => {
            let mut whole = |built: Result<Pieces, Function>| match built {
                Ok(pieces) => pieces.function(diagrams),
                Err(function) => Ok(function),
            };
            let (then, otherwise) = (whole(then)?, whole(otherwise)?);
            let mut condition = Pieces { word, of: vec![(0, Function::FALSE)] };
            condition.replace(values, &Pieces { word, of: vec![(0, Function::TRUE)] });
            let condition = condition.function(diagrams)?;
            Ok(Built::Whole(diagrams.choose(condition, then, otherwise)?))
        }
    }
}

/// A range of values: from `first` up to `end`, which is no longer in it; `None`: to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Values {
    first: u32,
    end: Option<u32>,
}

impl Values {
    /// The values for which a comparison with a constant is true, if they are a range with something in it and something
    /// outside.
    pub(super) fn of(comparison: Comparison, constant: u32) -> Option<Self> {
        match comparison {
            Comparison::Equal => Some(Self { first: constant, end: constant.checked_add(1) }),
            Comparison::Greater => Some(Self { first: constant.checked_add(1)?, end: None }),
            Comparison::GreaterOrEqual => (constant > 0).then_some(Self { first: constant, end: None }),
            Comparison::CommonBit => None,
        }
    }
}

impl Pieces {
    /// As a diagram.
    fn function(&self, diagrams: &mut Diagrams) -> Result<Function, OutOfNodes> {
        diagrams.charge_steps(self.of.len() * STEPS_PER_PIECE)?;
        self.block(diagrams, &self.word.levels(), 0, &self.of)
    }

    /// The diagram of the values that start with the bits already read, of which `first` is the least.
    fn block(
        &self,
        diagrams: &mut Diagrams,
        levels: &[Option<Level>],
        first: u32,
        pieces: &[(u32, Function)],
    ) -> Result<Function, OutOfNodes> {
        if let [(_, function)] = *pieces {
            return Ok(self.below(diagrams, function, levels.len(), first));
        }
        // A block of one value has one piece.
        let Some((&level, rest)) = levels.split_first() else { return Ok(Function::FALSE) };
        let middle = first | 1 << rest.len();
        let split = pieces.partition_point(|&(start, _)| start < middle);
        let low = self.block(diagrams, rest, first, &pieces[..split])?;
        let Some(level) = level else { return Ok(low) };
        let starts_there = pieces.get(split).is_some_and(|&(start, _)| start == middle);
        let high = self.block(diagrams, rest, middle, &pieces[split - usize::from(!starts_there)..])?;
        diagrams.test(level, low, high)
    }

    /// A piece's function where the first bits of the word, all but `left`, are those of `value`.
    fn below(&self, diagrams: &Diagrams, mut function: Function, left: usize, value: u32) -> Function {
        while let Some(node) = diagrams.node(function) {
            let bit = node.level.wrapping_sub(self.word.start);
            if usize::from(bit) + left >= 32 {
                break;
            }
            function = if value << bit >> 31 == 1 { node.high } else { node.low };
        }
        function
    }

    fn at(&self, value: u32) -> Function {
        self.of[self.of.partition_point(|&(start, _)| start <= value) - 1].1
    }

    /// Takes over what `other` is on these values.
    fn replace(&mut self, values: Values, other: &Self) {
        let Values { first, end } = values;
        let from = self.of.partition_point(|&(start, _)| start < first);
        let (to, after) = match end {
            None => (self.of.len(), None),
            Some(end) => {
                let to = self.of.partition_point(|&(start, _)| start <= end);
                (to, Some((end, self.of[to - 1].1)))
            }
        };
        let begin = other.of.partition_point(|&(start, _)| start <= first);
        let inside = other.of[begin..].iter().copied().take_while(|&(start, _)| end.is_none_or(|end| start < end));
        let mut last = from.checked_sub(1).map(|before| self.of[before].1);
        let changes = [(first, other.at(first))].into_iter().chain(inside).chain(after);
        let middle: Vec<_> = changes.filter(|&(_, function)| last.replace(function) != Some(function)).collect();
        self.of.splice(from..to, middle);
    }
}
