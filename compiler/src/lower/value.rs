//! The values of the language: numbers, sets of numbers, and argument words, fitted to a parameter's type.

use callgate_grammar::tree::{BinaryOp, Expr, ExprKind, UnaryOp};
use callgate_grammar::{Diagnostic, Span, did_you_mean};

use super::scope::Lets;
use crate::abi::Abi;
use crate::condition::{ValueSet, Width};
use crate::tables::{self, Role};

/// Numbers are signed and wider than any word here, so that fitting them is a decision and never an accident.
pub(super) type Number = i128;

/// An argument word under a mask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) arg: u8,
    pub(super) width: Width,
    signed: bool,
    pub(super) mask: u64,
}

/// What an expression that isn't a condition comes to.
pub(super) enum Value {
    Number(Number),
    Set(Vec<(Number, Number)>),
    Word(Word),
}

/// Why an expression has no meaning on this ABI.
pub(super) enum Problem {
    /// It is wrong.
    Wrong(Diagnostic),
    /// It uses a name that exists only on other target ABIs.
    Absent {
        /// Constant or parameter.
        name: String,
        /// Parameters can't be passed over quietly: the condition can't be decided here.
        parameter: bool,
        /// Where it is used.
        span: Span,
    },
}

/// What names mean between the parentheses of one call on one ABI.
pub(super) struct Scope<'a> {
    pub(super) abi: Abi,
    /// Every target ABI: a name must exist on one of them.
    pub(super) abis: &'a [Abi],
    /// The call's name, if its number has one.
    pub(super) call: Option<&'a str>,
    pub(super) lets: &'a Lets<'a>,
    pub(super) scope: u32,
}

type Result<T> = std::result::Result<T, Problem>;

pub(super) fn wrong<T>(diagnostic: Diagnostic) -> Result<T> {
    Err(Problem::Wrong(diagnostic))
}

impl Scope<'_> {
    /// What an expression comes to, when it isn't a condition.
    pub(super) fn value(&self, expr: &Expr) -> Result<Value> {
        match &expr.node {
            ExprKind::Number(number) => Ok(Value::Number(Number::from(*number))),
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Raw(parameter) => {
                let arg = match position(&parameter.node) {
                    Some(arg) => arg,
                    None => match self.parameter(&parameter.node, parameter.span)? {
                        Some((arg, _)) => arg,
                        None => return Err(self.unknown_name(&parameter.node, parameter.span)),
                    },
                };
                Ok(Value::Word(Word { arg, width: Width::W64, signed: false, mask: u64::MAX }))
            }
            ExprKind::Set(entries) => {
                let mut ranges = Vec::new();
                for entry in entries {
                    match self.value(entry)? {
                        Value::Number(number) => ranges.push((number, number)),
                        Value::Set(inner) => ranges.extend(inner),
                        Value::Word(_) => return wrong(two_parameters(entry.span)),
                    }
                }
                Ok(Value::Set(ranges))
            }
            ExprKind::Unary(op, operand) => match (op.node, self.value(operand)?) {
                (UnaryOp::Minus, Value::Number(number)) => Ok(Value::Number(-number)),
                (UnaryOp::Invert, Value::Number(number)) => Ok(Value::Number(!number)),
                _ => wrong(
                    Diagnostic::error("not-a-value", "this is not a number").at(expr.span, "`-` and `~` need a number"),
                ),
            },
            ExprKind::Binary(op, left, right) => self.binary(op.node, left, right, expr.span),
        }
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) -> Result<Value> {
        if !matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::Range) {
            return wrong(
                Diagnostic::error("not-a-value", "a condition stands where a value should")
                    .at(span, "this is true or false, not a number"),
            );
        }
        match (op, self.value(left)?, self.value(right)?) {
            (BinaryOp::BitAnd, Value::Number(a), Value::Number(b)) => Ok(Value::Number(a & b)),
            (BinaryOp::BitOr, Value::Number(a), Value::Number(b)) => Ok(Value::Number(a | b)),
            (BinaryOp::Range, Value::Number(a), Value::Number(b)) if a <= b => Ok(Value::Set(vec![(a, b)])),
            (BinaryOp::Range, Value::Number(_), Value::Number(_)) => wrong(
                Diagnostic::error("empty-range", "the range ends before it starts").at(span, "").help("swap its ends"),
            ),
            (BinaryOp::BitAnd, Value::Word(word), Value::Number(mask)) => self.masked(word, mask, right.span),
            (BinaryOp::BitAnd, Value::Number(mask), Value::Word(word)) => self.masked(word, mask, left.span),
            (_, Value::Word(_), Value::Word(_)) => wrong(two_parameters(span)),
            _ => wrong(Diagnostic::error("not-a-value", "this can't be computed").at(span, "").because(
                "a parameter can be masked with `&` and a number; everything else needs numbers on both sides",
            )),
        }
    }

    fn masked(&self, word: Word, mask: Number, span: Span) -> Result<Value> {
        let mask = word.fit(mask, span)?;
        Ok(Value::Word(Word { mask: word.mask & mask, ..word }))
    }

    /// A parameter, a `let` or a constant.
    fn name(&self, name: &str, span: Span) -> Result<Value> {
        if let Some((arg, parameter)) = self.parameter(name, span)? {
            if let Some(definition) = self.lets.definition(self.scope, name) {
                return wrong(
                    Diagnostic::error("shadowed-name", format!("`{name}` is a parameter here, and a `let` as well"))
                        .at(span, "which one?")
                        .at(definition, "defined here")
                        .help("rename the `let`, or name the parameter by its position (`arg0`…)"),
                );
            }
            if parameter.role == Role::Pointer {
                return wrong(
                    Diagnostic::error("pointer-comparison", format!("`{name}` is a pointer"))
                        .at(span, "can't be compared")
                        .because("a filter sees the address, not what is there, and what is there can change after the check")
                        .help(format!("to compare the address itself all the same, write `raw(arg{arg})`")),
                );
            }
            return Ok(Value::Word(typed(arg, parameter)));
        }
        if let Some(value) = self.lets.get(self.scope, name) {
            return self.value(value);
        }
        match tables::constant(self.abi, name) {
            // A constant is what C makes of it in 64 bits, so `AT_FDCWD` comes with its sign.
            Some(number) => Ok(Value::Number(Number::from(number.cast_signed()))),
            None => Err(self.unknown_name(name, span)),
        }
    }

    /// The parameter at a position, for calls given as examples. A pointer's word is as good as another there.
    pub(super) fn at(&self, arg: u8, span: Span) -> Result<Word> {
        let untyped = Word { arg, width: Width::W64, signed: false, mask: u64::MAX };
        match self.parameter(&format!("arg{arg}"), span)? {
            Some((_, parameter)) if parameter.role != Role::Pointer => Ok(typed(arg, parameter)),
            _ if arg < 6 => Ok(untyped),
            _ => wrong(Diagnostic::error("no-such-parameter", "a call has six arguments at most").at(span, "")),
        }
    }

    /// A parameter by name or by position.
    fn parameter(&self, name: &str, span: Span) -> Result<Option<(u8, &'static tables::Parameter)>> {
        let Some(call) = self.call else { return Ok(None) };
        if let Some(found) = tables::parameter(self.abi, call, name) {
            return Ok(Some(found));
        }
        let Some(arg) = position(name) else { return Ok(None) };
        let prototype = tables::prototype(self.abi, call).unwrap_or_default();
        match prototype.get(usize::from(arg)) {
            Some(parameter) => Ok(Some((arg, parameter))),
            None => wrong(
                Diagnostic::error(
                    "no-such-parameter",
                    format!(
                        "`{call}` has {} parameter{} on {}",
                        prototype.len(),
                        if prototype.len() == 1 { "" } else { "s" },
                        self.abi
                    ),
                )
                .at(span, "it never looks at this one")
                .help(format!("its parameters are ({})", parameter_list(self.abi, call))),
            ),
        }
    }

    fn unknown_name(&self, name: &str, span: Span) -> Problem {
        let elsewhere = |abi: &Abi| tables::constant(*abi, name).is_some();
        if self.abis.iter().any(elsewhere) {
            return Problem::Absent { name: name.to_owned(), parameter: false, span };
        }
        if let Some(call) = self.call
            && self.abis.iter().any(|&abi| tables::parameter(abi, call, name).is_some())
        {
            return Problem::Absent { name: name.to_owned(), parameter: true, span };
        }
        let mut candidates: Vec<&str> = Vec::new();
        let prototype = self.call.and_then(|call| tables::prototype(self.abi, call)).unwrap_or_default();
        candidates.extend(self.lets.names(self.scope));
        let known = prototype.iter().map(|parameter| parameter.name).chain(tables::constant_names(self.abi));
        known.for_each(|name| candidates.push(name));
        if Abi::ALL.iter().any(elsewhere) {
            let error = Diagnostic::error("unknown-name", format!("no ABI of this policy has a constant `{name}`"))
                .at(span, "other ABIs have it");
            return Problem::Wrong(if self.abis.contains(&Abi::S390) {
                error
                    .because("of s390x's constants, 31-bit s390 has those that can't depend on the width of a long")
                    .help("write the number")
            } else {
                error.help("write the number, or put it inside `when arch … { … }`")
            });
        }
        let mut diagnostic = Diagnostic::error("unknown-name", format!("nothing is called `{name}`"))
            .at(span, "neither a parameter, nor a `let`, nor a constant");
        if let Some(call) = self.call {
            diagnostic =
                diagnostic.because(format!("the parameters of `{call}` are ({})", parameter_list(self.abi, call)));
        } else {
            diagnostic = diagnostic
                .because("the number has no name here, so its parameters are only known as `raw(arg0)` to `raw(arg5)`");
        }
        if let Some(near) = did_you_mean(name, candidates.into_iter()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        Problem::Wrong(diagnostic)
    }
}

fn typed(arg: u8, parameter: &tables::Parameter) -> Word {
    Word { arg, width: parameter.width, signed: parameter.signed, mask: parameter.width.max() }
}

impl Word {
    fn bits(self) -> u32 {
        match self.width {
            Width::W32 => 32,
            Width::W64 => 64,
        }
    }

    /// The bits of a number in this word; negative ones in two's complement.
    pub(super) fn fit(self, number: Number, span: Span) -> Result<u64> {
        let size: Number = 1 << self.bits();
        if number < -(size / 2) || number >= size {
            return wrong(
                Diagnostic::error("constant-out-of-range", format!("{number:#x} doesn't fit the parameter"))
                    .at(span, format!("the kernel reads {} bits", self.bits())),
            );
        }
        Ok(u64::try_from(number.rem_euclid(size)).expect("reduced to the word's size"))
    }

    /// Whether larger-than comparisons read the top bit as a sign. A mask that drops the top bit makes it unsigned.
    fn is_signed(self) -> bool {
        self.signed && self.mask >> (self.bits() - 1) == 1
    }

    /// The least and greatest number of the word as comparisons order it.
    pub(super) fn domain(self) -> (Number, Number) {
        let size: Number = 1 << self.bits();
        if self.is_signed() { (-(size / 2), size / 2 - 1) } else { (0, Number::from(self.mask)) }
    }

    /// The words between two numbers, both in, as the parameter's sign orders them. Ends must be ones the type can hold.
    pub(super) fn between(self, low: Number, high: Number, span: Span) -> Result<Vec<(u64, u64)>> {
        let (least, greatest) = self.domain();
        // A masked word's domain ends at its mask, but larger bounds are still sense: `x & 0xf0 <= 0xff`.
        let greatest = if self.is_signed() { greatest } else { Number::from(self.width.max()) };
        for end in [low, high] {
            if end < least || end > greatest {
                let sign = if self.is_signed() { "signed" } else { "unsigned" };
                return wrong(
                    Diagnostic::error("constant-out-of-range", format!("{end} doesn't fit the parameter"))
                        .at(span, format!("the kernel reads {} bits, {sign}: {least} to {greatest}", self.bits())),
                );
            }
        }
        let size: Number = 1 << self.bits();
        let word = |number: Number| u64::try_from(number.rem_euclid(size)).expect("reduced to the word's size");
        let mut ranges = Vec::new();
        if low < 0 {
            ranges.push((word(low), word(high.min(-1))));
        }
        if high >= 0 {
            ranges.push((word(low.max(0)), word(high)));
        }
        Ok(ranges)
    }

    /// The words of a set: single numbers by their bits, ranges by the parameter's order.
    pub(super) fn set(self, ranges: &[(Number, Number)], span: Span) -> Result<ValueSet> {
        let mut words = Vec::new();
        for &(low, high) in ranges {
            if low == high {
                let bits = self.fit(low, span)?;
                if bits & !self.mask != 0 {
                    return wrong(
                        Diagnostic::error(
                            "impossible-comparison",
                            format!("{low:#x} has bits that the mask {:#x} takes away", self.mask),
                        )
                        .at(span, "so the two can never be equal"),
                    );
                }
                words.push((bits, bits));
            } else {
                words.extend(self.between(low, high, span)?);
            }
        }
        Ok(ValueSet::of(words))
    }
}

/// `arg0` to `arg5`.
fn position(name: &str) -> Option<u8> {
    let digit = name.strip_prefix("arg")?;
    matches!(digit, "0" | "1" | "2" | "3" | "4" | "5").then(|| digit.as_bytes()[0] - b'0')
}

/// `family, type, protocol`
pub(super) fn parameter_list(abi: Abi, call: &str) -> String {
    let names: Vec<_> =
        tables::prototype(abi, call).unwrap_or_default().iter().map(|parameter| parameter.name).collect();
    names.join(", ")
}

pub(super) fn two_parameters(span: Span) -> Diagnostic {
    Diagnostic::error("two-parameters", "two parameters can't be compared with each other")
        .at(span, "")
        .because("the tables of a filter hold constants only")
}
