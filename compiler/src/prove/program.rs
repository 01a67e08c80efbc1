//! A program as a function: symbolic execution without walking paths.
//!
//! Jumps only go forward, so one pass from the first instruction to the last finds every state a program can be in: an
//! instruction and what the registers that still matter hold. One pass back gives each state its function, from those
//! after it. A register that is overwritten before it is read doesn't count, so paths that meet again are one state.

use std::collections::HashMap;

use super::diagram::{Diagrams, Function, Level, OutOfNodes};
use super::layout::Layout;
use super::operation::{Arithmetic, Comparison, Operation, Register, Source};
use super::pieces::{Built, InputWord, Values, branch};
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

/// A state in [`Walk::states`].
type StateId = u32;

/// No state.
const NONE: StateId = StateId::MAX;

/// An instruction's states up to this many are looked through; the others are hashed.
const LOOKED_THROUGH: usize = 4;

/// What the registers that matter hold when an instruction starts, and what happens next.
struct State {
    registers: Registers,
    step: Step,
    /// The state of the same instruction that was found before this one, or [`NONE`].
    before: StateId,
    /// How many steps lead here.
    uses: u32,
}

/// What happens next in a state.
#[derive(Clone, Copy)]
enum Step {
    Return(Function),
    Continue(StateId),
    /// By a comparison with a constant.
    Split {
        word: InputWord,
        values: Values,
        then: StateId,
        otherwise: StateId,
    },
    Branch {
        condition: Function,
        then: StateId,
        otherwise: StateId,
    },
    /// The kernel returns 0 where the condition, a division by zero, is true.
    Unless {
        condition: Function,
        next: StateId,
    },
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
        words: vec![KnownWord { word: Word::constant(0), input: None }],
        word_ids: HashMap::from([(Word::constant(0), ZERO)]),
        newest: vec![NONE; operations.len()],
        states: Vec::with_capacity(operations.len()),
        state_ids: HashMap::new(),
    };
    let at = |instruction| move |OutOfNodes| OutOfNodesAt { instruction };
    let first = walk.state(0, [ZERO; Register::COUNT]).map_err(at(0))?;
    // Each state with its instruction; every step leads to a state that comes later.
    let mut order = Vec::with_capacity(operations.len());
    for (pc, &operation) in operations.iter().enumerate() {
        let mut id = walk.newest[pc];
        while id != NONE {
            let State { registers, before, .. } = walk.states[id as usize];
            let step = walk.step(pc, operation, registers).map_err(at(pc))?;
            walk.states[id as usize].step = step;
            order.push((pc, id));
            id = before;
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

/// A word, and what it reads of the input if it does nothing else.
#[derive(Clone, Copy)]
struct KnownWord {
    word: Word,
    input: Option<InputWord>,
}

struct Walk<'a> {
    diagrams: &'a mut Diagrams,
    endian: Endian,
    live: Vec<u32>,
    /// The words of `seccomp_data` that were loaded.
    loaded: [Option<WordId>; 16],
    words: Vec<KnownWord>,
    word_ids: HashMap<Word, WordId>,
    /// The state of each instruction that was found last.
    newest: Vec<StateId>,
    states: Vec<State>,
    /// The states of instructions that have many.
    state_ids: HashMap<(usize, Registers), StateId>,
}

impl Walk<'_> {
    /// The state at an instruction.
    fn state(&mut self, pc: usize, mut registers: Registers) -> Result<StateId, OutOfNodes> {
        let live = self.live[pc];
        for (index, register) in registers.iter_mut().enumerate() {
            if live >> index & 1 == 0 {
                *register = ZERO;
            }
        }
        // The newest few, then the hashed ones.
        let mut candidate = self.newest[pc];
        let mut oldest_looked_at = None;
        for looked_at in 1..=LOOKED_THROUGH {
            if candidate == NONE {
                break;
            }
            let state = &mut self.states[candidate as usize];
            if state.registers == registers {
                state.uses += 1;
                return Ok(candidate);
            }
            if looked_at == LOOKED_THROUGH {
                oldest_looked_at = Some((candidate, state.registers));
            }
            candidate = state.before;
        }
        if candidate != NONE
            && let Some(&id) = self.state_ids.get(&(pc, registers))
        {
            self.states[id as usize].uses += 1;
            return Ok(id);
        }
        self.diagrams.charge(STATE_NODES)?;
        if let Some((id, registers)) = oldest_looked_at {
            self.state_ids.insert((pc, registers), id);
        }
        // Each costs nodes, of which there are fewer than 2^31.
        let id = self.states.len() as StateId;
        let before = std::mem::replace(&mut self.newest[pc], id);
        // The step is found when the instruction's turn comes.
        self.states.push(State { registers, step: Step::Return(Function::FALSE), before, uses: 1 });
        Ok(id)
    }

    fn word_id(&mut self, word: Word) -> Result<WordId, OutOfNodes> {
        if let Some(&id) = self.word_ids.get(&word) {
            return Ok(id);
        }
        self.diagrams.charge(WORD_NODES)?;
        let id = WordId(self.words.len() as u32);
        self.words.push(KnownWord { word, input: word.input(self.diagrams) });
        self.word_ids.insert(word, id);
        Ok(id)
    }

    fn read(&mut self, source: Source, registers: &Registers) -> Result<WordId, OutOfNodes> {
        match source {
            Source::Constant(value) => self.word_id(Word::constant(value)),
            Source::Register(register) => Ok(registers[register.index()]),
            Source::Data(offset) => {
                let index = usize::from(offset / 4);
                if let Some(id) = self.loaded[index] {
                    return Ok(id);
                }
                let word = load(self.diagrams, offset, self.endian)?;
                let id = self.word_id(word)?;
                self.loaded[index] = Some(id);
                Ok(id)
            }
        }
    }

    /// [`Self::read`] for a word that isn't kept.
    fn value(&mut self, source: Source, registers: &Registers) -> Result<Word, OutOfNodes> {
        match source {
            Source::Constant(value) => Ok(Word::constant(value)),
            _ => {
                let id = self.read(source, registers)?;
                Ok(self.words[id.0 as usize].word)
            }
        }
    }

    /// Whether anything reads a register when the next instruction starts.
    fn is_kept(&self, pc: usize, register: Register) -> bool {
        self.live[pc + 1] >> register.index() & 1 == 1
    }

    fn step(&mut self, pc: usize, operation: Operation, mut registers: Registers) -> Result<Step, OutOfNodes> {
        let a = Source::Register(Register::A);
        match operation {
            Operation::Return(source) => {
                let word = self.value(source, &registers)?;
                Ok(Step::Return(word.action(self.diagrams)?))
            }
            Operation::Jump { skip } => Ok(Step::Continue(self.state(pc + 1 + skip as usize, registers)?)),
            Operation::Copy { to, from } => {
                if self.is_kept(pc, to) {
                    registers[to.index()] = self.read(from, &registers)?;
                }
                Ok(Step::Continue(self.state(pc + 1, registers)?))
            }
            Operation::Compute { operation, right } => {
                let left = self.value(a, &registers)?;
                let right = self.value(right, &registers)?;
                if self.is_kept(pc, Register::A) {
                    let word = left.compute(operation, right, self.diagrams)?;
                    registers[Register::A.index()] = self.word_id(word)?;
                }
                let next = self.state(pc + 1, registers)?;
                if operation != Arithmetic::Divide {
                    return Ok(Step::Continue(next));
                }
                let condition = right.compare(Comparison::Equal, Word::constant(0), self.diagrams)?;
                Ok(Step::Unless { condition, next })
            }
            Operation::Branch { skip_then, skip_otherwise, .. } if skip_then == skip_otherwise => {
                Ok(Step::Continue(self.state(pc + 1 + usize::from(skip_then), registers)?))
            }
            Operation::Branch { comparison, right, skip_then, skip_otherwise } => {
                let left = self.words[registers[Register::A.index()].0 as usize];
                let right = self.value(right, &registers)?;
                let then = pc + 1 + usize::from(skip_then);
                let otherwise = pc + 1 + usize::from(skip_otherwise);
                let values = right.value().and_then(|constant| Values::of(comparison, constant));
                if let (Some(word), Some(values)) = (left.input, values) {
                    let then = self.state(then, registers)?;
                    let otherwise = self.state(otherwise, registers)?;
                    return Ok(Step::Split { word, values, then, otherwise });
                }
                let condition = left.word.compare(comparison, right, self.diagrams)?;
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
    fn function(mut self, first: StateId, order: &[(usize, StateId)]) -> Result<Function, OutOfNodesAt> {
        let mut built: Vec<Option<Built>> = vec![None; self.states.len()];
        for &(instruction, id) in order.iter().rev() {
            let at = |OutOfNodes| OutOfNodesAt { instruction };
            built[id as usize] = Some(self.built(self.states[id as usize].step, &mut built).map_err(at)?);
        }
        self.take(first, &mut built)
            .and_then(|built| built.function(self.diagrams))
            .map_err(|OutOfNodes| OutOfNodesAt { instruction: 0 })
    }

    fn built(&mut self, step: Step, built: &mut [Option<Built>]) -> Result<Built, OutOfNodes> {
        match step {
            Step::Return(function) => Ok(Built::Whole(function)),
            Step::Continue(next) => self.take(next, built),
            Step::Split { word, values, then, otherwise } => {
                let then = self.take(then, built)?;
                let otherwise = self.take(otherwise, built)?;
                branch(self.diagrams, word, values, then, otherwise)
            }
            Step::Branch { condition, then, otherwise } => {
                let then = self.take_function(then, built)?;
                let otherwise = self.take_function(otherwise, built)?;
                Ok(Built::Whole(self.diagrams.choose(condition, then, otherwise)?))
            }
            Step::Unless { condition, next } => {
                let next = self.take_function(next, built)?;
                let killed = Function::constant(Action::from_ret(0));
                Ok(Built::Whole(self.diagrams.choose(condition, killed, next)?))
            }
        }
    }

    /// What was built for a state as a diagram, which other steps that lead there find made.
    fn take_function(&mut self, id: StateId, built: &mut [Option<Built>]) -> Result<Function, OutOfNodes> {
        if self.states[id as usize].uses > 1
            && let Some(of_state) = &mut built[id as usize]
        {
            *of_state = Built::Whole(of_state.function(self.diagrams)?);
        }
        self.take(id, built)?.function(self.diagrams)
    }

    /// What was built for a state, or a copy of it if other steps lead there too.
    fn take(&mut self, id: StateId, built: &mut [Option<Built>]) -> Result<Built, OutOfNodes> {
        let uses = &mut self.states[id as usize].uses;
        *uses -= 1;
        let of_state = &mut built[id as usize];
        let taken = if *uses == 0 {
            of_state.take()
        } else {
            self.diagrams.charge(of_state.as_ref().map_or(0, Built::pieces))?;
            of_state.clone()
        };
        Ok(taken.expect("steps lead to later states, which are built before, and each use is counted"))
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
