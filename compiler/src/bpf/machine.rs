//! The machine that runs a filter.

use thiserror::Error;

use super::instruction::{Instruction, Program, SCRATCH_WORDS, offset, op};
use crate::abi::Endian;
use crate::call::SyscallData;

/// What a run of a filter came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The return value, all 32 bits.
    pub ret: u32,
    /// How many instructions ran, the last one included.
    pub executed: usize,
}

/// Why a program can't run. None happens in a program that [`admit`](super::admit) accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A jump, or the end of the program, left it.
    #[error("runs past the end at instruction {0}")]
    PastTheEnd(usize),
    /// An operation seccomp doesn't have.
    #[error("instruction {position} has opcode {code:#06x}, which seccomp doesn't have")]
    Opcode {
        /// Where.
        position: usize,
        /// What.
        code: u16,
    },
    /// A load outside `seccomp_data`, or one that is not aligned to 4 bytes.
    #[error("instruction {position} loads offset {offset} of seccomp_data")]
    Load {
        /// Where.
        position: usize,
        /// Byte offset.
        offset: u32,
    },
    /// A scratch word that doesn't exist.
    #[error("instruction {position} uses M[{index}]")]
    Scratch {
        /// Where.
        position: usize,
        /// Which word.
        index: u32,
    },
}

/// Runs the filter on a call, as a machine of this byte order would.
///
/// It has every instruction seccomp accepts (kernel/seccomp.c, `seccomp_check_filter`) with the meaning that
/// `bpf_convert_filter` (net/core/filter.c, Linux 6.18) gives it: 32-bit registers that start at zero, division by a zero X
/// ends the filter with 0, shifts by X use its low five bits, and the length of the "packet" is 64.
///
/// # Errors
/// [`Fault`] when a program that the kernel would refuse goes where the kernel's checks would have stopped it.
pub fn simulate(program: &Program, endian: Endian, data: &SyscallData) -> Result<Outcome, Fault> {
    simulate_visiting(program, endian, data, |_| {})
}

/// As [`simulate`], and tells the position of each instruction before it runs.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_visiting(
    program: &Program,
    endian: Endian,
    data: &SyscallData,
    mut visit: impl FnMut(usize),
) -> Result<Outcome, Fault> {
    let mut a = 0_u32;
    let mut x = 0_u32;
    let mut scratch = [0_u32; SCRATCH_WORDS];
    let mut position = 0_usize;
    let mut executed = 0_usize;
    loop {
        let Some(&instruction) = program.instructions.get(position) else { return Err(Fault::PastTheEnd(position)) };
        executed += 1;
        visit(position);
        let Instruction { code, jt, jf, k } = instruction;
        let operand = if code & op::X != 0 { x } else { k };
        let unknown = Fault::Opcode { position, code };
        let mut skip = 0_usize;
        match code & 0x07 {
            op::LD | op::LDX => {
                let value = match code & !op::LDX {
                    mode if mode == op::W | op::ABS && code == op::LD | op::W | op::ABS => {
                        word(data, endian, k).ok_or(Fault::Load { position, offset: k })?
                    }
                    mode if mode == op::IMM => k,
                    mode if mode == op::MEM => *scratch_word(&mut scratch, k, position)?,
                    mode if mode == op::W | op::LEN => offset::END,
                    _ => return Err(unknown),
                };
                *(if code & 0x07 == op::LD { &mut a } else { &mut x }) = value;
            }
            op::ST if code == op::ST => *scratch_word(&mut scratch, k, position)? = a,
            op::STX if code == op::STX => *scratch_word(&mut scratch, k, position)? = x,
            op::ALU => match arithmetic(code, a, operand) {
                Some(value) => a = value,
                None if code & !op::X & !0x07 == op::DIV => return Ok(Outcome { ret: 0, executed }),
                None => return Err(unknown),
            },
            op::JMP => {
                skip = match instruction.condition() {
                    Some(condition) => usize::from(if jumps(condition, a, operand) { jt } else { jf }),
                    None if code == op::JMP | op::JA => usize::try_from(k).unwrap_or(usize::MAX),
                    None => return Err(unknown),
                };
            }
            op::RET if code == op::RET | op::K => return Ok(Outcome { ret: k, executed }),
            op::RET if code == op::RET | op::A => return Ok(Outcome { ret: a, executed }),
            op::MISC if code == op::MISC | op::TAX => x = a,
            op::MISC if code == op::MISC | op::TXA => a = x,
            _ => return Err(unknown),
        }
        position = position.saturating_add(1).saturating_add(skip);
    }
}

/// The result of an ALU operation on A. `None` for a division by zero, and for an operation that seccomp doesn't have.
pub(crate) fn arithmetic(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & !op::X & !0x07 {
        op::NEG if code & op::X == 0 => a.wrapping_neg(),
        op::ADD => a.wrapping_add(operand),
        op::SUB => a.wrapping_sub(operand),
        op::MUL => a.wrapping_mul(operand),
        op::DIV => return a.checked_div(operand),
        op::OR => a | operand,
        op::AND => a & operand,
        op::LSH => a.wrapping_shl(operand),
        op::RSH => a.wrapping_shr(operand),
        op::XOR => a ^ operand,
        _ => return None,
    })
}

/// Whether a conditional jump's test is true.
pub(crate) fn jumps(condition: u16, a: u32, operand: u32) -> bool {
    match condition {
        op::JEQ => a == operand,
        op::JGT => a > operand,
        op::JGE => a >= operand,
        _ => a & operand != 0,
    }
}

fn scratch_word(scratch: &mut [u32; SCRATCH_WORDS], index: u32, position: usize) -> Result<&mut u32, Fault> {
    usize::try_from(index).ok().and_then(|index| scratch.get_mut(index)).ok_or(Fault::Scratch { position, index })
}

/// The 32-bit word at a byte offset of `seccomp_data`; `None` off its end or between words.
fn word(data: &SyscallData, endian: Endian, at: u32) -> Option<u32> {
    let half = |long: u64, second: bool| {
        let high = second == (endian == Endian::Little);
        (if high { long >> 32 } else { long & 0xffff_ffff }) as u32
    };
    match at {
        offset::NUMBER => Some(data.nr),
        offset::ARCH => Some(data.arch),
        _ if !at.is_multiple_of(4) || at >= offset::END => None,
        _ if at < offset::ARGUMENTS => Some(half(data.instruction_pointer, at % 8 == 4)),
        _ => {
            let argument = (at - offset::ARGUMENTS) / 8;
            data.args.get(argument as usize).map(|&long| half(long, at % 8 == 4))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(instructions: &[Instruction]) -> Result<Outcome, Fault> {
        let data = SyscallData {
            nr: 7,
            arch: 0xc000_003e,
            instruction_pointer: 0x1111_2222_3333_4444,
            args: [0x0102_0304_0506_0708, 1, 2, 3, 4, 0xffff_0000_0000_ffff],
        };
        simulate(&Program::new(instructions.to_vec()), Endian::Little, &data)
    }

    const fn s(code: u16, k: u32) -> Instruction {
        Instruction::statement(code, k)
    }

    const RET_A: Instruction = s(op::RET | op::A, 0);

    #[test]
    fn arithmetic_is_the_kernels() {
        let alu = |operation: u16, a: u32, k: u32| {
            let by_k = run(&[s(op::LD | op::IMM, a), s(op::ALU | operation, k), RET_A]);
            let by_x =
                run(&[s(op::LD | op::IMM, a), s(op::LDX | op::IMM, k), s(op::ALU | operation | op::X, 0), RET_A]);
            assert_eq!(by_k.unwrap().ret, by_x.unwrap().ret);
            by_k.unwrap().ret
        };
        assert_eq!(alu(op::ADD, u32::MAX, 2), 1);
        assert_eq!(alu(op::SUB, 1, 2), u32::MAX);
        assert_eq!(alu(op::MUL, 0x8000_0001, 2), 2);
        assert_eq!(alu(op::DIV, 7, 2), 3);
        assert_eq!(alu(op::AND, 0xff0, 0x0ff), 0x0f0);
        assert_eq!(alu(op::OR, 0xf00, 0x00f), 0xf0f);
        assert_eq!(alu(op::XOR, 0xff0, 0x0ff), 0xf0f);
        assert_eq!(alu(op::LSH, 1, 31), 0x8000_0000);
        assert_eq!(alu(op::RSH, 0x8000_0000, 31), 1);
        assert_eq!(run(&[s(op::LD | op::IMM, 1), s(op::ALU | op::NEG, 0), RET_A]).unwrap().ret, u32::MAX);
    }

    #[test]
    fn division_by_a_zero_x_kills_the_thread() {
        let program = [s(op::LD | op::IMM, 9), s(op::ALU | op::DIV | op::X, 0), s(op::RET | op::K, 0x7fff_0000)];
        assert_eq!(run(&program), Ok(Outcome { ret: 0, executed: 2 }));
    }

    #[test]
    fn loads_follow_the_byte_order() {
        let data = SyscallData::new(2, 1, [0x0102_0304_0506_0708, 0, 0, 0, 0, 0xaabb_ccdd_eeff_0011]);
        let load = |endian, at| {
            simulate(&Program::new(vec![Instruction::load(at), RET_A]), endian, &data).map(|outcome| outcome.ret)
        };
        assert_eq!(load(Endian::Little, 16), Ok(0x0506_0708));
        assert_eq!(load(Endian::Little, 20), Ok(0x0102_0304));
        assert_eq!(load(Endian::Big, 16), Ok(0x0102_0304));
        assert_eq!(load(Endian::Big, 20), Ok(0x0506_0708));
        assert_eq!(load(Endian::Big, 60), Ok(0xeeff_0011));
        assert_eq!((load(Endian::Little, 0), load(Endian::Little, 4)), (Ok(1), Ok(2)));
        assert_eq!(load(Endian::Little, 64), Err(Fault::Load { position: 0, offset: 64 }));
        assert_eq!(load(Endian::Little, 18), Err(Fault::Load { position: 0, offset: 18 }));
    }

    #[test]
    fn scratch_registers_and_length() {
        let program = [
            s(op::LD | op::W | op::LEN, 0),
            s(op::MISC | op::TAX, 0),
            s(op::STX, 15),
            s(op::LD | op::IMM, 1),
            s(op::ST, 0),
            s(op::LD | op::MEM, 15),
            s(op::LDX | op::MEM, 0),
            s(op::ALU | op::ADD | op::X, 0),
            RET_A,
        ];
        assert_eq!(run(&program), Ok(Outcome { ret: 65, executed: 9 }));
        assert_eq!(run(&[s(op::ST, 16)]), Err(Fault::Scratch { position: 0, index: 16 }));
        assert_eq!(run(&[s(op::LDX | op::W | op::LEN, 0), s(op::MISC | op::TXA, 0), RET_A]).unwrap().ret, 64);
    }

    proptest! {
        #[test]
        fn no_program_makes_it_panic(words in prop::collection::vec((0_u16..0x100, any::<u8>(), any::<u8>(), any::<u32>()), 0..40)) {
            let program: Vec<_> = words.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
            let admitted = super::super::admit(&Program::new(program.clone())).is_ok();
            let ran = run(&program);
            prop_assert!(!admitted || ran.is_ok(), "{ran:?}");
        }
    }
}
