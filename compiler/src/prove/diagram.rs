//! Reduced ordered decision diagrams with many terminals (MTBDDs), hash-consed: equal functions are equal ids.
//!
//! A node tests one input bit, its level; levels only grow from the root down. Two functions built in one [`Diagrams`]
//! are the same function exactly when their ids are the same, which is what makes a proof a comparison of two numbers.
//! Every operation is bounded: by the budget in memory and time, by the number of levels in recursion.

use super::Cost;
use crate::action::Action;

/// The position of an input bit in the order of tests.
pub(super) type Level = u16;

/// Below every node: the level of a terminal.
const TERMINAL_LEVEL: Level = Level::MAX;

/// Set in the id of a terminal; the rest is its kind (bits 16 up) and its data.
const TERMINAL: u32 = 0x8000_0000;

/// The operation cache never grows past this many entries (16 bytes each). It forgets; only speed depends on it.
const CACHE_LIMIT: usize = 1 << 20;

/// The sizes that the tables start with: most questions are about one call.
const SMALLEST: usize = 1 << 8;

/// How many steps of [`Diagrams::choose`] one node of the budget pays for. A forgetful cache can repeat work, so memory
/// alone would not bound time.
const STEPS_PER_NODE: usize = 20;

/// A function of the input bits: its root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Function(u32);

impl Function {
    pub(super) const FALSE: Self = Self(TERMINAL | 8 << 16);
    pub(super) const TRUE: Self = Self(TERMINAL | 9 << 16);

    /// The constant function of an action, as the kernel will carry it out ([`Action::from_ret`]).
    pub(super) fn constant(action: Action) -> Self {
        let (kind, data) = match Action::from_ret(action.ret()) {
            Action::KillProcess => (0, 0),
            Action::KillThread => (1, 0),
            Action::Trap(data) => (2, data),
            Action::Errno(data) => (3, data),
            Action::Notify => (4, 0),
            Action::Trace(data) => (5, data),
            Action::Log => (6, 0),
            Action::Allow => (7, 0),
        };
        Self(TERMINAL | kind << 16 | u32::from(data))
    }

    /// The action of a constant function; `None` for a node and for the two truth values.
    pub(super) fn action(self) -> Option<Action> {
        let data = (self.0 & 0xffff) as u16;
        match self.0 >> 16 {
            0x8000 => Some(Action::KillProcess),
            0x8001 => Some(Action::KillThread),
            0x8002 => Some(Action::Trap(data)),
            0x8003 => Some(Action::Errno(data)),
            0x8004 => Some(Action::Notify),
            0x8005 => Some(Action::Trace(data)),
            0x8006 => Some(Action::Log),
            0x8007 => Some(Action::Allow),
            _ => None,
        }
    }

    /// Whether it is constant.
    pub(super) fn is_terminal(self) -> bool {
        self.0 & TERMINAL != 0
    }
}

/// The budget is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OutOfNodes;

/// One test: `low` when the bit is zero, `high` when it is one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) level: Level,
    pub(super) low: Function,
    pub(super) high: Function,
}

#[derive(Clone, Copy)]
struct Remembered {
    question: [Function; 3],
    answer: Function,
}

/// No question starts with a constant, so this entry answers none.
const NOTHING: Remembered = Remembered { question: [Function::TRUE; 3], answer: Function::TRUE };

/// A store of diagrams.
pub(super) struct Diagrams {
    nodes: Vec<Node>,
    /// Open-addressing table of node indices, [`FREE`] where empty; at most half full.
    unique: Vec<u32>,
    cache: Vec<Remembered>,
    left: usize,
    steps_left: usize,
    steps_paid: usize,
}

const FREE: u32 = u32::MAX;

impl Diagrams {
    /// An empty store that can hold `budget` nodes.
    pub(super) fn new(budget: usize) -> Self {
        Self {
            nodes: Vec::new(),
            unique: vec![FREE; SMALLEST],
            cache: vec![NOTHING; SMALLEST],
            left: budget.min(TERMINAL as usize),
            steps_left: budget.saturating_mul(STEPS_PER_NODE),
            steps_paid: 0,
        }
    }

    /// Pays for memory that is not a node, in nodes.
    pub(super) fn charge(&mut self, nodes: usize) -> Result<(), OutOfNodes> {
        self.left = self.left.checked_sub(nodes).ok_or(OutOfNodes)?;
        Ok(())
    }

    /// Pays for work that makes no node, in steps of [`Self::choose`].
    pub(super) fn charge_steps(&mut self, steps: usize) -> Result<(), OutOfNodes> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(OutOfNodes)?;
        self.steps_paid += steps;
        Ok(())
    }

    /// What has been made and done so far.
    pub(super) fn cost(&self) -> Cost {
        Cost { nodes: self.nodes.len(), steps: self.steps_paid }
    }

    /// The test at the root; `None` for a constant.
    pub(super) fn node(&self, function: Function) -> Option<Node> {
        (!function.is_terminal()).then(|| self.nodes[function.0 as usize])
    }

    /// The level of the root's test; past all others for a constant.
    pub(super) fn level(&self, function: Function) -> Level {
        if function.is_terminal() { TERMINAL_LEVEL } else { self.nodes[function.0 as usize].level }
    }

    /// The function where the bit of this level is zero, and where it is one. The level is not below the root's.
    pub(super) fn halves(&self, function: Function, level: Level) -> (Function, Function) {
        match self.node(function) {
            Some(node) if node.level == level => (node.low, node.high),
            _ => (function, function),
        }
    }

    /// The upper of two roots' levels; `None` when both are constant.
    pub(super) fn top(&self, a: Function, b: Function) -> Option<Level> {
        Some(self.level(a).min(self.level(b))).filter(|&level| level != TERMINAL_LEVEL)
    }

    /// The function that tests a bit above everything in `low` and `high`.
    pub(super) fn test(&mut self, level: Level, low: Function, high: Function) -> Result<Function, OutOfNodes> {
        if low == high {
            return Ok(low);
        }
        debug_assert!(level < self.level(low) && level < self.level(high));
        let node = Node { level, low, high };
        let mut slot = self.slot_of(node);
        loop {
            match self.unique[slot] {
                FREE => break,
                index if self.nodes[index as usize] == node => return Ok(Function(index)),
                _ => slot = (slot + 1) & (self.unique.len() - 1),
            }
        }
        self.charge(1)?;
        // `left` starts below the terminal bit, so an index never reaches it.
        let index = self.nodes.len() as u32;
        self.nodes.push(node);
        self.unique[slot] = index;
        if self.nodes.len() * 2 > self.unique.len() {
            self.grow();
        }
        Ok(Function(index))
    }

    /// The bit of this level itself.
    pub(super) fn bit(&mut self, level: Level) -> Result<Function, OutOfNodes> {
        self.test(level, Function::FALSE, Function::TRUE)
    }

    /// `then` where `condition` is true, `otherwise` where it is false.
    pub(super) fn choose(
        &mut self,
        condition: Function,
        then: Function,
        otherwise: Function,
    ) -> Result<Function, OutOfNodes> {
        match (condition, then, otherwise) {
            (Function::TRUE, ..) => return Ok(then),
            (Function::FALSE, ..) => return Ok(otherwise),
            (_, Function::TRUE, Function::FALSE) => return Ok(condition),
            _ if then == otherwise => return Ok(then),
            _ => {}
        }
        // Where it is asked, the condition is already known.
        let then = if then == condition { Function::TRUE } else { then };
        let otherwise = if otherwise == condition { Function::FALSE } else { otherwise };
        let root = self.nodes[condition.0 as usize];
        let level = root.level.min(self.level(then)).min(self.level(otherwise));
        let below = level < self.level(then) && level < self.level(otherwise);
        if below && root.low.is_terminal() && root.high.is_terminal() {
            // One bit, above everything else.
            let pick = |truth| if truth == Function::TRUE { then } else { otherwise };
            return self.test(level, pick(root.low), pick(root.high));
        }
        // Where a half of the condition is constant, only the other half goes on: one step after the other, as along a
        // comparison, and nothing to remember.
        if root.level == level && (root.low.is_terminal() || root.high.is_terminal()) {
            return self.choose_by_halves([condition, then, otherwise], level);
        }
        let question = [condition, then, otherwise];
        let remembered = self.cache[self.cache_slot(question)];
        if remembered.question == question {
            return Ok(remembered.answer);
        }
        let answer = self.choose_by_halves(question, level)?;
        let slot = self.cache_slot(question); // The cache may have grown.
        self.cache[slot] = Remembered { question, answer };
        Ok(answer)
    }

    /// [`Self::choose`] on each half, split at the uppermost level.
    fn choose_by_halves(
        &mut self,
        [condition, then, otherwise]: [Function; 3],
        level: Level,
    ) -> Result<Function, OutOfNodes> {
        self.charge_steps(1)?;
        let (condition_low, condition_high) = self.halves(condition, level);
        let (then_low, then_high) = self.halves(then, level);
        let (otherwise_low, otherwise_high) = self.halves(otherwise, level);
        let low = self.choose(condition_low, then_low, otherwise_low)?;
        let high = self.choose(condition_high, then_high, otherwise_high)?;
        self.test(level, low, high)
    }

    /// `!a`
    pub(super) fn not(&mut self, a: Function) -> Result<Function, OutOfNodes> {
        self.choose(a, Function::FALSE, Function::TRUE)
    }

    /// `a && b`
    pub(super) fn and(&mut self, a: Function, b: Function) -> Result<Function, OutOfNodes> {
        // One order of the two, so that the cache knows both.
        self.choose(a.min(b), a.max(b), Function::FALSE)
    }

    /// `a || b`
    pub(super) fn or(&mut self, a: Function, b: Function) -> Result<Function, OutOfNodes> {
        self.choose(a.min(b), Function::TRUE, a.max(b))
    }

    /// A function of one word. `bits` are the levels of its bits, most significant first, `None` for a bit that reads
    /// as zero. `pieces` are ascending: the function is `pieces[i].1` from the word `pieces[i].0` up to the next
    /// piece; the first starts at 0. Everything in the pieces is below the word.
    pub(super) fn by_word(
        &mut self,
        bits: &[Option<Level>],
        pieces: &[(u64, Function)],
    ) -> Result<Function, OutOfNodes> {
        self.by_block(bits, 0, pieces)
    }

    /// [`Self::by_word`] for the words that start with the bits already read, of which `first` is the least.
    fn by_block(
        &mut self,
        bits: &[Option<Level>],
        first: u64,
        pieces: &[(u64, Function)],
    ) -> Result<Function, OutOfNodes> {
        let (Some((&bit, rest)), true) = (bits.split_first(), pieces.len() > 1) else {
            return Ok(pieces.first().map_or(Function::FALSE, |&(_, function)| function));
        };
        let middle = first | 1 << rest.len();
        let from_middle = pieces.partition_point(|&(start, _)| start <= middle).saturating_sub(1);
        let below_middle = pieces.partition_point(|&(start, _)| start < middle).max(1);
        let low = self.by_block(rest, first, &pieces[..below_middle])?;
        match bit {
            None => Ok(low),
            Some(level) => {
                let high = self.by_block(rest, middle, &pieces[from_middle..])?;
                self.test(level, low, high)
            }
        }
    }

    fn slot_of(&self, node: Node) -> usize {
        let seed = mix(u64::from(node.low.0) << 32 | u64::from(node.high.0));
        mix(seed ^ u64::from(node.level)) as usize & (self.unique.len() - 1)
    }

    fn cache_slot(&self, [a, b, c]: [Function; 3]) -> usize {
        mix(mix(u64::from(a.0) << 32 | u64::from(b.0)) ^ u64::from(c.0)) as usize & (self.cache.len() - 1)
    }

    fn grow(&mut self) {
        let size = self.unique.len() * 2;
        self.unique = vec![FREE; size];
        for index in 0..self.nodes.len() {
            let mut slot = self.slot_of(self.nodes[index]);
            while self.unique[slot] != FREE {
                slot = (slot + 1) & (size - 1);
            }
            self.unique[slot] = index as u32;
        }
        if self.cache.len() < CACHE_LIMIT {
            let old = std::mem::replace(&mut self.cache, vec![NOTHING; size.min(CACHE_LIMIT)]);
            for remembered in old {
                let slot = self.cache_slot(remembered.question);
                self.cache[slot] = remembered;
            }
        }
    }
}

/// Spreads a key over all bits of a hash: a multiplication by the golden ratio, both halves of the product folded.
fn mix(key: u64) -> u64 {
    let product = u128::from(key) * 0x9e37_79b9_7f4a_7c15;
    (product ^ product >> 64) as u64
}
