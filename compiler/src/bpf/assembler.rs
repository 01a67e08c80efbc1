//! Text to programs: the assembler language of the kernel's `tools/bpf/bpf_asm`, as far as seccomp's instructions need it, and
//! with it everything that [`disassemble`](super::disassemble()) writes.
//!
//! After `tools/bpf/bpf_exp.l` and `bpf_exp.y`: `;` and `/* */` start comments, a label stands before an instruction or on a
//! line of its own, numbers are decimal, octal, hexadecimal or binary, and negative ones wrap round. Beyond it, a label may have
//! one letter, and `raw CODE, JT, JF, K` is any instruction at all.

use std::collections::BTreeMap;

use thiserror::Error;

use super::instruction::{Instruction, Program, op};

/// Why a text is no program. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}\n  next: {next}")]
pub struct AssembleError {
    /// Where.
    pub line: usize,
    /// What is wrong, in words.
    pub problem: String,
    /// What to do about it.
    pub next: &'static str,
}

const OPERANDS: &str =
    "write operands as bpf_asm does: `ld [0]`, `ld M[1]`, `ld #1`, `jeq #1, yes, no`, `add x`, `ret #0`";
const LABELS: &str = "put the label, with a colon, before the instruction to jump to; jumps only go forward";
const FAR: &str = "a conditional jump skips at most 255 instructions: go on by a `ja` that stands nearer";

/// One line's instruction, its labels and comments taken off.
struct Line<'t> {
    number: usize,
    text: &'t str,
}

impl Line<'_> {
    fn error(&self, problem: impl Into<String>, next: &'static str) -> AssembleError {
        AssembleError { line: self.number, problem: problem.into(), next }
    }

    fn operands(&self, text: &str) -> AssembleError {
        self.error(format!("`{text}` is no operand that `{}` takes", self.word()), OPERANDS)
    }

    fn word(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }
}

/// The program of a text in `bpf_asm`'s language. Whether the kernel would take it is [`admit`](super::admit)'s question.
///
/// # Errors
/// [`AssembleError`] for the first line that is no instruction, or that jumps where it can't.
pub fn assemble(text: &str) -> Result<Program, AssembleError> {
    let text = without_comments(text);
    let (lines, labels) = lines(&text)?;
    let instructions = lines.iter().enumerate().map(|(position, line)| instruction(line, position, &labels));
    let program = Program::new(instructions.collect::<Result<_, _>>()?);
    match labels.iter().find(|&(_, &position)| position >= lines.len()) {
        Some((label, _)) => Err(AssembleError {
            line: text.lines().count(),
            problem: format!("no instruction follows the label `{label}`"),
            next: LABELS,
        }),
        None => Ok(program),
    }
}

/// The line of each instruction of a text, counted from 1; none for a text that has no instructions. Whether they are right is
/// [`assemble`]'s question.
#[must_use]
pub fn assembled_lines(text: &str) -> Vec<usize> {
    let text = without_comments(text);
    lines(&text).map(|(lines, _)| lines.iter().map(|line| line.number).collect()).unwrap_or_default()
}

/// The lines with an instruction, and which of them each label stands before.
fn lines(text: &str) -> Result<(Vec<Line<'_>>, BTreeMap<&str, usize>), AssembleError> {
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut rest = line.trim();
        while let Some((label, after)) = rest.split_once(':') {
            let line = Line { number, text: rest };
            if !is_label(label.trim_end()) {
                return Err(line.error(format!("`{label}` can't be a label"), "use letters, digits and `_`"));
            }
            if labels.insert(label.trim_end(), lines.len()).is_some() {
                return Err(line.error(format!("`{label}` is defined twice"), "rename one of them"));
            }
            rest = after.trim_start();
        }
        if !rest.is_empty() {
            lines.push(Line { number, text: rest });
        }
    }
    Ok((lines, labels))
}

/// Whether a text can only be a program: its first word is an instruction's or it starts with a label.
#[must_use]
pub fn looks_assembled(text: &str) -> bool {
    let text = without_comments(text);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let (word, rest) = first.split_once(|c: char| c.is_whitespace()).unwrap_or((first, ""));
    match word {
        "ld" | "ldi" | "ldx" | "ldxi" => rest.trim_start().starts_with(['[', '#', 'M']),
        "ret" => rest.trim_start().starts_with(['#', 'a', '%']),
        "raw" => rest.contains(','),
        _ => false,
    }
}

/// The text with blanks for comments, line by line.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([';', '/']) {
        plain.push_str(&rest[..at]);
        let comment = &rest[at..];
        let length = if comment.starts_with(';') {
            comment.find('\n').unwrap_or(comment.len())
        } else if comment.starts_with("/*") {
            comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else {
            plain.push('/');
            1
        };
        // Lines keep their numbers.
        plain.extend(comment[..length].chars().filter(|&c| c == '\n'));
        rest = &comment[length..];
    }
    plain.push_str(rest);
    plain
}

fn is_label(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// A number of any base the language has; a negative one as the word it wraps round to.
fn number(text: &str) -> Option<u32> {
    let digits = |text: &str, radix| u32::from_str_radix(text, radix).ok().filter(|_| !text.starts_with(['+', '-']));
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(hexadecimal, 16);
    }
    if let Some(binary) = text.strip_prefix("0b") {
        return digits(binary, 2);
    }
    if let Some(octal) = text.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        return digits(octal, 8);
    }
    match text.strip_prefix('-') {
        Some(negative) => digits(negative, 10).filter(|&value| value <= 1 << 31).map(u32::wrapping_neg),
        None => digits(text.strip_prefix('+').unwrap_or(text), 10),
    }
}

fn instruction(line: &Line<'_>, position: usize, labels: &BTreeMap<&str, usize>) -> Result<Instruction, AssembleError> {
    let word = line.word();
    let rest = line.text[word.len()..].trim();
    let operands: Vec<&str> = if rest.is_empty() { Vec::new() } else { rest.split(',').map(str::trim).collect() };
    let s = Instruction::statement;
    let skip = |label: &str| {
        let target = labels.get(label).ok_or_else(|| line.error(format!("there is no label `{label}`"), LABELS))?;
        target
            .checked_sub(position + 1)
            .ok_or_else(|| line.error(format!("`{label}` stands before the jump to it"), LABELS))
    };
    let near =
        |label: &str| u8::try_from(skip(label)?).map_err(|_| line.error(format!("`{label}` is too far away"), FAR));
    let constant = |text: &str| {
        text.strip_prefix('#').and_then(|text| number(text.trim_start())).ok_or_else(|| line.operands(text))
    };
    let memory = |text: &str| {
        let index = text.strip_prefix('M').and_then(|text| text.trim().strip_prefix('[')?.strip_suffix(']'));
        index.and_then(|index| number(index.trim())).ok_or_else(|| line.operands(text))
    };
    let operand = |code: u16, text: &str| match text {
        "x" | "%x" => Ok(s(code | op::X, 0)),
        _ => Ok(s(code | op::K, constant(text)?)),
    };
    let only = || match operands[..] {
        [only] => Ok(only),
        _ => Err(line.operands(rest)),
    };
    let alone = |instruction: Instruction| match operands[..] {
        [] => Ok(instruction),
        _ => Err(line.operands(rest)),
    };
    let jump = |code: u16, turned: bool| {
        let (&first, targets) = operands.split_first().ok_or_else(|| line.operands(rest))?;
        let base = operand(op::JMP | code, first)?;
        match *targets {
            [only] if turned => Ok(Instruction { jf: near(only)?, ..base }),
            [only] => Ok(Instruction { jt: near(only)?, ..base }),
            [yes, no] if !turned => Ok(Instruction { jt: near(yes)?, jf: near(no)?, ..base }),
            _ => Err(line.error("a jump needs one label or two", OPERANDS)),
        }
    };
    let load = |class: u16| {
        let from = only()?;
        match from {
            "#len" | "len" => Ok(s(class | op::W | op::LEN, 0)),
            _ if from.starts_with('#') => Ok(s(class | op::IMM, constant(from)?)),
            _ if from.starts_with('M') => Ok(s(class | op::MEM, memory(from)?)),
            _ if class == op::LD => {
                let offset = from.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
                let offset = offset.and_then(|text| number(text.trim())).ok_or_else(|| line.operands(from))?;
                Ok(s(op::LD | op::W | op::ABS, offset))
            }
            _ => Err(line.operands(from)),
        }
    };
    let immediate = |class: u16| {
        let text = only()?;
        let value = number(text.strip_prefix('#').unwrap_or(text)).ok_or_else(|| line.operands(text))?;
        Ok(s(class | op::IMM, value))
    };
    let alu = |code: u16| operand(op::ALU | code, only()?);
    match word {
        "ld" => load(op::LD),
        "ldx" => load(op::LDX),
        "ldi" => immediate(op::LD),
        "ldxi" => immediate(op::LDX),
        "st" => Ok(s(op::ST, memory(only()?)?)),
        "stx" => Ok(s(op::STX, memory(only()?)?)),
        "ja" | "jmp" => {
            let skip = skip(only()?)?;
            Ok(s(op::JMP | op::JA, u32::try_from(skip).map_err(|_| line.operands(rest))?))
        }
        "jeq" => jump(op::JEQ, false),
        "jne" | "jneq" => jump(op::JEQ, true),
        "jgt" => jump(op::JGT, false),
        "jle" => jump(op::JGT, true),
        "jge" => jump(op::JGE, false),
        "jlt" => jump(op::JGE, true),
        "jset" => jump(op::JSET, false),
        "add" => alu(op::ADD),
        "sub" => alu(op::SUB),
        "mul" => alu(op::MUL),
        "div" => alu(op::DIV),
        "and" => alu(op::AND),
        "or" => alu(op::OR),
        "xor" => alu(op::XOR),
        "lsh" => alu(op::LSH),
        "rsh" => alu(op::RSH),
        "neg" => alone(s(op::ALU | op::NEG, 0)),
        "tax" => alone(s(op::MISC | op::TAX, 0)),
        "txa" => alone(s(op::MISC | op::TXA, 0)),
        "ret" => match only()? {
            "a" | "%a" => Ok(s(op::RET | op::A, 0)),
            value => Ok(s(op::RET | op::K, constant(value)?)),
        },
        "raw" => {
            let fields: Option<Vec<u32>> = operands.iter().map(|text| number(text)).collect();
            let raw = match fields.as_deref() {
                Some(&[code, jt, jf, k]) => u16::try_from(code)
                    .ok()
                    .zip(u8::try_from(jt).ok())
                    .zip(u8::try_from(jf).ok())
                    .map(|((code, jt), jf)| Instruction { code, jt, jf, k }),
                _ => None,
            };
            raw.ok_or_else(|| line.error("`raw` needs four numbers: code, jt, jf and k", OPERANDS))
        }
        "ldb" | "ldh" | "ldxb" | "mod" => {
            Err(line.error(format!("seccomp has no `{word}`"), "load whole words: `ld [OFFSET]`"))
        }
        _ => Err(line.error(
            format!("no instruction is called `{word}`"),
            "see the kernel's Documentation/networking/filter.rst for the instructions of bpf_asm",
        )),
    }
}

#[cfg(test)]
mod tests;
