//! The kernel's rules for letting a filter in.

use thiserror::Error;

use super::instruction::{Instruction, MAX_INSTRUCTIONS, Program, SCRATCH_WORDS, offset, op};

/// Why the kernel would answer EINVAL. Positions count instructions from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not between 1 and [`MAX_INSTRUCTIONS`] instructions.
    #[error("the filter has {0} instructions; the kernel takes 1 to {MAX_INSTRUCTIONS}")]
    Length(usize),
    /// An opcode that seccomp doesn't have.
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
    /// A jump past the last instruction.
    #[error("instruction {0} jumps past the end")]
    Jump(usize),
    /// Division by a constant 0.
    #[error("instruction {0} divides by zero")]
    Division(usize),
    /// A shift by a constant of 32 or more.
    #[error("instruction {0} shifts by 32 bits or more")]
    Shift(usize),
    /// A scratch word that doesn't exist.
    #[error("instruction {0} uses a scratch word past M[15]")]
    Scratch(usize),
    /// A scratch word that some path reads before it is written.
    #[error("instruction {0} reads a scratch word that isn't written on every path")]
    Unwritten(usize),
    /// The last instruction isn't a RET.
    #[error("the last instruction isn't a RET")]
    End,
}

/// Whether the kernel would admit the filter: `seccomp_prepare_filter` and `seccomp_check_filter` (kernel/seccomp.c) with
/// `bpf_check_classic` and `check_load_and_stores` (net/core/filter.c), as of Linux 6.18.
///
/// # Errors
/// The first reason found. The kernel's order differs in places; its answer doesn't (always EINVAL).
pub fn admit(program: &Program) -> Result<(), Refusal> {
    let instructions = &program.instructions;
    if instructions.is_empty() || instructions.len() > MAX_INSTRUCTIONS {
        return Err(Refusal::Length(instructions.len()));
    }
    for (position, &instruction) in instructions.iter().enumerate() {
        check(position, instruction, instructions.len())?;
    }
    match instructions.last() {
        Some(last) if matches!(last.code, RET_K | RET_A) => loads_follow_stores(instructions),
        _ => Err(Refusal::End),
    }
}

const RET_K: u16 = op::RET | op::K;
const RET_A: u16 = op::RET | op::A;
const LD_ABS: u16 = op::LD | op::W | op::ABS;
const LD_MEM: u16 = op::LD | op::MEM;
const LDX_MEM: u16 = op::LDX | op::MEM;
const JA: u16 = op::JMP | op::JA;

fn check(position: usize, instruction: Instruction, length: usize) -> Result<(), Refusal> {
    let Instruction { code, jt, jf, k } = instruction;
    // What a jump may skip and still land inside.
    let room = length - position - 1;
    match code {
        LD_ABS => {
            if k >= offset::END || !k.is_multiple_of(4) {
                return Err(Refusal::Load { position, offset: k });
            }
        }
        LD_MEM | LDX_MEM | op::ST | op::STX => {
            if k as usize >= SCRATCH_WORDS {
                return Err(Refusal::Scratch(position));
            }
        }
        JA => {
            if k as usize >= room {
                return Err(Refusal::Jump(position));
            }
        }
        _ if instruction.condition().is_some() => {
            if usize::from(jt.max(jf)) >= room {
                return Err(Refusal::Jump(position));
            }
        }
        _ if code & 0x07 == op::ALU => match code & !0x07 & !op::X {
            op::DIV if code & op::X == 0 && k == 0 => return Err(Refusal::Division(position)),
            op::LSH | op::RSH if code & op::X == 0 && k >= 32 => return Err(Refusal::Shift(position)),
            op::NEG if code & op::X == 0 => {}
            op::ADD | op::SUB | op::MUL | op::DIV | op::AND | op::OR | op::XOR | op::LSH | op::RSH => {}
            _ => return Err(Refusal::Opcode { position, code }),
        },
        _ if OTHERS.contains(&code) => {}
        _ => return Err(Refusal::Opcode { position, code }),
    }
    Ok(())
}

/// The rest of `seccomp_check_filter`'s list: what needs no look at its constant.
const OTHERS: [u16; 8] = [
    op::LD | op::W | op::LEN,
    op::LDX | op::W | op::LEN,
    op::LD | op::IMM,
    op::LDX | op::IMM,
    op::MISC | op::TAX,
    op::MISC | op::TXA,
    RET_K,
    RET_A,
];

/// `check_load_and_stores`: for each instruction, the scratch words written on every path to it, one bit a word.
fn loads_follow_stores(instructions: &[Instruction]) -> Result<(), Refusal> {
    let mut written_at = vec![u16::MAX; instructions.len()];
    let mut written = 0_u16;
    for (position, instruction) in instructions.iter().enumerate() {
        written &= written_at[position];
        let mut land = |skip: usize, written: u16| {
            if let Some(mask) = written_at.get_mut(position + 1 + skip) {
                *mask &= written;
            }
        };
        match instruction.code {
            op::ST | op::STX => written |= 1 << instruction.k,
            LD_MEM | LDX_MEM if written & (1 << instruction.k) == 0 => return Err(Refusal::Unwritten(position)),
            JA => {
                land(instruction.k as usize, written);
                written = u16::MAX;
            }
            _ if instruction.condition().is_some() => {
                land(instruction.jt.into(), written);
                land(instruction.jf.into(), written);
                written = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(code: u16, k: u32) -> Instruction {
        Instruction::statement(code, k)
    }

    const ALLOW: Instruction = Instruction::ret(0x7fff_0000);

    fn judge(instructions: &[Instruction]) -> Result<(), Refusal> {
        admit(&Program::new(instructions.to_vec()))
    }

    #[test]
    fn lengths() {
        assert_eq!(judge(&[]), Err(Refusal::Length(0)));
        assert_eq!(judge(&vec![ALLOW; 4096]), Ok(()));
        assert_eq!(judge(&vec![ALLOW; 4097]), Err(Refusal::Length(4097)));
    }

    /// The whole list of `seccomp_check_filter`, written out again by hand, against every opcode there is.
    #[test]
    fn the_list_of_opcodes() {
        let accepted = [
            0x20, 0x80, 0x81, 0x06, 0x16, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x54, 0x5c, 0x44, 0x4c, 0xa4,
            0xac, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x00, 0x01, 0x07, 0x87, 0x60, 0x61, 0x02, 0x03, 0x05, 0x15, 0x1d, 0x35,
            0x3d, 0x25, 0x2d, 0x45, 0x4d,
        ];
        for code in 0..=u16::MAX {
            // k = 4 suits every kind: aligned, not zero, below 16 and 32, and a jump inside the program.
            let mut program = vec![s(op::ST, 4), s(code, 4)];
            program.extend([ALLOW; 6]);
            assert_eq!(judge(&program).is_ok(), accepted.contains(&code), "{code:#x}");
        }
    }

    #[test]
    fn constants() {
        assert_eq!(judge(&[s(LD_ABS, 60), ALLOW]), Ok(()));
        assert_eq!(judge(&[s(LD_ABS, 64), ALLOW]), Err(Refusal::Load { position: 0, offset: 64 }));
        assert_eq!(judge(&[s(LD_ABS, 2), ALLOW]), Err(Refusal::Load { position: 0, offset: 2 }));
        assert_eq!(judge(&[s(op::ALU | op::DIV, 0), ALLOW]), Err(Refusal::Division(0)));
        assert_eq!(judge(&[s(op::ALU | op::DIV | op::X, 0), ALLOW]), Ok(()));
        assert_eq!(judge(&[s(op::ALU | op::LSH, 32), ALLOW]), Err(Refusal::Shift(0)));
        assert_eq!(judge(&[s(op::ALU | op::RSH, 31), ALLOW]), Ok(()));
        assert_eq!(judge(&[s(op::ST, 16), ALLOW]), Err(Refusal::Scratch(0)));
        assert_eq!(judge(&[s(op::LD | op::IMM, 0)]), Err(Refusal::End));
    }

    #[test]
    fn jumps_stay_inside() {
        let jump = |jt, jf| Instruction { code: op::JMP | op::JEQ, jt, jf, k: 0 };
        assert_eq!(judge(&[jump(0, 1), ALLOW, ALLOW]), Ok(()));
        assert_eq!(judge(&[jump(0, 2), ALLOW, ALLOW]), Err(Refusal::Jump(0)));
        assert_eq!(judge(&[jump(2, 0), ALLOW, ALLOW]), Err(Refusal::Jump(0)));
        assert_eq!(judge(&[s(JA, 1), ALLOW, ALLOW]), Ok(()));
        assert_eq!(judge(&[s(JA, 2), ALLOW, ALLOW]), Err(Refusal::Jump(0)));
        assert_eq!(judge(&[s(JA, u32::MAX), ALLOW, ALLOW]), Err(Refusal::Jump(0)));
    }

    #[test]
    fn scratch_is_written_before_it_is_read() {
        let fork = Instruction { code: op::JMP | op::JEQ, jt: 0, jf: 1, k: 0 };
        assert_eq!(judge(&[s(LD_MEM, 0), ALLOW]), Err(Refusal::Unwritten(0)));
        assert_eq!(judge(&[s(op::ST, 0), s(LDX_MEM, 0), ALLOW]), Ok(()));
        assert_eq!(judge(&[fork, s(op::ST, 3), s(LD_MEM, 3), ALLOW]), Err(Refusal::Unwritten(2)));
        assert_eq!(judge(&[s(op::STX, 3), fork, s(op::ST, 4), s(LD_MEM, 3), ALLOW]), Ok(()));
        // Code nothing jumps to may read anything: the kernel's check says so too.
        assert_eq!(judge(&[s(JA, 1), s(LD_MEM, 9), ALLOW]), Ok(()));
    }
}
