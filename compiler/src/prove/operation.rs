//! What an instruction does, and which programs the kernel accepts.
//!
//! Read from kernel/seccomp.c (`seccomp_check_filter`) and net/core/filter.c (`bpf_check_classic`,
//! `check_load_and_stores`), apart from the rest of the crate, so that one misreading can't vouch for itself.

use std::fmt;

use crate::bpf::{Instruction, MAX_INSTRUCTIONS, Program, op};

/// A place that holds a word: the accumulator, the index register, or a cell of scratch memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Register(u8);

impl Register {
    pub(super) const A: Self = Self(0);
    pub(super) const X: Self = Self(1);
    /// How many there are: A, X and `BPF_MEMWORDS` cells.
    pub(super) const COUNT: usize = 18;

    fn cell(k: u32) -> Option<Self> {
        u8::try_from(k).ok().filter(|&k| k < 16).map(|k| Self(k + 2))
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    fn bit(self) -> u32 {
        1 << self.0
    }
}

/// Where a word comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Constant(u32),
    Register(Register),
    /// The word at this offset of `seccomp_data`; below 64 and a multiple of 4.
    Data(u8),
}

/// An operation on A and another word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    /// By zero: the filter returns 0 (`bpf_convert_filter`).
    Divide,
    And,
    Or,
    Xor,
    /// By the low five bits of the other word (`___bpf_prog_run`, and the processors the JITs write for).
    ShiftLeft,
    ShiftRight,
    /// `-A`; the other word is ignored.
    Negate,
}

/// A test of A against another word, unsigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    /// Some bit is set in both.
    CommonBit,
}

/// What an instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Copy { to: Register, from: Source },
    Compute { operation: Arithmetic, right: Source },
    Jump { skip: u32 },
    Branch { comparison: Comparison, right: Source, skip_then: u8, skip_otherwise: u8 },
    Return(Source),
}

impl Operation {
    /// The registers it reads, a bit each.
    pub(super) fn reads(self) -> u32 {
        let bit = |source| if let Source::Register(register) = source { register.bit() } else { 0 };
        match self {
            Self::Copy { from, .. } | Self::Return(from) => bit(from),
            Self::Compute { right, .. } | Self::Branch { right, .. } => Register::A.bit() | bit(right),
            Self::Jump { .. } => 0,
        }
    }

    /// The register it writes, as a bit; 0 for none.
    pub(super) fn writes(self) -> u32 {
        match self {
            Self::Copy { to, .. } => to.bit(),
            Self::Compute { .. } => Register::A.bit(),
            _ => 0,
        }
    }
}

/// Why the kernel refuses to load a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A filter has 1 to 4096 instructions.
    Length(usize),
    /// This instruction can't be in a filter, for this reason.
    Instruction(usize, &'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "it has {length} instructions, not 1 to {MAX_INSTRUCTIONS}"),
            Self::Instruction(index, reason) => write!(f, "instruction {index}: {reason}"),
        }
    }
}

/// The operations of a program the kernel accepts. Every jump lands inside, and every path ends in a return.
pub(super) fn operations(program: &Program) -> Result<Vec<Operation>, Refusal> {
    let length = program.instructions.len();
    if length == 0 || length > MAX_INSTRUCTIONS {
        return Err(Refusal::Length(length));
    }
    let mut operations = Vec::with_capacity(length);
    for (index, instruction) in program.instructions.iter().enumerate() {
        let operation = operation(instruction).map_err(|reason| Refusal::Instruction(index, reason))?;
        let after = (length - index - 1) as u64;
        let inside = match operation {
            Operation::Jump { skip } => u64::from(skip) < after,
            Operation::Branch { skip_then, skip_otherwise, .. } => u64::from(skip_then.max(skip_otherwise)) < after,
            _ => true,
        };
        if !inside {
            return Err(Refusal::Instruction(index, "it jumps out of the program"));
        }
        operations.push(operation);
    }
    if !matches!(operations.last(), Some(Operation::Return(_))) {
        return Err(Refusal::Instruction(length - 1, "the last instruction must return"));
    }
    check_cells(&operations)?;
    Ok(operations)
}

/// No cell is read before it is written on every way to the read (`check_load_and_stores`; like it, this takes the
/// instruction after a return as reached from it).
fn check_cells(operations: &[Operation]) -> Result<(), Refusal> {
    let registers = Register::A.bit() | Register::X.bit();
    let mut written_before = vec![u32::MAX; operations.len()];
    let mut written = registers;
    for (index, &operation) in operations.iter().enumerate() {
        written &= written_before[index];
        if operation.reads() & !written != 0 {
            return Err(Refusal::Instruction(index, "it reads scratch memory that may not be written yet"));
        }
        written |= operation.writes();
        let mut jump = |skip: usize| written_before[index + 1 + skip] &= written;
        match operation {
            Operation::Jump { skip } => jump(skip as usize),
            Operation::Branch { skip_then, skip_otherwise, .. } => {
                jump(skip_then.into());
                jump(skip_otherwise.into());
            }
            _ => continue,
        }
        written = u32::MAX;
    }
    Ok(())
}

/// What the codes of classic BPF mean, where seccomp accepts them.
fn operation(instruction: &Instruction) -> Result<Operation, &'static str> {
    let Instruction { code, jt, jf, k } = *instruction;
    let class = code & 0x07;
    let register = if class == op::LD || class == op::ST { Register::A } else { Register::X };
    let cell = || Register::cell(k).ok_or("there are 16 cells of scratch memory");
    let right = if code & op::X == 0 { Source::Constant(k) } else { Source::Register(Register::X) };
    const UNKNOWN: &str = "seccomp doesn't accept this operation";
    match class {
        op::LD | op::LDX => {
            let from = match code & !0x07 {
                op::IMM => Source::Constant(k),
                // sizeof(struct seccomp_data)
                op::LEN => Source::Constant(64),
                op::MEM => Source::Register(cell()?),
                op::ABS if class == op::LD => match u8::try_from(k) {
                    Ok(offset) if offset < 64 && offset.is_multiple_of(4) => Source::Data(offset),
                    _ => return Err("seccomp_data is read in whole words, at multiples of 4 below 64"),
                },
                _ => return Err(UNKNOWN),
            };
            Ok(Operation::Copy { to: register, from })
        }
        op::ST | op::STX if code == class => Ok(Operation::Copy { to: cell()?, from: Source::Register(register) }),
        op::ALU => {
            let operation = match code & !(0x07 | op::X) {
                op::ADD => Arithmetic::Add,
                op::SUB => Arithmetic::Subtract,
                op::MUL => Arithmetic::Multiply,
                op::DIV => Arithmetic::Divide,
                op::AND => Arithmetic::And,
                op::OR => Arithmetic::Or,
                op::XOR => Arithmetic::Xor,
                op::LSH => Arithmetic::ShiftLeft,
                op::RSH => Arithmetic::ShiftRight,
                op::NEG if code & op::X == 0 => {
                    return Ok(Operation::Compute { operation: Arithmetic::Negate, right: Source::Constant(0) });
                }
                _ => return Err(UNKNOWN),
            };
            match (operation, right) {
                (Arithmetic::Divide, Source::Constant(0)) => Err("it divides by zero"),
                (Arithmetic::ShiftLeft | Arithmetic::ShiftRight, Source::Constant(32..)) => {
                    Err("it shifts by more than 31")
                }
                _ => Ok(Operation::Compute { operation, right }),
            }
        }
        op::JMP => {
            let comparison = match code & !(0x07 | op::X) {
                op::JA if code & op::X == 0 => return Ok(Operation::Jump { skip: k }),
                op::JEQ => Comparison::Equal,
                op::JGT => Comparison::Greater,
                op::JGE => Comparison::GreaterOrEqual,
                op::JSET => Comparison::CommonBit,
                _ => return Err(UNKNOWN),
            };
            Ok(Operation::Branch { comparison, right, skip_then: jt, skip_otherwise: jf })
        }
        op::RET => match code & !0x07 {
            op::K => Ok(Operation::Return(Source::Constant(k))),
            op::A => Ok(Operation::Return(Source::Register(Register::A))),
            _ => Err(UNKNOWN),
        },
        op::MISC => match code & !0x07 {
            op::TAX => Ok(Operation::Copy { to: Register::X, from: Source::Register(Register::A) }),
            op::TXA => Ok(Operation::Copy { to: Register::A, from: Source::Register(Register::X) }),
            _ => Err(UNKNOWN),
        },
        _ => Err(UNKNOWN),
    }
}
