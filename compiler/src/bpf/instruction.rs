//! A classic BPF instruction and a program of them.

use serde::{Deserialize, Serialize};

use crate::abi::Abi;

/// `struct sock_filter` (include/uapi/linux/filter.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Instruction {
    /// The operation (`BPF_LD | BPF_W | BPF_ABS`…).
    pub code: u16,
    /// How many instructions to skip when a conditional jump's test is true.
    pub jt: u8,
    /// How many instructions to skip when it is false.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// Opcodes seccomp accepts, by the names of `include/uapi/linux/bpf_common.h` and filter.h.
#[allow(missing_docs)]
pub mod op {
    pub const LD: u16 = 0x00;
    pub const LDX: u16 = 0x01;
    pub const ST: u16 = 0x02;
    pub const STX: u16 = 0x03;
    pub const ALU: u16 = 0x04;
    pub const JMP: u16 = 0x05;
    pub const RET: u16 = 0x06;
    pub const MISC: u16 = 0x07;
    pub const W: u16 = 0x00;
    pub const IMM: u16 = 0x00;
    pub const ABS: u16 = 0x20;
    pub const MEM: u16 = 0x60;
    pub const LEN: u16 = 0x80;
    pub const ADD: u16 = 0x00;
    pub const SUB: u16 = 0x10;
    pub const MUL: u16 = 0x20;
    pub const DIV: u16 = 0x30;
    pub const OR: u16 = 0x40;
    pub const AND: u16 = 0x50;
    pub const LSH: u16 = 0x60;
    pub const RSH: u16 = 0x70;
    pub const NEG: u16 = 0x80;
    pub const XOR: u16 = 0xa0;
    pub const JA: u16 = 0x00;
    pub const JEQ: u16 = 0x10;
    pub const JGT: u16 = 0x20;
    pub const JGE: u16 = 0x30;
    pub const JSET: u16 = 0x40;
    pub const K: u16 = 0x00;
    pub const X: u16 = 0x08;
    pub const A: u16 = 0x10;
    pub const TAX: u16 = 0x00;
    pub const TXA: u16 = 0x80;
}

/// Byte offsets in `struct seccomp_data` (include/uapi/linux/seccomp.h).
pub mod offset {
    /// `nr`, 4 bytes.
    pub const NUMBER: u32 = 0;
    /// `arch`, 4 bytes.
    pub const ARCH: u32 = 4;
    /// `instruction_pointer`, 8 bytes.
    pub const INSTRUCTION_POINTER: u32 = 8;
    /// `args`, six times 8 bytes.
    pub const ARGUMENTS: u32 = 16;
    /// The size of the structure.
    pub const END: u32 = 64;
}

/// The kernel's limit on the length of one filter (`BPF_MAXINSNS`, `include/uapi/linux/bpf_common.h`).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// Number of scratch words `M[]` (`BPF_MEMWORDS`, include/uapi/linux/filter.h).
pub const SCRATCH_WORDS: usize = 16;

impl Instruction {
    /// An instruction that doesn't jump on a condition.
    #[must_use]
    pub const fn statement(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// `A = the word at this byte offset of seccomp_data`.
    #[must_use]
    pub const fn load(offset: u32) -> Self {
        Self::statement(op::LD | op::W | op::ABS, offset)
    }

    /// Ends the filter with this return value.
    #[must_use]
    pub const fn ret(value: u32) -> Self {
        Self::statement(op::RET | op::K, value)
    }

    /// The operation of a conditional jump (`op::JEQ` …), `None` for every other instruction.
    #[must_use]
    pub fn condition(self) -> Option<u16> {
        let operation = self.code & 0xf0;
        let known = matches!(operation, op::JEQ | op::JGT | op::JGE | op::JSET);
        (known && self.code == op::JMP | operation | (self.code & op::X)).then_some(operation)
    }
}

/// Calls that can come to an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The ABI of the calls; `None` stands for every ABI that the policy doesn't name.
    pub abi: Option<Abi>,
    /// Their numbers (`seccomp_data.nr`), as sorted, disjoint inclusive ranges.
    pub numbers: Vec<(u32, u32)>,
}

/// A filter, ready for seccomp(2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The instructions.
    pub instructions: Vec<Instruction>,
    /// For each instruction, the calls that can come to it, at most one entry an ABI, in the order of [`Abi`] with the other
    /// ones last. Empty for a program that callgate didn't generate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<Vec<Origin>>,
}

impl Program {
    /// A program of these instructions, without provenance.
    #[must_use]
    pub fn new(instructions: Vec<Instruction>) -> Self {
        Self { instructions, provenance: Vec::new() }
    }

    /// The calls that can come to this instruction, as far as known.
    #[must_use]
    pub fn origins(&self, position: usize) -> &[Origin] {
        self.provenance.get(position).map_or(&[], Vec::as_slice)
    }
}
