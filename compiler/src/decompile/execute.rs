//! A program to the tree of what it does: every state it can be in, then each state's tree from those it goes on to.

use std::collections::{BTreeMap, HashMap};

use super::forest::{ARGUMENTS, Forest, Full, Level, NUMBER, POINTER, Tree};
use super::words::Word;
use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::{Instruction, Program, SCRATCH_WORDS, offset, op};

/// What a state is worth in trees.
const STATE: usize = 8;

/// Registers: A, X and the scratch words, each by the word it holds.
type Registers = [u32; 2 + SCRATCH_WORDS];

const A: usize = 0;
const X: usize = 1;

/// Where it became too much, and whether two words of the call meet there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) instruction: usize,
    pub(super) two_words: bool,
}

/// Where a state goes.
#[derive(Clone, Copy)]
enum Next {
    Ends(Tree),
    Goes(usize),
    Splits {
        when: Tree,
        yes: usize,
        no: usize,
    },
    /// A division: the filter ends where the divisor is zero.
    Divides {
        zero: Tree,
        next: usize,
    },
}

struct Execution<'f> {
    forest: &'f mut Forest,
    endian: Endian,
    words: Vec<Word>,
    ids: HashMap<Word, u32>,
    /// Registers that are read before they are written, from each instruction on; a bit each.
    needed: Vec<u32>,
    /// The states of the instructions that are still to come.
    waiting: BTreeMap<usize, BTreeMap<Registers, usize>>,
    states: usize,
}

/// The tree of a program that the kernel would admit, on a machine of this order.
pub(super) fn execute(program: &Program, endian: Endian, forest: &mut Forest) -> Result<Tree, TooMuch> {
    let zero = Word::constant(0);
    let mut execution = Execution {
        forest,
        endian,
        words: vec![zero],
        ids: HashMap::from([(zero, 0)]),
        needed: needed(&program.instructions),
        waiting: BTreeMap::from([(0, BTreeMap::from([([0; 2 + SCRATCH_WORDS], 0)]))]),
        states: 1,
    };
    // Jumps go forward only, so all states of an instruction are known when its turn comes.
    let mut nexts: Vec<(usize, usize, Next)> = Vec::new();
    while let Some((at, states)) = execution.waiting.pop_first() {
        let Some(&instruction) = program.instructions.get(at) else { continue };
        for (registers, state) in states {
            let next = execution
                .step(at, instruction, registers)
                .map_err(|Full| TooMuch { instruction: at, two_words: execution.meets(instruction, &registers) })?;
            nexts.push((state, at, next));
        }
    }
    let Execution { forest, states, .. } = execution;
    let mut trees = vec![Tree::FALSE; states];
    for (state, at, next) in nexts.into_iter().rev() {
        let tree = match next {
            Next::Ends(tree) => Ok(tree),
            Next::Goes(to) => Ok(trees[to]),
            Next::Splits { when, yes, no } => forest.pick(when, trees[yes], trees[no]),
            Next::Divides { zero, next } => {
                let killed = forest.leaf(Action::from_ret(0));
                forest.pick(zero, killed, trees[next])
            }
        };
        trees[state] = tree.map_err(|Full| TooMuch { instruction: at, two_words: false })?;
    }
    Ok(trees[0])
}

/// The scratch word of a load or store.
fn cell(instruction: Instruction) -> usize {
    2 + instruction.k as usize % SCRATCH_WORDS
}

/// The registers an instruction reads and the one it writes, a bit each.
fn effects(instruction: Instruction) -> (u32, u32) {
    let bit = |register: usize| 1_u32 << register;
    let operand = if instruction.code & op::X != 0 { bit(X) } else { 0 };
    match (instruction.code & 0x07, instruction.code & !0x07) {
        (op::LD, op::MEM) => (bit(cell(instruction)), bit(A)),
        (op::LDX, op::MEM) => (bit(cell(instruction)), bit(X)),
        (op::LD, _) => (0, bit(A)),
        (op::LDX, _) => (0, bit(X)),
        (op::ST, _) => (bit(A), bit(cell(instruction))),
        (op::STX, _) => (bit(X), bit(cell(instruction))),
        (op::ALU, _) => (bit(A) | operand, bit(A)),
        (op::JMP, op::JA) => (0, 0),
        (op::JMP, _) => (bit(A) | operand, 0),
        (op::RET, op::A) => (bit(A), 0),
        (op::MISC, op::TAX) => (bit(A), bit(X)),
        (op::MISC, op::TXA) => (bit(X), bit(A)),
        _ => (0, 0),
    }
}

/// Where an instruction can go on.
fn targets(at: usize, instruction: Instruction) -> Vec<usize> {
    let Instruction { code, jt, jf, k } = instruction;
    if instruction.condition().is_some() {
        return vec![at + 1 + usize::from(jt), at + 1 + usize::from(jf)];
    }
    match code & 0x07 {
        op::RET => Vec::new(),
        op::JMP => vec![at + 1 + k as usize],
        _ => vec![at + 1],
    }
}

fn needed(instructions: &[Instruction]) -> Vec<u32> {
    let mut needed = vec![0_u32; instructions.len()];
    for (at, &instruction) in instructions.iter().enumerate().rev() {
        let (reads, writes) = effects(instruction);
        let after =
            targets(at, instruction).into_iter().fold(0, |all, target| all | needed.get(target).copied().unwrap_or(0));
        needed[at] = after & !writes | reads;
    }
    needed
}

impl Execution<'_> {
    fn word(&self, registers: &Registers, register: usize) -> Word {
        self.words[registers[register] as usize]
    }

    fn id(&mut self, word: Word) -> Result<u32, Full> {
        if let Some(&id) = self.ids.get(&word) {
            return Ok(id);
        }
        self.forest.spend(STATE)?;
        let id = self.words.len() as u32;
        self.words.push(word);
        self.ids.insert(word, id);
        Ok(id)
    }

    /// The state at an instruction: what its registers hold, as far as it matters there.
    fn state(&mut self, at: usize, mut registers: Registers) -> Result<usize, Full> {
        let needed = self.needed.get(at).copied().unwrap_or(0);
        for (register, held) in registers.iter_mut().enumerate() {
            if needed >> register & 1 == 0 {
                *held = 0;
            }
        }
        let states = self.waiting.entry(at).or_default();
        if let Some(&state) = states.get(&registers) {
            return Ok(state);
        }
        self.forest.spend(STATE)?;
        let state = self.states;
        self.states += 1;
        states.insert(registers, state);
        Ok(state)
    }

    /// Whether an instruction brings two words together that both depend on the call.
    fn meets(&self, instruction: Instruction, registers: &Registers) -> bool {
        let is_operation = matches!(instruction.code & 0x07, op::ALU | op::JMP);
        is_operation
            && instruction.code & op::X != 0
            && [A, X].iter().all(|&register| self.word(registers, register).value().is_none())
    }

    fn step(&mut self, at: usize, instruction: Instruction, mut registers: Registers) -> Result<Next, Full> {
        let Instruction { code, jt, jf, k } = instruction;
        let right = if code & op::X != 0 { self.word(&registers, X) } else { Word::constant(k) };
        let class = code & 0x07;
        match class {
            op::LD | op::LDX => {
                let to = if class == op::LD { A } else { X };
                registers[to] = match code & !0x07 {
                    op::IMM => self.id(Word::constant(k))?,
                    op::MEM => registers[cell(instruction)],
                    op::LEN => self.id(Word::constant(offset::END))?,
                    _ => {
                        let highest = self.highest_level(k);
                        let word = Word::loaded(highest, self.forest)?;
                        self.id(word)?
                    }
                };
            }
            op::ST => registers[cell(instruction)] = registers[A],
            op::STX => registers[cell(instruction)] = registers[X],
            op::ALU => {
                let operation = code & 0xf0;
                let word = self.word(&registers, A).compute(operation, right, self.forest)?;
                registers[A] = self.id(word)?;
                if operation == op::DIV && right.value().is_none_or(|value| value == 0) {
                    let zero = right.compare(op::JEQ, Word::constant(0), self.forest)?;
                    return Ok(Next::Divides { zero, next: self.state(at + 1, registers)? });
                }
            }
            op::MISC if code & !0x07 == op::TAX => registers[X] = registers[A],
            op::MISC => registers[A] = registers[X],
            op::RET if code & !0x07 == op::A => {
                return Ok(Next::Ends(self.word(&registers, A).returned(self.forest)?));
            }
            op::RET => return Ok(Next::Ends(self.forest.leaf(Action::from_ret(k)))),
            _ => {
                let Some(condition) = instruction.condition() else {
                    return Ok(Next::Goes(self.state(at + 1 + k as usize, registers)?));
                };
                if jt == jf {
                    return Ok(Next::Goes(self.state(at + 1 + usize::from(jt), registers)?));
                }
                let when = self.word(&registers, A).compare(condition, right, self.forest)?;
                let mut go = |skip: u8| self.state(at + 1 + usize::from(skip), registers);
                return Ok(match when {
                    Tree::TRUE => Next::Goes(go(jt)?),
                    Tree::FALSE => Next::Goes(go(jf)?),
                    _ => Next::Splits { when, yes: go(jt)?, no: go(jf)? },
                });
            }
        }
        Ok(Next::Goes(self.state(at + 1, registers)?))
    }

    /// The level of the highest bit of the word at a byte offset of `seccomp_data`.
    fn highest_level(&self, at: u32) -> Level {
        let second = at % 8 == 4;
        // The high half's levels come first.
        let half = if second == (self.endian == Endian::Little) { 0 } else { 32 };
        match at {
            offset::NUMBER => NUMBER,
            offset::ARCH => 0,
            _ if at < offset::ARGUMENTS => POINTER + half,
            _ => ARGUMENTS + ((at - offset::ARGUMENTS) / 8) as Level * 64 + half,
        }
    }
}
