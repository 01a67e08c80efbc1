//! The smallest interpreter: what a program does with one call, on machine words.

use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::{Instruction, Program};
use crate::call::SyscallData;

pub(super) fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// `ld [k]`
pub(super) fn ld(k: u32) -> Instruction {
    instruction(0x20, 0, 0, k)
}

/// `jeq #k, jt, jf`
pub(super) fn jeq(k: u32, jt: u8, jf: u8) -> Instruction {
    instruction(0x15, jt, jf, k)
}

/// `ret #k`
pub(super) fn ret(action: Action) -> Instruction {
    instruction(0x06, 0, 0, action.ret())
}

pub(super) fn program(instructions: impl IntoIterator<Item = Instruction>) -> Program {
    Program { instructions: instructions.into_iter().collect() }
}

fn load(data: &SyscallData, offset: u32, endian: Endian) -> u32 {
    let wide = |word: u64| {
        let low = (offset / 4).is_multiple_of(2);
        if low == (endian == Endian::Little) { word as u32 } else { (word >> 32) as u32 }
    };
    match offset {
        0 => data.nr,
        4 => data.arch,
        8 | 12 => wide(data.instruction_pointer),
        _ => wide(data.args[offset as usize / 8 - 2]),
    }
}

pub(super) fn run(program: &Program, data: &SyscallData, endian: Endian) -> Action {
    let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; 16]);
    let mut pc = 0;
    loop {
        let Instruction { code, jt, jf, k } = program.instructions[pc];
        pc += 1;
        let right = if code & 8 == 0 { k } else { x };
        let mut jump = |test: bool| pc += usize::from(if test { jt } else { jf });
        match code {
            0x00 => a = k,
            0x01 => x = k,
            0x20 => a = load(data, k, endian),
            0x80 => a = 64,
            0x81 => x = 64,
            0x60 => a = memory[k as usize],
            0x61 => x = memory[k as usize],
            0x02 => memory[k as usize] = a,
            0x03 => memory[k as usize] = x,
            0x04 | 0x0c => a = a.wrapping_add(right),
            0x14 | 0x1c => a = a.wrapping_sub(right),
            0x24 | 0x2c => a = a.wrapping_mul(right),
            0x34 | 0x3c if right == 0 => return Action::KillThread,
            0x34 | 0x3c => a /= right,
            0x44 | 0x4c => a |= right,
            0x54 | 0x5c => a &= right,
            0x64 | 0x6c => a <<= right & 31,
            0x74 | 0x7c => a >>= right & 31,
            0x84 => a = a.wrapping_neg(),
            0xa4 | 0xac => a ^= right,
            0x05 => pc += k as usize,
            0x15 | 0x1d => jump(a == right),
            0x25 | 0x2d => jump(a > right),
            0x35 | 0x3d => jump(a >= right),
            0x45 | 0x4d => jump(a & right != 0),
            0x06 => return Action::from_ret(k),
            0x16 => return Action::from_ret(a),
            0x07 => x = a,
            0x87 => a = x,
            _ => unreachable!("{code:#x}"),
        }
    }
}
