use proptest::prelude::*;

use super::*;
use crate::abi::Endian;
use crate::bpf::{admit, disassemble};

#[track_caller]
fn refused(text: &str, line: usize, problem: &str) {
    let error = assemble(text).unwrap_err();
    assert_eq!((error.line, error.problem.as_str()), (line, problem), "{error}");
    assert!(error.to_string().contains("\n  next: "));
}

#[test]
fn what_bpf_asm_takes() {
    let program = assemble(
        "ld [4] /* the\n token */\n\
         jneq #3221225534, bad ; not x86-64\n\
         _start: ld [ 0 ]\n\
         jeq #0x0f, good\n\
         jlt #017, good\n\
         jset #0b11, good, bad\n\
         bad: ret #0\n\
         good:\nld M[ 1 ]\nldi 3\nldxi #-1\nadd %x\nret %a\n",
    )
    .unwrap();
    let s = Instruction::statement;
    let jump = |code, jt, jf, k| Instruction { code: op::JMP | code, jt, jf, k };
    assert_eq!(
        program.instructions,
        [
            Instruction::load(4),
            jump(op::JEQ, 0, 4, 0xc000_003e),
            Instruction::load(0),
            jump(op::JEQ, 3, 0, 15),
            jump(op::JGE, 0, 2, 15),
            jump(op::JSET, 1, 0, 3),
            Instruction::ret(0),
            s(op::LD | op::MEM, 1),
            s(op::LD | op::IMM, 3),
            s(op::LDX | op::IMM, u32::MAX),
            s(op::ALU | op::ADD | op::X, 0),
            s(op::RET | op::A, 0),
        ]
    );
    assert_eq!(assemble("; nothing\n").unwrap(), Program::default());
}

#[test]
fn errors_name_the_line() {
    refused("ld [0]\nfly #1\n", 2, "no instruction is called `fly`");
    refused("ldb [0]", 1, "seccomp has no `ldb`");
    refused("ld 0", 1, "`0` is no operand that `ld` takes");
    refused("\nld #1, #2", 2, "`#1, #2` is no operand that `ld` takes");
    refused("ja there\nret #0", 1, "there is no label `there`");
    refused("back: ld [0]\njeq #0, back\nret #0", 2, "`back` stands before the jump to it");
    refused("here:\nhere: ret #0", 2, "`here` is defined twice");
    refused("9: ret #0", 1, "`9` can't be a label");
    refused("ret #0\nend:", 2, "no instruction follows the label `end`");
    refused("jeq #1\nret #0", 1, "a jump needs one label or two");
    refused("ret #4294967296", 1, "`#4294967296` is no operand that `ret` takes");
    refused("raw 1, 2, 3", 1, "`raw` needs four numbers: code, jt, jf and k");
    let far = format!("jeq #1, far\n{}far: ret #0", "ld [0]\n".repeat(256));
    refused(&far, 1, "`far` is too far away");
}

#[test]
fn policies_don_t_look_like_programs() {
    for text in ["ld [0]\nret #0", "; a filter\n\n  ret #0x7fff0000", "raw 6, 0, 0, 0", "ld #len"] {
        assert!(looks_assembled(text), "{text}");
    }
    for text in ["deny: all", "# ld [0]", "", "{\"a\": 1}", "read: 1", "ret: 1", "ld", "allow: read"] {
        assert!(!looks_assembled(text), "{text}");
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
        prop_assert_eq!(assemble(&text).map(|program| program.instructions), Ok(program.instructions), "{}", text);
    }
}

proptest! {
    /// The kernel passes over fields that an instruction doesn't use; a listing must not.
    #[test]
    fn fields_without_a_use_come_back(
        words in prop::collection::vec((0_u16..0x100, 0_u8..4, 0_u8..4, any::<u32>()), 1..40),
    ) {
        let instructions = words.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k });
        let program = Program::new(instructions.chain(vec![Instruction::ret(0); 5]).collect());
        let text = disassemble(&program, Endian::Big, &|_, _| None);
        if admit(&program).is_ok() {
            prop_assert_eq!(assemble(&text).map(|program| program.instructions), Ok(program.instructions), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9#x, :;/*\\[\\]M\n-]{0,80}") {
        let _ = assemble(&text);
        let _ = looks_assembled(&text);
    }
}
