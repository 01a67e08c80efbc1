//! Programs as text, in the assembler language of the kernel's `tools/bpf/bpf_asm`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::instruction::{Instruction, Origin, Program, offset, op};
use crate::abi::{Abi, Endian, X32_BIT};
use crate::action::Action;

/// Looks up the name of a number on an ABI; numbers are `seccomp_data.nr`.
pub type NumberName<'a> = dyn Fn(Abi, u32) -> Option<&'a str> + 'a;

/// How many calls a comment spells out before it says how many more there are.
const CALLS_SHOWN: usize = 4;

/// Where comments start, in characters from the left.
const COMMENT_COLUMN: usize = 48;

/// Lists a program, one instruction a line.
///
/// The text [assembles](super::assemble()) to the same program, provided that [`admit`](super::admit) accepts it; with
/// `bpf_asm` (`tools/bpf/bpf_exp.y`) too, if fields that an instruction doesn't use are zero. Comments say which field of `seccomp_data` is loaded, what a constant stands for, and, from
/// [`Program::provenance`], which calls come by. `endian` tells the halves of an argument apart.
#[must_use]
pub fn disassemble(program: &Program, endian: Endian, name: &NumberName<'_>) -> String {
    disassemble_with(program, endian, name, &|_| None)
}

/// More to say of the instruction at a position, in one line.
pub type Note<'a> = dyn Fn(usize) -> Option<String> + 'a;

/// As [`disassemble`], with a note at the end of an instruction's comment: which statements it carries out, say.
#[must_use]
pub fn disassemble_with(program: &Program, endian: Endian, name: &NumberName<'_>, note: &Note<'_>) -> String {
    let labels = labels(program);
    let loaded = loaded_words(program);
    let mut text = String::new();
    for (position, &instruction) in program.instructions.iter().enumerate() {
        if let Some(label) = labels.get(&position) {
            let _ = writeln!(text, "{label}:");
        }
        let line = format!("        {}", statement(position, instruction, loaded[position], &labels));
        let mut comments = Vec::new();
        comments.extend(constant(instruction, loaded[position], endian));
        let tells_calls = instruction.condition().is_some() || instruction.code == op::RET | op::K;
        if tells_calls {
            comments.extend(calls(program.origins(position), name));
        }
        // A comment ends with its line, whatever is in a file's name.
        comments.extend(note(position).map(|note| note.replace(char::is_control, "?")));
        if comments.is_empty() {
            text.push_str(&line);
        } else {
            let _ = write!(text, "{line:COMMENT_COLUMN$}; {}", comments.join("; "));
        }
        text.push('\n');
    }
    text
}

/// A label for every instruction that some jump names: what it returns, or its position.
fn labels(program: &Program) -> BTreeMap<usize, String> {
    let mut targets = BTreeSet::new();
    for (position, &instruction) in program.instructions.iter().enumerate() {
        let next = position + 1;
        if let Some(condition) = instruction.condition() {
            let (jt, jf) = (usize::from(instruction.jt), usize::from(instruction.jf));
            match sides(condition, instruction) {
                Sides::Both => targets.extend([next + jt, next + jf]),
                Sides::True => targets.extend([next + jt]),
                Sides::False => targets.extend([next + jf]),
            }
        } else if instruction.code == op::JMP | op::JA {
            targets.insert(next.saturating_add(instruction.k as usize));
        }
    }
    let mut taken = BTreeSet::new();
    let mut label = |position: usize| {
        let returns = program.instructions.get(position).filter(|target| target.code == op::RET | op::K);
        let Some(target) = returns else { return format!("L{position}") };
        let action = Action::from_ret(target.k).to_string();
        let word = action.replace(['-', '('], "_").replace(')', "");
        if taken.insert(word.clone()) { word } else { format!("{word}_at_{position}") }
    };
    targets.into_iter().map(|position| (position, label(position))).collect()
}

/// Which sides of a conditional jump its text names; the other side is the next instruction.
enum Sides {
    Both,
    True,
    False,
}

fn sides(condition: u16, instruction: Instruction) -> Sides {
    match (instruction.jt, instruction.jf) {
        (_, 0) => Sides::True,
        (0, _) if condition != op::JSET => Sides::False,
        _ => Sides::Both,
    }
}

/// For each instruction, the offset of the word that A holds, masked or not, when every path to it loaded the same.
fn loaded_words(program: &Program) -> Vec<Option<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Content {
        Unreached,
        Word(u32),
        Other,
    }
    let mut contents = vec![Content::Unreached; program.instructions.len()];
    if let Some(first) = contents.first_mut() {
        *first = Content::Other;
    }
    for (position, &instruction) in program.instructions.iter().enumerate() {
        let before = contents[position];
        let mut reach = |skip: usize, content: Content| {
            if let Some(there) = contents.get_mut(position.saturating_add(1).saturating_add(skip)) {
                *there = match *there {
                    Content::Unreached => content,
                    known if known == content => known,
                    _ => Content::Other,
                };
            }
        };
        let keeps = matches!(instruction.code & 0x07, op::LDX | op::ST | op::STX)
            || instruction.code == op::MISC | op::TAX
            || instruction.code == op::ALU | op::AND;
        match instruction.code {
            _ if before == Content::Unreached => {}
            code if code == op::LD | op::W | op::ABS => reach(0, Content::Word(instruction.k)),
            code if code == op::JMP | op::JA => reach(instruction.k as usize, before),
            code if code & 0x07 == op::RET => {}
            _ if instruction.condition().is_some() => {
                reach(instruction.jt.into(), before);
                reach(instruction.jf.into(), before);
            }
            _ if keeps => reach(0, before),
            _ => reach(0, Content::Other),
        }
    }
    let word = |content| if let Content::Word(at) = content { Some(at) } else { None };
    contents.into_iter().map(word).collect()
}

fn statement(
    position: usize,
    instruction: Instruction,
    loaded: Option<u32>,
    labels: &BTreeMap<usize, String>,
) -> String {
    let Instruction { code, jt, jf, k } = instruction;
    if has_unused(instruction) {
        return raw(instruction);
    }
    let label = |skip: usize| {
        let target = position.saturating_add(1).saturating_add(skip);
        labels.get(&target).cloned().unwrap_or_else(|| format!("L{target}"))
    };
    let operand = |number: String| if code & op::X == 0 { format!("#{number}") } else { "x".to_owned() };
    if let Some(condition) = instruction.condition() {
        let is_number = loaded == Some(offset::NUMBER) && condition != op::JSET && k < X32_BIT;
        let number = if is_number { k.to_string() } else { format!("{k:#x}") };
        let operand = operand(number);
        let (plain, turned) = match condition {
            op::JEQ => ("jeq", "jne"),
            op::JGT => ("jgt", "jle"),
            op::JGE => ("jge", "jlt"),
            _ => ("jset", "jset"),
        };
        return match sides(condition, instruction) {
            Sides::Both => format!("{plain} {operand}, {}, {}", label(jt.into()), label(jf.into())),
            Sides::True => format!("{plain} {operand}, {}", label(jt.into())),
            Sides::False => format!("{turned} {operand}, {}", label(jf.into())),
        };
    }
    let alu = |word: &str| format!("{word} {}", operand(format!("{k:#x}")));
    match (code & 0x07, code & !0x07) {
        (op::LD, mode) if mode == op::W | op::ABS => format!("ld [{k}]"),
        (op::LD, op::IMM) => format!("ld #{k:#x}"),
        (op::LD, op::MEM) => format!("ld M[{k}]"),
        (op::LD, mode) if mode == op::W | op::LEN => "ld #len".to_owned(),
        (op::LDX, op::IMM) => format!("ldx #{k:#x}"),
        (op::LDX, op::MEM) => format!("ldx M[{k}]"),
        (op::LDX, mode) if mode == op::W | op::LEN => "ldx #len".to_owned(),
        (op::ST, 0) => format!("st M[{k}]"),
        (op::STX, 0) => format!("stx M[{k}]"),
        (op::ALU, op::NEG) => "neg".to_owned(),
        (op::ALU, rest) => match rest & !op::X {
            op::ADD => alu("add"),
            op::SUB => alu("sub"),
            op::MUL => alu("mul"),
            op::DIV => alu("div"),
            op::OR => alu("or"),
            op::AND => alu("and"),
            op::LSH => alu("lsh"),
            op::RSH => alu("rsh"),
            op::XOR => alu("xor"),
            _ => raw(instruction),
        },
        (op::JMP, op::JA) => format!("ja {}", label(k as usize)),
        (op::RET, op::K) => format!("ret #{k:#x}"),
        (op::RET, op::A) => "ret a".to_owned(),
        (op::MISC, op::TAX) => "tax".to_owned(),
        (op::MISC, op::TXA) => "txa".to_owned(),
        _ => raw(instruction),
    }
}

/// The four numbers of an instruction: one that no kernel takes, or whose unused fields aren't zero, as the kernel lets them be.
/// `bpf_asm` takes no such line, [`assemble`](super::assemble()) does.
fn raw(Instruction { code, jt, jf, k }: Instruction) -> String {
    format!("raw {code:#06x}, {jt}, {jf}, {k:#x}")
}

/// Whether a field that the instruction doesn't use holds something.
fn has_unused(instruction: Instruction) -> bool {
    let Instruction { code, jt, jf, k } = instruction;
    let is_jump = instruction.condition().is_some();
    let uses_k = match (code & 0x07, code & !0x07) {
        (op::ALU, rest) => code & op::X == 0 && rest != op::NEG,
        (op::JMP, _) => code & op::X == 0,
        (op::RET, rest) => rest == op::K,
        (op::MISC, _) => false,
        (op::LD | op::LDX, rest) => rest != op::W | op::LEN,
        _ => true,
    };
    !is_jump && (jt, jf) != (0, 0) || !uses_k && k != 0
}

/// What the constant of an instruction stands for.
fn constant(instruction: Instruction, loaded: Option<u32>, endian: Endian) -> Option<String> {
    let k = instruction.k;
    match instruction.code {
        code if code == op::LD | op::W | op::ABS => field(k, endian),
        code if code == op::RET | op::K => Some(Action::from_ret(k).to_string()),
        _ if instruction.condition().is_some() && loaded == Some(offset::ARCH) => {
            let names: Vec<_> = Abi::ALL.iter().filter(|abi| abi.token() == k).map(|abi| abi.name()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        }
        _ => None,
    }
}

/// The field of `seccomp_data` at a byte offset.
fn field(at: u32, endian: Endian) -> Option<String> {
    let half = if (at % 8 == 4) == (endian == Endian::Little) { "high" } else { "low" };
    match at {
        offset::NUMBER => Some("nr".to_owned()),
        offset::ARCH => Some("arch".to_owned()),
        8 | 12 => Some(format!("instruction_pointer, {half}")),
        _ if at < offset::END && at.is_multiple_of(4) => {
            Some(format!("args[{}], {half}", (at - offset::ARGUMENTS) / 8))
        }
        _ => None,
    }
}

/// `x86_64 read, write, 512..1023; x86 all`.
fn calls(origins: &[Origin], name: &NumberName<'_>) -> Option<String> {
    let one = |origin: &Origin| {
        let Some(abi) = origin.abi else { return "other ABIs".to_owned() };
        if origin.numbers == abi.numbers() {
            return format!("{abi} all");
        }
        let mut shown = Vec::new();
        for &(low, high) in origin.numbers.iter().take(CALLS_SHOWN) {
            if low == high {
                shown.push(name(abi, low).map_or_else(|| low.to_string(), str::to_owned));
            } else {
                shown.push(format!("{low}..{high}"));
            }
        }
        let more = origin.numbers.len().saturating_sub(CALLS_SHOWN);
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        format!("{abi} {}", shown.join(", "))
    };
    (!origins.is_empty()).then(|| origins.iter().map(one).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(instructions: Vec<Instruction>) -> String {
        disassemble(&Program::new(instructions), Endian::Little, &|_, _| None)
    }

    #[test]
    fn every_kind_of_line() {
        let s = Instruction::statement;
        let jump = |code: u16, jt, jf, k| Instruction { code: op::JMP | code, jt, jf, k };
        let text = list(vec![
            Instruction::load(4),
            jump(op::JEQ, 1, 0, 0xc000_003e),
            s(op::RET | op::K, 0x8000_0000),
            Instruction::load(0),
            jump(op::JGE, 0, 1, 59),
            jump(op::JSET, 0, 2, 0x4000_0000),
            Instruction::load(20),
            jump(op::JGT | op::X, 1, 2, 0),
            s(op::JMP | op::JA, 1),
            s(op::ALU | op::AND, 0xff),
            s(op::RET | op::K, 0x0005_0001),
            s(op::ALU | op::LSH | op::X, 0),
            s(op::MISC | op::TAX, 0),
            s(op::LDX | op::MEM, 3),
            s(0x28, 1),
            s(op::RET | op::K, 0x0005_0001),
        ]);
        let plain: Vec<_> = text.lines().map(|line| line.split(" ;").next().unwrap_or(line).trim_end()).collect();
        assert_eq!(
            plain,
            [
                "        ld [4]",
                "        jeq #0xc000003e, L3",
                "        ret #0x80000000",
                "L3:",
                "        ld [0]",
                "        jlt #59, L6",
                "        jset #0x40000000, L6, L8",
                "L6:",
                "        ld [20]",
                "        jgt x, L9, errno_1",
                "L8:",
                "        ja errno_1",
                "L9:",
                "        and #0xff",
                "errno_1:",
                "        ret #0x50001",
                "        lsh x",
                "        tax",
                "        ldx M[3]",
                "        raw 0x0028, 0, 0, 0x1",
                "        ret #0x50001",
            ]
        );
        assert!(text.contains("jeq #0xc000003e, L3                     ; x86_64, x32\n"), "{text}");
        assert!(text.contains("; args[0], high\n") && text.contains("; errno(1)\n"), "{text}");
    }

    #[test]
    fn calls_are_named_and_cut_short() {
        let origins = [
            Origin { abi: Some(Abi::X86_64), numbers: vec![(0, 0), (2, 9), (20, 20), (30, 30), (40, 40), (50, 50)] },
            Origin { abi: Some(Abi::X86), numbers: vec![(0, u32::MAX)] },
            Origin { abi: None, numbers: vec![(0, u32::MAX)] },
        ];
        let text = calls(&origins, &|_, nr| (nr == 0).then_some("read"));
        assert_eq!(text.unwrap(), "x86_64 read, 2..9, 20, 30, and 2 more, x86 all, other ABIs");
    }
}
