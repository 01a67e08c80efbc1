//! kafel's expressions on one argument: every bit of the word is 0, 1, or a bit of the argument.

/// `(argument & mask) | ones`; no bit is in both. Without an argument the mask is 0, and `ones` is the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Which argument.
    pub(super) argument: Option<u8>,
    /// The bits that come from it.
    pub(super) mask: u64,
    /// The bits that are set whatever it is.
    pub(super) ones: u64,
    /// Whether kafel would compare 64 bits: a 64-bit argument or number is in it (`is_64bit`, src/codegen.c).
    pub(super) wide: bool,
}

/// What can't be said of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TwoArguments;

impl Word {
    pub(super) fn number(value: u64) -> Self {
        Self { argument: None, mask: 0, ones: value, wide: value > u64::from(u32::MAX) }
    }

    pub(super) fn argument(index: u8, wide: bool) -> Self {
        Self { argument: Some(index), mask: u64::MAX, ones: 0, wide }
    }

    fn is_number(self, value: u64) -> bool {
        self.argument.is_none() && self.ones == value
    }

    /// `&` (`and`) or `|` of two words, with what kafel folds before it looks at widths (`expr_simplify`, src/expression.c).
    pub(super) fn combine(self, other: Self, and: bool) -> Result<Self, TwoArguments> {
        let (clobber, identity) = if and { (0, u64::MAX) } else { (u64::MAX, 0) };
        if self.argument.is_none() && other.argument.is_none() {
            return Ok(Self::number(if and { self.ones & other.ones } else { self.ones | other.ones }));
        }
        if self.is_number(clobber) || other.is_number(clobber) {
            return Ok(Self::number(clobber));
        }
        if other.is_number(identity) {
            return Ok(self);
        }
        if self.is_number(identity) {
            return Ok(other);
        }
        let argument = match (self.argument, other.argument) {
            (Some(one), Some(two)) if one != two => return Err(TwoArguments),
            (one, two) => one.or(two),
        };
        let wide = self.wide || other.wide;
        let any = (self.mask | self.ones) & (other.mask | other.ones);
        let ones = if and { self.ones & other.ones } else { self.ones | other.ones };
        let mask = if and { any & !ones } else { (self.mask | other.mask) & !ones };
        Ok(Self { argument, mask, ones, wide })
    }
}

/// How two words are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn spelled(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator)| *operator == self).map_or("==", |(spelled, _)| spelled)
    }

    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// A comparison that the language can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It holds always, or never.
    Known(bool),
    /// A test of the masked argument.
    Test(String),
}

/// Compares two words as kafel does: unsigned, the low 32 bits alone unless one of them is wide.
pub(super) fn compare(operator: Operator, left: Word, right: Word) -> Result<Comparison, TwoArguments> {
    let (operator, word, number) = match (left.argument, right.argument) {
        (None, None) => return Ok(Comparison::Known(operator.holds(left.ones, right.ones))),
        (Some(_), None) => (operator, left, right.ones),
        (None, Some(_)) => (operator.mirrored(), right, left.ones),
        // The same argument on both sides, unmasked, is the one case that is known without looking.
        (Some(one), Some(two)) if one == two && left == right && left.mask == u64::MAX => {
            return Ok(Comparison::Known(operator.holds(0, 0)));
        }
        _ => return Err(TwoArguments),
    };
    let width = if left.wide || right.wide { u64::MAX } else { u64::from(u32::MAX) };
    let (mask, ones) = (word.mask & width, word.ones & width);
    Ok(test(operator, word.argument.unwrap_or_default(), mask, ones, number))
}

/// `(argument & mask) + ones` against a number; the bits of the two don't meet, so `|` is `+`.
fn test(operator: Operator, argument: u8, mask: u64, ones: u64, number: u64) -> Comparison {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    if equality && (number & ones != ones || number & !ones & !mask != 0) {
        return Comparison::Known(operator == Operator::NotEqual);
    }
    // What is left for the masked bits; every one of them is past a number that is less than the fixed bits.
    let Some(number) = number.checked_sub(ones) else {
        return Comparison::Known(operator.holds(1, 0));
    };
    if mask == 0 {
        return Comparison::Known(operator.holds(0, number));
    }
    if !equality && number > mask {
        return Comparison::Known(operator.holds(0, 1));
    }
    let at_most = matches!(operator, Operator::Greater | Operator::LessOrEqual);
    if !equality && ((at_most && number == mask) || (!at_most && number == 0)) {
        return Comparison::Known(operator.holds(0, 0));
    }
    let masked =
        if mask == u64::MAX { format!("raw(arg{argument})") } else { format!("raw(arg{argument}) & {mask:#x}") };
    Comparison::Test(format!("{masked} {} {number:#x}", operator.spelled()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the few shapes that [`test`] writes.
    fn holds(comparison: &Comparison, argument: u64) -> bool {
        let text = match comparison {
            Comparison::Known(known) => return *known,
            Comparison::Test(text) => text,
        };
        let words: Vec<&str> = text.split(' ').collect();
        let read = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).expect("a number");
        let (mask, rest) = if words[1] == "&" { (read(words[2]), &words[3..]) } else { (u64::MAX, &words[1..]) };
        let operator = Operator::ALL.iter().find(|(spelled, _)| *spelled == rest[0]).expect("an operator").1;
        operator.holds(argument & mask, read(rest[1]))
    }

    #[test]
    fn comparisons_of_masked_words_hold_where_kafels_do() {
        let samples = [0, 1, 2, 3, 4, 5, 7, 8, 12, 15, u64::MAX];
        for (_, operator) in Operator::ALL {
            for and in [0, 1, 5, 6, 15, u64::MAX] {
                for or in [0, 1, 4, 10] {
                    let word = Word::argument(0, true)
                        .combine(Word::number(and), true)
                        .and_then(|word| word.combine(Word::number(or), false))
                        .expect("one argument");
                    for number in samples {
                        let ours = compare(operator, word, Word::number(number)).expect("one argument");
                        let turned = compare(operator.mirrored(), Word::number(number), word).expect("one argument");
                        assert_eq!(ours, turned);
                        for argument in samples {
                            let theirs = operator.holds(argument & and | or, number);
                            assert_eq!(
                                holds(&ours, argument),
                                theirs,
                                "{argument} & {and} | {or} {operator:?} {number}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn widths_are_kafels() {
        let narrow = Word::argument(0, false);
        let test = |word, number| compare(Operator::Equal, word, Word::number(number)).expect("one argument");
        assert_eq!(test(narrow, 1), Comparison::Test("raw(arg0) & 0xffffffff == 0x1".to_owned()));
        assert_eq!(test(Word::argument(1, true), 1), Comparison::Test("raw(arg1) == 0x1".to_owned()));
        // A number of more than 32 bits makes the comparison wide.
        assert_eq!(test(narrow, 1 << 32), Comparison::Test("raw(arg0) == 0x100000000".to_owned()));
        // A mask of all ones is none, and doesn't.
        let whole = narrow.combine(Word::number(u64::MAX), true).expect("one argument");
        assert_eq!(test(whole, 1), Comparison::Test("raw(arg0) & 0xffffffff == 0x1".to_owned()));
        assert_eq!(narrow.combine(Word::argument(1, false), true), Err(TwoArguments));
        assert_eq!(compare(Operator::LessOrEqual, narrow, narrow), Ok(Comparison::Known(true)));
    }
}
