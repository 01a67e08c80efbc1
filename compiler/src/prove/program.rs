//! A program as a function: symbolic execution without walking paths.
//!
//! Jumps only go forward, so one pass from the first instruction to the last finds every state a program can be in: an
//! instruction and what the registers that still matter hold. One pass back gives each state its function, from those
//! after it. A register that is overwritten before it is read doesn't count, so paths that meet again are one state.

use std::collections::HashMap;

use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::layout::Layout;
use super::operation::{Arithmetic, Comparison, Operation, Register, Source};
use super::word::Word;
use crate::abi::Endian;
use crate::action::Action;

/// What a state costs, in nodes: it is about that large.
const STATE_NODES: usize = 16;

/// What a word costs, in nodes.
const WORD_NODES: usize = 32;

/// The budget ended at this instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutOfNodesAt {
    pub(super) instruction: usize,
}

/// A word in [`Walk::words`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct WordId(u32);

/// The word zero, which is also what a register that doesn't matter holds. A and X start with it (`bpf_convert_filter`).
const ZERO: WordId = WordId(0);

type Registers = [WordId; Register::COUNT];

/// A state in [`Walk::steps`].
type StateId = usize;

/// What happens next in a state.
#[derive(Clone, Copy)]
enum Step {
    Return(Function),
    Branch { condition: Function, then: StateId, otherwise: StateId },
    Continue(StateId),
}

/// The function of a program whose operations these are.
pub(super) fn program(
    diagrams: &mut Diagrams,
    operations: &[Operation],
    endian: Endian,
) -> Result<Function, OutOfNodesAt> {
    let mut walk = Walk {
        diagrams,
        endian,
        live: live_registers(operations),
        loaded: [None; 16],
        words: vec![Word::constant(0)],
        word_ids: HashMap::from([(Word::constant(0), ZERO)]),
        states: vec![Vec::new(); operations.len()],
        state_ids: HashMap::new(),
        steps: Vec::new(),
    };
    let at = |instruction| move |OutOfNodes| OutOfNodesAt { instruction };
    let first = walk.state(0, [ZERO; Register::COUNT]).map_err(at(0))?;
    let mut order = Vec::new();
    for (pc, &operation) in operations.iter().enumerate() {
        for (id, registers) in std::mem::take(&mut walk.states[pc]) {
            walk.steps[id] = walk.step(pc, operation, registers).map_err(at(pc))?;
            order.push((pc, id));
        }
    }
    walk.function(first, &order)
}

/// The registers that are read after each instruction starts, before they are written; a bit each.
fn live_registers(operations: &[Operation]) -> Vec<u32> {
    let mut live = vec![0; operations.len() + 1];
    for (pc, &operation) in operations.iter().enumerate().rev() {
        let after = |skip: usize| live.get(pc + 1 + skip).copied().unwrap_or(0);
        let after = match operation {
            Operation::Return(_) => 0,
            Operation::Jump { skip } => after(skip as usize),
            Operation::Branch { skip_then, skip_otherwise, .. } => {
                after(skip_then.into()) | after(skip_otherwise.into())
            }
            Operation::Copy { .. } | Operation::Compute { .. } => after(0),
        };
        live[pc] = after & !operation.writes() | operation.reads();
    }
    live
}

struct Walk<'a> {
    diagrams: &'a mut Diagrams,
    endian: Endian,
    live: Vec<u32>,
    /// The words of `seccomp_data` that were loaded.
    loaded: [Option<Word>; 16],
    words: Vec<Word>,
    word_ids: HashMap<Word, WordId>,
    /// The states of each instruction, in the order they were found.
    states: Vec<Vec<(StateId, Registers)>>,
    state_ids: HashMap<(usize, Registers), StateId>,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// The state at an instruction.
    fn state(&mut self, pc: usize, mut registers: Registers) -> Result<StateId, OutOfNodes> {
        for (index, register) in registers.iter_mut().enumerate() {
            if self.live[pc] >> index & 1 == 0 {
                *register = ZERO;
            }
        }
        if let Some(&id) = self.state_ids.get(&(pc, registers)) {
            return Ok(id);
        }
        self.diagrams.charge(STATE_NODES)?;
        let id = self.steps.len();
        // Taken over when its instruction's turn comes.
        self.steps.push(Step::Return(Function::FALSE));
        self.state_ids.insert((pc, registers), id);
        self.states[pc].push((id, registers));
        Ok(id)
    }

    fn word_id(&mut self, word: Word) -> Result<WordId, OutOfNodes> {
        if let Some(&id) = self.word_ids.get(&word) {
            return Ok(id);
        }
        self.diagrams.charge(WORD_NODES)?;
        let id = WordId(self.words.len() as u32);
        self.words.push(word);
        self.word_ids.insert(word, id);
        Ok(id)
    }

    fn read(&mut self, source: Source, registers: &Registers) -> Result<Word, OutOfNodes> {
        match source {
            Source::Constant(value) => Ok(Word::constant(value)),
            Source::Register(register) => Ok(self.words[registers[register.index()].0 as usize]),
            Source::Data(offset) => {
                let index = usize::from(offset / 4);
                let word = self.loaded[index].map_or_else(|| load(self.diagrams, offset, self.endian), Ok)?;
                self.loaded[index] = Some(word);
                Ok(word)
            }
        }
    }

    /// Puts a word in a register, unless nobody will read it there.
    fn write(
        &mut self,
        pc: usize,
        registers: &mut Registers,
        register: Register,
        word: impl FnOnce(&mut Self) -> Result<Word, OutOfNodes>,
    ) -> Result<(), OutOfNodes> {
        if self.live[pc + 1] >> register.index() & 1 == 1 {
            let word = word(self)?;
            registers[register.index()] = self.word_id(word)?;
        }
        Ok(())
    }

    fn step(&mut self, pc: usize, operation: Operation, mut registers: Registers) -> Result<Step, OutOfNodes> {
        let a = Source::Register(Register::A);
        match operation {
            Operation::Return(source) => {
                let word = self.read(source, &registers)?;
                Ok(Step::Return(word.action(self.diagrams)?))
            }
            Operation::Jump { skip } => Ok(Step::Continue(self.state(pc + 1 + skip as usize, registers)?)),
            Operation::Copy { to, from } => {
                let before = registers;
                self.write(pc, &mut registers, to, |walk| walk.read(from, &before))?;
                Ok(Step::Continue(self.state(pc + 1, registers)?))
            }
            Operation::Compute { operation, right } => {
                let left = self.read(a, &registers)?;
                let right = self.read(right, &registers)?;
                self.write(pc, &mut registers, Register::A, |walk| left.compute(operation, right, walk.diagrams))?;
                let next = self.state(pc + 1, registers)?;
                if operation != Arithmetic::Divide {
                    return Ok(Step::Continue(next));
                }
                let condition = right.compare(Comparison::Equal, Word::constant(0), self.diagrams)?;
                let then = self.steps.len();
                self.steps.push(Step::Return(Function::constant(Action::from_ret(0))));
                Ok(Step::Branch { condition, then, otherwise: next })
            }
            Operation::Branch { skip_then, skip_otherwise, .. } if skip_then == skip_otherwise => {
                Ok(Step::Continue(self.state(pc + 1 + usize::from(skip_then), registers)?))
            }
            Operation::Branch { comparison, right, skip_then, skip_otherwise } => {
                let left = self.read(a, &registers)?;
                let right = self.read(right, &registers)?;
                let condition = left.compare(comparison, right, self.diagrams)?;
                let then = pc + 1 + usize::from(skip_then);
                let otherwise = pc + 1 + usize::from(skip_otherwise);
                match condition {
                    Function::TRUE => Ok(Step::Continue(self.state(then, registers)?)),
                    Function::FALSE => Ok(Step::Continue(self.state(otherwise, registers)?)),
                    _ => Ok(Step::Branch {
                        condition,
                        then: self.state(then, registers)?,
                        otherwise: self.state(otherwise, registers)?,
                    }),
                }
            }
        }
    }

    /// The function of the first state, from the last instruction's states up. `order` is the order they were found in.
    fn function(self, first: StateId, order: &[(usize, StateId)]) -> Result<Function, OutOfNodesAt> {
        let returned = |step: &Step| if let Step::Return(function) = *step { function } else { Function::FALSE };
        let mut functions: Vec<Function> = self.steps.iter().map(returned).collect();
        for &(instruction, id) in order.iter().rev() {
            functions[id] = match self.steps[id] {
                Step::Return(function) => function,
                Step::Continue(next) => functions[next],
                Step::Branch { condition, then, otherwise } => self
                    .diagrams
                    .choose(condition, functions[then], functions[otherwise])
                    .map_err(|OutOfNodes| OutOfNodesAt { instruction })?,
            };
        }
        Ok(functions[first])
    }
}

/// The word at an offset of `seccomp_data`. The two halves of a 64-bit field stand in the machine's order.
fn load(diagrams: &mut Diagrams, offset: u8, endian: Endian) -> Result<Word, OutOfNodes> {
    let half = |levels: [Option<Level>; 64], diagrams: &mut Diagrams| {
        let low = (offset / 4).is_multiple_of(2) == (endian == Endian::Little);
        let (high_half, low_half) = levels.split_at(32);
        Word::of_levels(if low { low_half } else { high_half }, diagrams)
    };
    match offset {
        0 => Word::of_levels(&Layout::nr(), diagrams),
        4 => Word::of_levels(&Layout::arch(), diagrams),
        8 | 12 => half(Layout::instruction_pointer(), diagrams),
        _ => half(Layout::PLAIN.arg((offset - 16) / 8, u64::MAX), diagrams),
    }
}
