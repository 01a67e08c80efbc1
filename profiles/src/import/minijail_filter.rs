//! What stands behind the colon of a minijail line: conditions and actions.

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::tree::BinaryOp;
use callgate_grammar::{Diagnostic, did_you_mean};

use super::calls::c_number;
use super::constants::errno_verb_of;
use super::piece::Piece;
use super::rules::{Test, Value, When};

/// Constants of kernels newer than the tables' headers (include/uapi/asm-generic/mman-common.h, Linux 6.13).
const NEWER: &[(&str, u64)] = &[("MADV_GUARD_INSTALL", 102), ("MADV_GUARD_REMOVE", 103)];

/// One condition and what happens when it holds.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) when: When,
    pub(super) verb: String,
}

type Result<T> = std::result::Result<T, Box<Diagnostic>>;

fn wrong<T>(piece: &Piece<'_>, message: impl Into<String>, help: impl Into<String>) -> Result<T> {
    Err(Box::new(Diagnostic::error("bad-filter", message).at(piece.span(), "").help(help)))
}

/// The filters of a line; alternatives (`||`) are filters of their own.
pub(super) fn filters(piece: &Piece<'_>) -> Result<Vec<Filter>> {
    let parts = match piece.text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(inner) => Piece { text: inner, at: piece.at + 1, ..*piece }.split(","),
        None => vec![*piece],
    };
    let mut found = Vec::new();
    for part in parts {
        if !part.text.starts_with("arg") {
            found.push(Filter { when: When::Always, verb: action(&part)? });
            continue;
        }
        let (expression, verb) = match part.text.find(';') {
            Some(at) => (part.part(0, at), action(&part.part(at + 1, part.text.len()))?),
            None => (part, "allow".to_owned()),
        };
        for alternative in expression.split("||") {
            let tests = alternative.split("&&").iter().map(test).collect::<Result<Vec<_>>>()?;
            found.push(Filter { when: When::All(tests), verb: verb.clone() });
        }
    }
    Ok(found)
}

/// `allow`, `1`, `return EPERM`…
pub(super) fn action(piece: &Piece<'_>) -> Result<String> {
    let verb = match piece.text {
        "1" | "allow" => "allow",
        "kill" | "kill-process" => "kill",
        "kill-thread" => "kill-thread",
        "trap" => "trap",
        "trace" => "trace",
        "log" => "log",
        "user-notify" => "notify",
        other => {
            let Some(errno) = other.strip_prefix("return").map(str::trim) else {
                return wrong(
                    piece,
                    format!("`{other}` is neither a condition nor an action"),
                    "write 1, arg0 == VALUE, return ERRNO, kill, trap, trace, log or user-notify",
                );
            };
            return match errno_verb_of(errno) {
                Some(verb) => Ok(verb),
                None if errno.parse::<u16>().is_ok() => Ok(format!("errno({errno})")),
                None => wrong(piece, format!("no errno is called `{errno}`"), "write its name or its number"),
            };
        }
    };
    Ok(verb.to_owned())
}

/// `arg1 == VALUE`
fn test(piece: &Piece<'_>) -> Result<Test> {
    const OPERATORS: [(&str, BinaryOp); 8] = [
        ("==", BinaryOp::Eq),
        ("!=", BinaryOp::Ne),
        ("<=", BinaryOp::Le),
        (">=", BinaryOp::Ge),
        ("<", BinaryOp::Lt),
        (">", BinaryOp::Gt),
        ("&", BinaryOp::BitAnd),
        ("in", BinaryOp::In),
    ];
    let digits = piece.text.strip_prefix("arg").unwrap_or_default();
    let Some(argument @ 0..=5) = digits.bytes().next().map(|digit| digit.wrapping_sub(b'0')) else {
        return wrong(piece, "a condition starts with arg0 to arg5", "write `arg0 == VALUE`");
    };
    let rest = piece.part(4, piece.text.len());
    let Some((operator, comparison)) = OPERATORS.into_iter().find(|(sign, _)| rest.text.starts_with(sign)) else {
        return wrong(&rest, "a comparison is missing here", "the comparisons are == != < <= > >= & and in");
    };
    let value = rest.part(operator.len(), rest.text.len());
    Ok(match operator {
        // Some of these bits.
        "&" => match value_of(&value, 0)? {
            // One bit is there or not: an equality, which shows what it excludes.
            Value::Number(bit) if bit.is_power_of_two() => Test::number(argument, bit, BinaryOp::Eq, bit),
            bits => Test { argument, mask: Some(bits), operator: BinaryOp::Ne, value: Value::Number(0) },
        },
        // No bit outside of these.
        "in" => {
            let outside = value_of(&value, 0)?.complement();
            Test { argument, mask: Some(outside), operator: BinaryOp::Eq, value: Value::Number(0) }
        }
        _ => Test { argument, mask: None, operator: comparison, value: value_of(&value, 0)? },
    })
}

impl Value {
    fn complement(self) -> Self {
        match self {
            Self::Number(number) => Self::Number(!number),
            // The opposite of an opposite: a value in `in` is turned round.
            Self::Text(text) => Self::Text(match text.strip_prefix('~') {
                Some(inside) => inside.to_owned(),
                None => format!("~{text}"),
            }),
        }
    }
}

/// Brackets and `~` inside each other; the language reads no more.
const DEPTH: usize = 32;

/// A number, a name, bits of several (`A|B`), all but some (`~A`), parentheses around.
fn value_of(piece: &Piece<'_>, depth: usize) -> Result<Value> {
    if depth > DEPTH {
        return wrong(piece, format!("more than {DEPTH} brackets inside each other"), "write the value plainly");
    }
    let piece = piece.trimmed();
    let parts = outside_brackets(&piece);
    if parts.len() > 1 {
        let parts = parts.iter().map(|part| value_of(part, depth + 1)).collect::<Result<Vec<_>>>()?;
        let numbers: Vec<u64> = parts
            .iter()
            .filter_map(|part| if let Value::Number(number) = part { Some(*number) } else { None })
            .collect();
        let number = numbers.iter().fold(0, |all, number| all | number);
        if numbers.len() == parts.len() {
            return Ok(Value::Number(number));
        }
        let parts: Vec<String> = parts.iter().map(Value::to_string).collect();
        return Ok(Value::Text(format!("({})", parts.join("|"))));
    }
    if let Some(inner) = piece.text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        return value_of(&Piece { text: inner, at: piece.at + 1, ..piece }, depth + 1);
    }
    if piece.text.starts_with('~') {
        return Ok(value_of(&piece.slice(1, piece.text.len()), depth + 1)?.complement());
    }
    let text = piece.text;
    if let Some(number) = number(text) {
        return Ok(Value::Number(number));
    }
    if Abi::ALL.iter().any(|&abi| tables::constant(abi, text).is_some()) {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Some((_, value)) = NEWER.iter().find(|(name, _)| *name == text) {
        return Ok(Value::Number(*value));
    }
    match did_you_mean(text, tables::constant_names(Abi::X86_64)) {
        Some(near) => wrong(&piece, format!("no constant is called `{text}`"), format!("did you mean `{near}`?")),
        None => wrong(&piece, format!("`{text}` is no constant"), "write a name of the kernel's headers or a number"),
    }
}

/// The parts between `|` that stand in no brackets.
fn outside_brackets<'a>(piece: &Piece<'a>) -> Vec<Piece<'a>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in piece.text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(piece.part(start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(piece.part(start, piece.text.len()));
    parts
}

/// C's numbers; a negative one is the word that it is.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(digits) => c_number(digits).map(u64::wrapping_neg),
        None => c_number(text),
    }
}
