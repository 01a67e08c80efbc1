//! Assembles what the disassembler lists, by the grammar of the kernel's `tools/bpf/bpf_exp.y` and `bpf_exp.l`, as far as
//! seccomp's instructions need it. Listings are held to it: what was listed must assemble to what it was.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::abi::Endian;

/// The program of a listing. Panics on what `bpf_asm` wouldn't take.
fn assemble(text: &str) -> Vec<Instruction> {
    let mut labels = HashMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let code = line.split(';').next().unwrap_or("").trim();
        if let Some(label) = code.strip_suffix(':') {
            // The lexer's `[a-zA-Z_][a-zA-Z0-9_]+`.
            assert!(label.len() > 1 && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{label}");
            assert!(!label.starts_with(|c: char| c.is_ascii_digit()), "{label}");
            assert_eq!(labels.insert(label.to_owned(), lines.len()), None, "{label} twice");
        } else if !code.is_empty() {
            lines.push(code);
        }
    }
    lines.iter().enumerate().map(|(position, line)| instruction(line, position, &labels)).collect()
}

fn instruction(line: &str, position: usize, labels: &HashMap<String, usize>) -> Instruction {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let operands: Vec<&str> = rest.split(',').map(str::trim).filter(|operand| !operand.is_empty()).collect();
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    };
    let skip = |label: &str| labels[label] - position - 1;
    let s = Instruction::statement;
    let memory = || number(rest.strip_prefix("M[").unwrap().strip_suffix(']').unwrap());
    let with_operand = |code: u16| match operands[0].strip_prefix('#') {
        Some(k) => s(code | op::K, number(k)),
        None if operands[0] == "x" => s(code | op::X, 0),
        None => panic!("{line}"),
    };
    let jump = |code: u16, turned: bool| {
        let base = with_operand(op::JMP | code);
        let near = |label: &str| u8::try_from(skip(label)).unwrap();
        match operands[1..] {
            [only] if turned => Instruction { jf: near(only), ..base },
            [only] => Instruction { jt: near(only), ..base },
            [yes, no] if !turned => Instruction { jt: near(yes), jf: near(no), ..base },
            _ => panic!("{line}"),
        }
    };
    let load = |class: u16| match rest {
        "#len" => s(class | op::W | op::LEN, 0),
        _ if rest.starts_with('#') => s(class | op::IMM, number(&rest[1..])),
        _ if rest.starts_with('M') => s(class | op::MEM, memory()),
        _ => s(op::LD | op::W | op::ABS, number(rest.strip_prefix('[').unwrap().strip_suffix(']').unwrap())),
    };
    match word {
        "ld" => load(op::LD),
        "ldx" => load(op::LDX),
        "st" => s(op::ST, memory()),
        "stx" => s(op::STX, memory()),
        "ja" => s(op::JMP | op::JA, u32::try_from(skip(operands[0])).unwrap()),
        "jeq" => jump(op::JEQ, false),
        "jne" => jump(op::JEQ, true),
        "jgt" => jump(op::JGT, false),
        "jle" => jump(op::JGT, true),
        "jge" => jump(op::JGE, false),
        "jlt" => jump(op::JGE, true),
        "jset" => jump(op::JSET, false),
        "add" => with_operand(op::ALU | op::ADD),
        "sub" => with_operand(op::ALU | op::SUB),
        "mul" => with_operand(op::ALU | op::MUL),
        "div" => with_operand(op::ALU | op::DIV),
        "and" => with_operand(op::ALU | op::AND),
        "or" => with_operand(op::ALU | op::OR),
        "xor" => with_operand(op::ALU | op::XOR),
        "lsh" => with_operand(op::ALU | op::LSH),
        "rsh" => with_operand(op::ALU | op::RSH),
        "neg" => s(op::ALU | op::NEG, 0),
        "tax" => s(op::MISC | op::TAX, 0),
        "txa" => s(op::MISC | op::TXA, 0),
        "ret" if rest == "a" => s(op::RET | op::A, 0),
        "ret" => s(op::RET | op::K, number(rest.strip_prefix('#').unwrap())),
        _ => panic!("{line}"),
    }
}

/// An instruction of a program with `room` more after it, as an assembler writes them: what an opcode doesn't use is zero.
fn any_instruction(room: usize) -> impl Strategy<Value = Instruction> {
    let alu =
        prop::sample::select(vec![op::ADD, op::SUB, op::MUL, op::DIV, op::AND, op::OR, op::XOR, op::LSH, op::RSH]);
    let jump = prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET]);
    let far = u8::try_from(room.min(256) - 1).unwrap();
    let statement = Instruction::statement;
    let constant = prop_oneof![any::<u32>(), 0_u32..99];
    prop_oneof![
        (0_u32..16).prop_map(|word| Instruction::load(word * 4)),
        (alu, any::<bool>(), 1_u32..32).prop_map(move |(alu, x, k)| {
            statement(op::ALU | alu | if x { op::X } else { op::K }, if x { 0 } else { k })
        }),
        (jump, any::<bool>(), 0..=far, 0..=far, constant.clone()).prop_map(|(jump, x, jt, jf, k)| Instruction {
            code: op::JMP | jump | if x { op::X } else { op::K },
            jt,
            jf,
            k: if x { 0 } else { k },
        }),
        (0..u32::from(far) + 1).prop_map(move |k| statement(op::JMP | op::JA, k)),
        prop::sample::select(vec![
            statement(op::LD | op::W | op::LEN, 0),
            statement(op::LDX | op::W | op::LEN, 0),
            statement(op::LD | op::MEM, 0),
            statement(op::LDX | op::MEM, 0),
            statement(op::ST, 3),
            statement(op::STX, 3),
            statement(op::ALU | op::NEG, 0),
            statement(op::MISC | op::TAX, 0),
            statement(op::MISC | op::TXA, 0),
            statement(op::RET | op::A, 0),
        ]),
        (any::<bool>(), constant.clone())
            .prop_map(move |(x, k)| statement(if x { op::LDX } else { op::LD } | op::IMM, k)),
        constant.prop_map(Instruction::ret),
    ]
}

proptest! {
    #[test]
    fn listings_assemble_to_what_they_list(
        instructions in (1_usize..60).prop_flat_map(|length| (0..length).map(|at| any_instruction(length - at)).collect::<Vec<_>>()),
        value in any::<u32>(),
    ) {
        let mut program = vec![Instruction::statement(op::ST, 0)];
        program.extend(instructions);
        program.push(Instruction::ret(value));
        let program = Program::new(program);
        prop_assert_eq!(admit(&program), Ok(()));
        let text = disassemble(&program, Endian::Little, &|_, _| None);
        prop_assert_eq!(assemble(&text), program.instructions, "{}", text);
    }
}
