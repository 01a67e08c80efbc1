//! What a filter grows to when the kernel turns it into eBPF.

use super::instruction::{Instruction, MAX_INSTRUCTIONS, Program, op};

/// The most converted instructions all filters of a task may have (`MAX_INSNS_PER_PATH`, kernel/seccomp.c: 256 KiB of 8-byte
/// instructions), less the 4 that a filter costs on top of its length once another is loaded after it.
pub const MAX_CONVERTED: usize = (1 << 18) / 8 - 4;

/// Clearing A and X and saving the context come first.
const PROLOGUE: usize = 3;

// What callgate generates converts to at most three each, so one filter that keeps to the first limit keeps to the second.
const _: () = assert!(PROLOGUE + 3 * MAX_INSTRUCTIONS <= MAX_CONVERTED);

/// The number of eBPF instructions `bpf_convert_filter` (net/core/filter.c, Linux 6.18) makes of the program: what counts
/// against the limit on all filters of a task. For programs that [`admit`](super::admit) accepts.
#[must_use]
pub fn converted_length(program: &Program) -> usize {
    PROLOGUE + program.instructions.iter().copied().map(converted).sum::<usize>()
}

fn converted(instruction: Instruction) -> usize {
    let Instruction { code, jt, jf, k } = instruction;
    match instruction.condition() {
        Some(condition) => {
            // eBPF constants are signed, so one with the top bit goes through a register.
            let constant = usize::from(code & op::X == 0 && k > i32::MAX.cast_unsigned());
            // One jump when the false branch is next, or when the true branch is and the test can be turned round.
            let plain = jf == 0 || (jt == 0 && condition != op::JSET);
            constant + if plain { 1 } else { 2 }
        }
        None if code == op::RET | op::K => 2,
        // Zero-extend X, test it, and return 0 when it is zero.
        None if code == op::ALU | op::DIV | op::X => 5,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule() {
        let jump = |operation: u16, jt, jf, k| converted(Instruction { code: op::JMP | operation, jt, jf, k });
        assert_eq!(jump(op::JEQ, 3, 0, 1), 1);
        assert_eq!(jump(op::JEQ, 0, 3, 1), 1);
        assert_eq!(jump(op::JSET, 0, 3, 1), 2);
        assert_eq!(jump(op::JSET, 3, 0, 1), 1);
        assert_eq!(jump(op::JGE, 1, 3, 1), 2);
        assert_eq!(jump(op::JGE, 0, 3, 0x8000_0000), 2);
        assert_eq!(jump(op::JGE | op::X, 0, 3, 0x8000_0000), 1);
        assert_eq!(jump(op::JGT, 1, 3, 0xc000_003e), 3);
        assert_eq!(jump(op::JA, 0, 0, 9), 1);
        assert_eq!(converted(Instruction::statement(op::ALU | op::DIV | op::X, 0)), 5);
        assert_eq!(converted(Instruction::statement(op::RET | op::A, 0)), 1);
        assert_eq!(converted_length(&Program::new(vec![Instruction::load(0), Instruction::ret(0)])), 6);
    }
}
