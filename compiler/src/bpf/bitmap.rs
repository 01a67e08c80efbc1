//! The kernel's test for calls that it may let through without running the filter.

use super::instruction::{Program, offset, op};
use super::machine::jumps;
use crate::action::Action;

/// Where the kernel's look at a filter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantEnd {
    /// `RET` of exactly `SECCOMP_RET_ALLOW`: the kernel caches the call.
    Allow,
    /// `RET` of this value; it may be an allow with data, which the kernel doesn't cache either.
    Returns(u32),
    /// A load of a word that the kernel doesn't know beforehand, at this byte offset of `seccomp_data`.
    Loads(u32),
    /// Another instruction that the kernel's look doesn't understand. Positions count from 0.
    Opcode {
        /// Where.
        position: usize,
        /// What.
        code: u16,
    },
    /// Past the last instruction. Not in a program that [`admit`](super::admit) accepts.
    PastTheEnd,
}

/// Whether the kernel caches "allow" for this token and number. See [`constant_end`].
#[must_use]
pub fn constant_allow(program: &Program, token: u32, nr: u32) -> bool {
    constant_end(program, token, nr) == ConstantEnd::Allow
}

/// How far the kernel sees into a filter for this token and number: `seccomp_is_const_allow` (kernel/seccomp.c, since 5.11).
///
/// It runs the classic program with only those two words known, understands nothing but loads of them, AND with a constant,
/// jumps by a constant and `RET K`, and gives up on all else. Only `RET` of exactly `SECCOMP_RET_ALLOW` counts.
///
/// Left out on purpose: newer x86-64 kernels let `uretprobe` (335) and `uprobe` (336) through whatever the filter says, and
/// the kernel keeps bits only for numbers of its tables (no x32). Both are facts of a kernel, not of a program;
/// [`measure`](crate::measure) knows them.
#[must_use]
pub fn constant_end(program: &Program, token: u32, nr: u32) -> ConstantEnd {
    let mut a = 0_u32;
    let mut position = 0_usize;
    while let Some(&instruction) = program.instructions.get(position) {
        let k = instruction.k;
        let unknown = ConstantEnd::Opcode { position, code: instruction.code };
        position += 1;
        match instruction.code {
            code if code == op::LD | op::W | op::ABS => match k {
                offset::NUMBER => a = nr,
                offset::ARCH => a = token,
                _ => return ConstantEnd::Loads(k),
            },
            code if code == op::RET | op::K => {
                return if k == Action::Allow.ret() { ConstantEnd::Allow } else { ConstantEnd::Returns(k) };
            }
            code if code == op::JMP | op::JA => position = position.saturating_add(k as usize),
            code if code == op::ALU | op::AND => a &= k,
            code => match instruction.condition() {
                Some(condition) if code & op::X == 0 => {
                    let taken = jumps(condition, a, k);
                    position += usize::from(if taken { instruction.jt } else { instruction.jf });
                }
                _ => return unknown,
            },
        }
    }
    ConstantEnd::PastTheEnd
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::Instruction;

    fn cached(instructions: Vec<Instruction>) -> bool {
        constant_allow(&Program::new(instructions), 0xc000_003e, 39)
    }

    #[test]
    fn only_what_the_kernel_understands() {
        let allow = Instruction::ret(0x7fff_0000);
        let s = Instruction::statement;
        let equal = |k| Instruction { code: op::JMP | op::JEQ, jt: 0, jf: 1, k };
        let refuse = Instruction::ret(0);
        assert!(cached(vec![allow]));
        assert!(cached(vec![Instruction::load(4), equal(0xc000_003e), allow, refuse]));
        assert!(!cached(vec![Instruction::load(4), equal(3), allow, refuse]));
        assert!(cached(vec![Instruction::load(0), s(op::ALU | op::AND, 0xf), equal(7), allow, refuse]));
        assert!(cached(vec![s(op::JMP | op::JA, 1), refuse, allow]));
        assert!(!cached(vec![Instruction::load(8), allow]));
        assert!(!cached(vec![s(op::LD | op::IMM, 0), allow]));
        assert!(!cached(vec![s(op::ALU | op::OR, 0), allow]));
        assert!(!cached(vec![Instruction::ret(0x7fff_0001)]));
        assert!(!cached(vec![Instruction::ret(0x7ffc_0000)]));
        assert!(!cached(vec![]));
    }

    #[test]
    fn what_stopped_it() {
        let end = |instructions: Vec<Instruction>| constant_end(&Program::new(instructions), 0xc000_003e, 39);
        let s = Instruction::statement;
        assert_eq!(end(vec![Instruction::load(16)]), ConstantEnd::Loads(16));
        assert_eq!(end(vec![Instruction::ret(0x7fff_0001)]), ConstantEnd::Returns(0x7fff_0001));
        assert_eq!(
            end(vec![Instruction::load(0), s(op::MISC | op::TAX, 0)]),
            ConstantEnd::Opcode { position: 1, code: op::MISC | op::TAX }
        );
        assert_eq!(end(vec![Instruction::load(0)]), ConstantEnd::PastTheEnd);
    }
}
