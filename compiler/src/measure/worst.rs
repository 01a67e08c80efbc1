//! The longest path that some call takes.
//!
//! A search over the paths of the program, the longer way first, that keeps what each path has learned about every word and
//! drops paths that no call takes. Ways that can't be longer than what was found are not gone. What is found is a call, and
//! the call is run: the figure is exact because a call shows it and because every longer way was ruled out. Where the
//! search can't rule one out (a sum of two words, or more steps than the budget), the figure is an upper bound and says so.

use super::word::{Fact, Found, value};
use crate::abi::{Abi, Endian, HighHalf};
use crate::bpf::{Program, SCRATCH_WORDS, arithmetic, jumps, offset, op, simulate};
use crate::call::SyscallData;

/// The most instructions that a call of an ABI executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worst {
    /// How many, the `RET` included. Without a call, no more than so many.
    pub executed: usize,
    /// A call that executes them. `None`: the figure is an upper bound, and no call is known that reaches it.
    pub call: Option<SyscallData>,
}

impl Worst {
    /// Whether the figure is what some call needs, not only an upper bound.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.call.is_some()
    }
}

/// How long the search may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Conditional jumps looked at, over all paths.
    pub jumps: usize,
}

impl Default for Budget {
    /// 200,000: a hundred times what filters in the wild need, and less than a second.
    fn default() -> Self {
        Self { jumps: 200_000 }
    }
}

/// The most instructions that a call of this ABI can make the program execute. Calls have all numbers of the ABI and all words
/// its registers can hold. For a program that [`admit`](crate::bpf::admit) accepts.
#[must_use]
pub fn worst(program: &Program, abi: Abi, budget: Budget) -> Worst {
    let mut search = Search {
        program,
        abi,
        left: longest_ways(program),
        jumps_left: budget.jumps,
        found: None,
        not_ruled_out: 0,
        facts: Vec::new(),
    };
    for &(low, high) in abi.numbers() {
        search.among(low, high);
    }
    match search.found {
        Some((executed, call)) if executed >= search.not_ruled_out => Worst { executed, call: Some(call) },
        found => Worst { executed: found.map_or(0, |(executed, _)| executed).max(search.not_ruled_out), call: None },
    }
}

/// For each instruction, the most that can run from it on, whatever decides. Past the end nothing runs.
fn longest_ways(program: &Program) -> Vec<usize> {
    let length = program.instructions.len();
    let mut left = vec![0; length + 1];
    for (position, instruction) in program.instructions.iter().enumerate().rev() {
        let after = |skip: usize| left[length.min((position + 1).saturating_add(skip))];
        left[position] = 1 + match instruction.condition() {
            Some(_) => after(instruction.jt.into()).max(after(instruction.jf.into())),
            None if instruction.code == op::JMP | op::JA => after(instruction.k as usize),
            None if instruction.code & 0x07 == op::RET => 0,
            None => after(0),
        };
    }
    left
}

/// What a register holds, as far as a path knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Constant(u32),
    /// `word & mask`, words counted from the start of `seccomp_data`.
    Word {
        word: u8,
        mask: u32,
    },
    /// Something that isn't kept track of.
    Unknown,
}

const WORDS: usize = (offset::END / 4) as usize;

/// A path up to here.
#[derive(Clone)]
struct Path {
    position: usize,
    executed: usize,
    a: Value,
    x: Value,
    scratch: [Value; SCRATCH_WORDS],
    /// How many of the search's facts are this path's, and one more that it is about to add.
    facts: usize,
    news: Option<Fact>,
    /// Words that pass all the facts.
    words: [u32; WORDS],
}

struct Search<'a> {
    program: &'a Program,
    abi: Abi,
    left: Vec<usize>,
    jumps_left: usize,
    found: Option<(usize, SyscallData)>,
    /// The longest way that some call may or may not go.
    not_ruled_out: usize,
    /// Of the path at hand, the oldest first. Paths are left in the opposite order of that in which they were entered.
    facts: Vec<Fact>,
}

impl Search<'_> {
    /// Goes all ways of the calls with these numbers.
    fn among(&mut self, low: u32, high: u32) {
        let whole =
            |word: u32, condition, k, outcome| Fact { word: (word / 4) as u8, mask: u32::MAX, condition, k, outcome };
        self.facts = vec![
            whole(offset::ARCH, op::JEQ, self.abi.token(), true),
            whole(offset::NUMBER, op::JGE, low, true),
            whole(offset::NUMBER, op::JGT, high, false),
        ];
        if self.abi.high_half() == HighHalf::Zero {
            let high_word = |argument: u32| {
                let first = offset::ARGUMENTS + 8 * argument;
                first + if self.abi.endian() == Endian::Little { 4 } else { 0 }
            };
            self.facts.extend((0..6).map(|argument| whole(high_word(argument), op::JEQ, 0, true)));
        }
        let mut words = [0; WORDS];
        words[offset::ARCH as usize / 4] = self.abi.token();
        words[offset::NUMBER as usize / 4] = low;
        let start = Path {
            position: 0,
            executed: 0,
            a: Value::Constant(0),
            x: Value::Constant(0),
            scratch: [Value::Unknown; SCRATCH_WORDS],
            facts: self.facts.len(),
            news: None,
            words,
        };
        let mut waiting = vec![start];
        while let Some(path) = waiting.pop() {
            if self.jumps_left == 0 {
                self.doubt(self.at_most(&path));
                continue;
            }
            self.facts.truncate(path.facts);
            self.facts.extend(path.news);
            self.follow(path, &mut waiting);
        }
    }

    /// The most instructions that a path can come to.
    fn at_most(&self, path: &Path) -> usize {
        path.executed + self.left.get(path.position).copied().unwrap_or_default()
    }

    fn longest(&self) -> usize {
        self.found.map_or(0, |(executed, _)| executed).max(self.not_ruled_out)
    }

    fn doubt(&mut self, executed: usize) {
        self.not_ruled_out = self.not_ruled_out.max(executed);
    }

    /// Goes on along a path to the next jump that can go both ways, or to the end.
    fn follow(&mut self, mut path: Path, waiting: &mut Vec<Path>) {
        while self.at_most(&path) > self.longest() {
            let Some(&instruction) = self.program.instructions.get(path.position) else { return };
            path.executed += 1;
            path.position += 1;
            let operand = if instruction.code & op::X == 0 { Value::Constant(instruction.k) } else { path.x };
            if let Some(condition) = instruction.condition() {
                let skips = [(true, instruction.jt), (false, instruction.jf)];
                if let (Value::Constant(a), Value::Constant(operand)) = (path.a, operand) {
                    let taken = jumps(condition, a, operand);
                    path.position += usize::from(if taken { instruction.jt } else { instruction.jf });
                    continue;
                }
                if instruction.jt == instruction.jf {
                    path.position += usize::from(instruction.jt);
                    continue;
                }
                self.jumps_left = self.jumps_left.saturating_sub(1);
                let mut ways: Vec<Path> = Vec::with_capacity(2);
                for (outcome, skip) in skips {
                    let mut way = Path { facts: self.facts.len(), news: None, ..path.clone() };
                    way.position += usize::from(skip);
                    if let (Value::Word { word, mask }, Value::Constant(k)) = (path.a, operand)
                        && !self.learn(&mut way, Fact { word, mask, condition, k, outcome })
                    {
                        continue;
                    }
                    ways.push(way);
                }
                // The longer way last: it is gone first.
                ways.sort_by_key(|way| self.at_most(way));
                waiting.extend(ways);
                return;
            }
            match instruction.code {
                code if code & 0x07 == op::RET => return self.arrive(&path),
                code if code == op::JMP | op::JA => {
                    path.position = path.position.saturating_add(instruction.k as usize);
                }
                code if code == op::ST || code == op::STX => {
                    let value = if code == op::ST { path.a } else { path.x };
                    if let Some(scratch) = path.scratch.get_mut(instruction.k as usize) {
                        *scratch = value;
                    }
                }
                code if code == op::MISC | op::TAX => path.x = path.a,
                code if code == op::MISC | op::TXA => path.a = path.x,
                code if code & 0x07 == op::ALU => {
                    path.a = match (path.a, operand) {
                        (Value::Constant(a), Value::Constant(operand)) => {
                            match arithmetic(code, a, operand) {
                                Some(value) => Value::Constant(value),
                                // A division by zero ends the filter.
                                None => return self.arrive(&path),
                            }
                        }
                        (Value::Word { word, mask }, Value::Constant(k)) if code & 0xf0 == op::AND => {
                            Value::Word { word, mask: mask & k }
                        }
                        _ => Value::Unknown,
                    };
                }
                code => {
                    let loaded = match code & !op::LDX {
                        mode if mode == op::IMM => Value::Constant(instruction.k),
                        mode if mode == op::MEM => {
                            path.scratch.get(instruction.k as usize).copied().unwrap_or(Value::Unknown)
                        }
                        mode if mode == op::W | op::LEN => Value::Constant(offset::END),
                        _ => Value::Word { word: (instruction.k / 4) as u8, mask: u32::MAX },
                    };
                    *(if code & 0x07 == op::LD { &mut path.a } else { &mut path.x }) = loaded;
                }
            }
        }
    }

    /// Adds what a jump says about a word. False when no value is left.
    fn learn(&self, way: &mut Path, fact: Fact) -> bool {
        way.news = Some(fact);
        let Some(word) = way.words.get_mut(usize::from(fact.word)) else { return true };
        if fact.holds(*word) {
            return true;
        }
        let of_word = self.facts.iter().filter(|known| known.word == fact.word).copied().chain([fact]);
        match value(&of_word.collect::<Vec<_>>()) {
            Found::Value(value) => *word = value,
            Found::Nothing => return false,
            // Kept: the run at the end of the way tells whether its words pass.
            Found::GaveUp => {}
        }
        true
    }

    /// The end of a way: what its words do when the program runs on them decides whether a call goes it.
    fn arrive(&mut self, path: &Path) {
        let at = |word: u32| path.words[(word / 4) as usize];
        let long = |byte: u32| {
            let (first, second) = (u64::from(at(byte)), u64::from(at(byte + 4)));
            if self.abi.endian() == Endian::Little { first | second << 32 } else { first << 32 | second }
        };
        let call = SyscallData {
            nr: at(offset::NUMBER),
            arch: at(offset::ARCH),
            instruction_pointer: long(offset::INSTRUCTION_POINTER),
            args: std::array::from_fn(|index| long(offset::ARGUMENTS + 8 * index as u32)),
        };
        match simulate(self.program, self.abi.endian(), &call) {
            Ok(outcome) if outcome.executed == path.executed => self.found = Some((path.executed, call)),
            _ => self.doubt(path.executed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bpf::{Instruction, admit};

    const fn jump(condition: u16, k: u32, jt: u8, jf: u8) -> Instruction {
        Instruction { code: op::JMP | condition, jt, jf, k }
    }

    fn of(instructions: Vec<Instruction>) -> Worst {
        let program = Program::new(instructions);
        assert_eq!(admit(&program), Ok(()));
        worst(&program, Abi::X86_64, Budget::default())
    }

    const ALLOW: Instruction = Instruction::ret(0x7fff_0000);

    #[test]
    fn what_no_call_can_do_is_no_path() {
        // The longest way says that the number is 3 and then that it isn't.
        let contradiction = vec![
            Instruction::load(0),
            jump(op::JEQ, 3, 0, 4),
            jump(op::JEQ, 3, 2, 0),
            Instruction::load(0),
            Instruction::load(0),
            ALLOW,
            ALLOW,
        ];
        let found = of(contradiction);
        assert_eq!(found.executed, 4);
        assert_eq!(found.call.map(|call| call.nr), Some(3));
    }

    #[test]
    fn masks_and_numbers_meet() {
        // Bits 0 and 1 of an argument set, and the argument below 3: there is none.
        let program = vec![
            Instruction::load(16),
            jump(op::JGE, 3, 5, 0),
            jump(op::JSET, 1, 0, 4),
            jump(op::JSET, 2, 0, 3),
            Instruction::load(16),
            Instruction::load(16),
            ALLOW,
            ALLOW,
        ];
        assert_eq!(of(program).executed, 5);
        // Other tokens and the numbers of x32 aren't x86-64's.
        let other = vec![Instruction::load(4), jump(op::JEQ, 0xc000_003e, 1, 0), Instruction::load(4), ALLOW];
        assert_eq!(of(other).executed, 3);
        let x32 =
            vec![Instruction::load(0), jump(op::JGE, 0x4000_0000, 0, 2), jump(op::JEQ, u32::MAX, 1, 0), ALLOW, ALLOW];
        let found = of(x32);
        assert_eq!((found.executed, found.call.map(|call| call.nr)), (4, Some(u32::MAX)));
    }

    #[test]
    fn what_cannot_be_followed_is_an_upper_bound() {
        // The sum of two arguments.
        let program = vec![
            Instruction::load(16),
            Instruction::statement(op::MISC | op::TAX, 0),
            Instruction::load(24),
            Instruction::statement(op::ALU | op::ADD | op::X, 0),
            jump(op::JEQ, 0x1234_5678, 0, 1),
            Instruction::load(0),
            ALLOW,
        ];
        let found = of(program);
        assert_eq!((found.executed, found.is_exact()), (7, false));
    }

    /// Programs over the number and two words, with small constants.
    fn programs() -> impl Strategy<Value = Program> {
        let load = prop::sample::select(vec![0_u32, 16, 24]).prop_map(Instruction::load);
        let mask = (0_u32..8).prop_map(|k| Instruction::statement(op::ALU | op::AND, k));
        let conditions = prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET]);
        let test =
            (conditions, 0_u32..9, 0_u8..6, 0_u8..6).prop_map(|(condition, k, jt, jf)| jump(condition, k, jt, jf));
        let any = prop_oneof![2 => load, 1 => mask, 4 => test];
        prop::collection::vec(any, 1..24).prop_map(|mut instructions| {
            // No jump leads past the last of these.
            instructions.extend([ALLOW; 7]);
            Program::new(instructions)
        })
    }

    proptest! {
        #[test]
        fn no_call_is_longer_and_one_is_as_long(program in programs()) {
            prop_assume!(admit(&program).is_ok());
            let found = worst(&program, Abi::X86_64, Budget::default());
            prop_assert!(found.is_exact());
            // Up to 8 and above 8, each with every pattern of the four bits that constants have.
            let values = || 0..32_u64;
            let numbers = || values().chain([u64::from(u32::MAX)]);
            let most = numbers().flat_map(|nr| values().flat_map(move |a| values().map(move |b| (nr, a, b)))).map(|(nr, a, b)| {
                let call = SyscallData::new(Abi::X86_64.token(), nr as u32, [a, b, 0, 0, 0, 0]);
                simulate(&program, Endian::Little, &call).unwrap().executed
            });
            prop_assert_eq!(Some(found.executed), most.max());
        }
    }
}
