//! A filter as a C header that compiles on its own.

use std::fmt::Write as _;

use callgate_compiler::abi::Endian;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, offset, op};

const HEAD: &str = "\
/* A seccomp filter, written by callgate. Load it with no_new_privs set (or CAP_SYS_ADMIN):
 *
 *     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
 *     syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &callgate_program);
 */
#ifndef CALLGATE_FILTER_H
#define CALLGATE_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>

static const struct sock_filter callgate_filter[] = {
";

/// The kernel doesn't write to the program, but its struct has no const.
const TAIL: &str = "\
};

static const struct sock_fprog callgate_program = {
	.len = (unsigned short)(sizeof(callgate_filter) / sizeof(callgate_filter[0])),
	.filter = (struct sock_filter *)callgate_filter,
};

#endif
";

/// Where comments start, in characters from the left.
const COMMENT_COLUMN: usize = 64;

pub(super) fn source(program: &Program, endian: Endian) -> String {
    let mut text = String::from(HEAD);
    for &instruction in &program.instructions {
        let line = format!("\t{},", statement(instruction));
        match comment(instruction, endian) {
            Some(comment) => {
                let _ = writeln!(text, "{line:COMMENT_COLUMN$} /* {comment} */");
            }
            None => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text.push_str(TAIL);
    text
}

/// The instruction by the macros of `linux/filter.h`; by its four numbers when the code has no name here.
fn statement(instruction: Instruction) -> String {
    let Instruction { code, jt, jf, k } = instruction;
    match code_name(code) {
        Some(name) if instruction.condition().is_some() => format!("BPF_JUMP({name}, {k:#x}, {jt}, {jf})"),
        Some(name) if jt == 0 && jf == 0 => format!("BPF_STMT({name}, {k:#x})"),
        _ => format!("{{ {code:#x}, {jt}, {jf}, {k:#x} }}"),
    }
}

/// The macros' names for the opcodes that seccomp takes (`seccomp_check_filter`, kernel/seccomp.c).
fn code_name(code: u16) -> Option<String> {
    let source = if code & op::X == 0 { "BPF_K" } else { "BPF_X" };
    let operation = |names: &[(u16, &str)]| {
        names.iter().find(|(operation, _)| *operation == code & 0xf0).map(|&(_, name)| name.to_owned())
    };
    match code & 0x07 {
        op::JMP => {
            const UNCONDITIONAL: u16 = op::JMP | op::JA;
            if code == UNCONDITIONAL {
                return Some("BPF_JMP | BPF_JA".to_owned());
            }
            let jump =
                operation(&[(op::JEQ, "BPF_JEQ"), (op::JGT, "BPF_JGT"), (op::JGE, "BPF_JGE"), (op::JSET, "BPF_JSET")])?;
            Some(format!("BPF_JMP | {jump} | {source}"))
        }
        op::ALU => {
            let operation = operation(&[
                (op::ADD, "BPF_ADD"),
                (op::SUB, "BPF_SUB"),
                (op::MUL, "BPF_MUL"),
                (op::DIV, "BPF_DIV"),
                (op::OR, "BPF_OR"),
                (op::AND, "BPF_AND"),
                (op::LSH, "BPF_LSH"),
                (op::RSH, "BPF_RSH"),
                (op::NEG, "BPF_NEG"),
                (op::XOR, "BPF_XOR"),
            ])?;
            Some(format!("BPF_ALU | {operation} | {source}"))
        }
        _ => {
            const OTHERS: &[(u16, &str)] = &[
                (op::LD | op::W | op::ABS, "BPF_LD | BPF_W | BPF_ABS"),
                (op::LD | op::W | op::LEN, "BPF_LD | BPF_W | BPF_LEN"),
                (op::LDX | op::W | op::LEN, "BPF_LDX | BPF_W | BPF_LEN"),
                (op::LD | op::IMM, "BPF_LD | BPF_IMM"),
                (op::LDX | op::IMM, "BPF_LDX | BPF_IMM"),
                (op::LD | op::MEM, "BPF_LD | BPF_MEM"),
                (op::LDX | op::MEM, "BPF_LDX | BPF_MEM"),
                (op::ST, "BPF_ST"),
                (op::STX, "BPF_STX"),
                (op::MISC | op::TAX, "BPF_MISC | BPF_TAX"),
                (op::MISC | op::TXA, "BPF_MISC | BPF_TXA"),
                (op::RET | op::K, "BPF_RET | BPF_K"),
                (op::RET | op::A, "BPF_RET | BPF_A"),
            ];
            OTHERS.iter().find(|(known, _)| *known == code).map(|&(_, name)| name.to_owned())
        }
    }
}

/// What is loaded, or what is returned.
pub(super) fn comment(instruction: Instruction, endian: Endian) -> Option<String> {
    const LOAD: u16 = op::LD | op::W | op::ABS;
    const RETURN: u16 = op::RET | op::K;
    match instruction.code {
        LOAD => field(instruction.k, endian),
        RETURN => Some(Action::from_ret(instruction.k).to_string()),
        _ => None,
    }
}

/// The word of `struct seccomp_data` at a byte offset (include/uapi/linux/seccomp.h).
fn field(at: u32, endian: Endian) -> Option<String> {
    let half = if at.is_multiple_of(8) == (endian == Endian::Little) { "low" } else { "high" };
    match at {
        _ if !at.is_multiple_of(4) => None,
        offset::NUMBER => Some("nr".to_owned()),
        offset::ARCH => Some("arch".to_owned()),
        offset::INSTRUCTION_POINTER..offset::ARGUMENTS => Some(format!("instruction_pointer, {half} half")),
        offset::ARGUMENTS..offset::END => Some(format!("args[{}], {half} half", (at - offset::ARGUMENTS) / 8)),
        _ => None,
    }
}
