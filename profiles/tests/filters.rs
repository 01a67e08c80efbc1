//! The filter itself as bytes, as a listing and as C.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, op, to_bytes};
use callgate_compiler::condition::Width;
use callgate_compiler::generate::generate;
use callgate_compiler::policy::{FilterFlag, Policy};
use callgate_profiles::export::{ExportOptions, Format, export};
use support::compiler;
use support::policies::{atom, call, set, uniform};

fn policy() -> Policy {
    let mut policy = uniform(&[Abi::X86_64, Abi::X86], Action::Errno(1));
    set(&mut policy, Abi::ALL, "read", &call(&[], Action::Allow));
    let local = atom(0, Width::W32, u64::MAX, &[(1, 2)]);
    set(&mut policy, Abi::ALL, "socket", &call(&[(local, Action::Allow)], Action::Trap(3)));
    policy
}

fn text(program: &Program, format: Format) -> String {
    let export = export(&policy(), program, format, &ExportOptions::default()).unwrap();
    String::from_utf8(export.bytes).unwrap()
}

#[test]
fn bytes_are_the_program() {
    let program = generate(&policy()).unwrap();
    let export = export(&policy(), &program, Format::Bpf, &ExportOptions { allow_lossy: false, strict: true }).unwrap();
    assert_eq!(export.bytes, to_bytes(&program, Endian::Little));
    assert_eq!(export.notes, Vec::<String>::new());
}

#[test]
fn what_a_filter_cannot_hold_is_noted() {
    let mut policy = policy();
    policy.flags = vec![FilterFlag::Log];
    policy.listener = Some("/run/x.sock".to_owned());
    let export = export(&policy, &generate(&policy).unwrap(), Format::Bpf, &ExportOptions::default()).unwrap();
    assert_eq!(export.notes.len(), 2);
    assert_eq!(export.notes[0], "the filter can't hold its flags: load it with LOG");
}

#[test]
fn a_listing_has_a_line_for_every_instruction() {
    let program = generate(&policy()).unwrap();
    let listing = text(&program, Format::Asm);
    assert_eq!(listing.lines().filter(|line| line.starts_with("        ")).count(), program.instructions.len());
    assert!(listing.contains("read"));
}

#[test]
fn c_reads_like_this() {
    let code = |code, k| Instruction { code, jt: 0, jf: 0, k };
    let program = Program::new(vec![
        code(op::LD | op::W | op::ABS, 4),
        Instruction { code: op::JMP | op::JEQ | op::K, jt: 0, jf: 2, k: 0xc000_003e },
        code(op::LD | op::W | op::ABS, 20),
        code(op::ALU | op::AND | op::K, 0xff),
        code(op::RET | op::K, 0x0005_0026),
        code(0xffff, 1),
    ]);
    let text = text(&program, Format::C);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('\t') && line.ends_with(['/', ','])).collect();
    assert_eq!(
        lines[..6],
        [
            "\tBPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0x4),                        /* arch */",
            "\tBPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xc000003e, 0, 2),",
            "\tBPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0x14),                       /* args[0], high half */",
            "\tBPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),",
            "\tBPF_STMT(BPF_RET | BPF_K, 0x50026),                             /* errno(38) */",
            "\t{ 0xffff, 0, 0, 0x1 },",
        ]
    );
}

/// Every opcode that seccomp takes, so that every macro is compiled.
fn every_opcode() -> Vec<Instruction> {
    let alu = [op::ADD, op::SUB, op::MUL, op::DIV, op::OR, op::AND, op::LSH, op::RSH, op::NEG, op::XOR];
    let jumps = [op::JEQ, op::JGT, op::JGE, op::JSET];
    let both = |class: u16, operations: &[u16]| -> Vec<u16> {
        operations.iter().flat_map(|operation| [class | operation | op::K, class | operation | op::X]).collect()
    };
    let others = [
        op::LD | op::W | op::ABS,
        op::LD | op::W | op::LEN,
        op::LDX | op::W | op::LEN,
        op::LD | op::IMM,
        op::LDX | op::IMM,
        op::LD | op::MEM,
        op::LDX | op::MEM,
        op::ST,
        op::STX,
        op::JMP | op::JA,
        op::MISC | op::TAX,
        op::MISC | op::TXA,
        op::RET | op::K,
        op::RET | op::A,
    ];
    let statements = others.into_iter().chain(both(op::ALU, &alu)).map(|code| Instruction { code, jt: 0, jf: 0, k: 5 });
    let jumps = both(op::JMP, &jumps).into_iter().map(|code| Instruction { code, jt: 1, jf: 2, k: u32::MAX });
    statements.chain(jumps).collect()
}

#[test]
fn c_compiles_to_the_same_bytes() {
    let mut program = generate(&policy()).unwrap();
    program.instructions.extend(every_opcode());
    let header = text(&program, Format::C);
    assert!(!header.contains("\t{ 0x"), "an opcode has no name:\n{header}");
    let main = "#include <unistd.h>\nint main(void) { long size = callgate_program.len * (long)sizeof(struct sock_filter); \
                return write(1, callgate_program.filter, (size_t)size) != size; }\n";
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callgate_filter.c");
    std::fs::write(&source, header + main).unwrap();
    let Some(compiled) = compiler::compile("callgate_filter", &source, &[]) else { return };
    let host = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };
    assert_eq!(compiler::run(&compiled, ""), to_bytes(&program, host));
}
