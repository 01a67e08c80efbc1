//! Functions of the bits of a call as shared trees of two-way decisions.
//!
//! Trees test bits in one order and no bit twice, nor one that makes no difference, and equal trees are one tree. So a tree
//! says which bits a decision needs, and its shape is the decision's own, whatever program it came from.

use std::collections::HashMap;

use crate::action::Action;

/// A bit's place in the order of tests: `arch`, `nr`, the six arguments, the instruction pointer, of each the highest first.
pub(super) type Level = u16;

/// The first level of `nr`; `arch` starts at 0.
pub(super) const NUMBER: Level = 32;
/// The first level of the arguments.
pub(super) const ARGUMENTS: Level = 64;
/// Levels of one argument.
pub(super) const ARGUMENT_BITS: Level = 64;
/// The first level of the instruction pointer.
pub(super) const POINTER: Level = ARGUMENTS + 6 * ARGUMENT_BITS;

/// Below every test.
const LEAF_LEVEL: Level = Level::MAX;

/// Set in a tree that is a leaf; the rest is its place among the leaves.
const LEAF: u32 = 1 << 31;

/// A function: a leaf or a test with two trees below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tree(u32);

impl Tree {
    pub(super) const FALSE: Self = Self(LEAF);
    pub(super) const TRUE: Self = Self(LEAF | 1);

    pub(super) fn truth(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    pub(super) fn is_leaf(self) -> bool {
        self.0 & LEAF != 0
    }
}

/// There are as many trees as were allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

#[derive(Clone, Copy)]
struct Test {
    level: Level,
    /// When the bit is clear, and when it is set.
    sides: [Tree; 2],
}

/// Every tree of a decompilation.
pub(super) struct Forest {
    tests: Vec<Test>,
    known: HashMap<(Level, Tree, Tree), Tree>,
    picked: HashMap<(Tree, Tree, Tree), Tree>,
    actions: Vec<Action>,
    /// Tests and choices that may still be made.
    left: usize,
}

impl Forest {
    pub(super) fn new(budget: usize) -> Self {
        Self { tests: Vec::new(), known: HashMap::new(), picked: HashMap::new(), actions: Vec::new(), left: budget }
    }

    /// Uses up some of the budget.
    pub(super) fn spend(&mut self, amount: usize) -> Result<(), Full> {
        self.left = self.left.checked_sub(amount).ok_or(Full)?;
        Ok(())
    }

    /// The constant function of an action.
    pub(super) fn leaf(&mut self, action: Action) -> Tree {
        let place = self.actions.iter().position(|known| *known == action).unwrap_or_else(|| {
            self.actions.push(action);
            self.actions.len() - 1
        });
        // At most one for each of the kernel's 2^32 return values; a program has 4096.
        Tree(LEAF | (place as u32 + 2))
    }

    /// The action of a leaf; `None` for tests and truth values.
    pub(super) fn action(&self, tree: Tree) -> Option<Action> {
        let place = tree.is_leaf().then_some(tree.0 & !LEAF)?.checked_sub(2)?;
        self.actions.get(place as usize).copied()
    }

    pub(super) fn level(&self, tree: Tree) -> Level {
        if tree.is_leaf() { LEAF_LEVEL } else { self.tests[tree.0 as usize].level }
    }

    /// What is left of a tree when the bit of a level is known. The level is not below the tree's own.
    pub(super) fn side(&self, tree: Tree, level: Level, bit: bool) -> Tree {
        if self.level(tree) == level { self.tests[tree.0 as usize].sides[usize::from(bit)] } else { tree }
    }

    fn test(&mut self, level: Level, clear: Tree, set: Tree) -> Result<Tree, Full> {
        if clear == set {
            return Ok(clear);
        }
        if let Some(&tree) = self.known.get(&(level, clear, set)) {
            return Ok(tree);
        }
        self.spend(1)?;
        let tree = Tree(self.tests.len() as u32);
        self.tests.push(Test { level, sides: [clear, set] });
        self.known.insert((level, clear, set), tree);
        Ok(tree)
    }

    /// Whether a bit of the call is set.
    pub(super) fn bit(&mut self, level: Level) -> Result<Tree, Full> {
        self.test(level, Tree::FALSE, Tree::TRUE)
    }

    /// `yes` where `when` is true, else `no`.
    pub(super) fn pick(&mut self, when: Tree, yes: Tree, no: Tree) -> Result<Tree, Full> {
        match when {
            Tree::TRUE => return Ok(yes),
            Tree::FALSE => return Ok(no),
            _ if yes == no => return Ok(yes),
            _ if yes == Tree::TRUE && no == Tree::FALSE => return Ok(when),
            _ => {}
        }
        if let Some(&tree) = self.picked.get(&(when, yes, no)) {
            return Ok(tree);
        }
        self.spend(1)?;
        let level = self.level(when).min(self.level(yes)).min(self.level(no));
        let mut sides = [Tree::FALSE; 2];
        for (bit, side) in [false, true].into_iter().zip(&mut sides) {
            let [when, yes, no] = [when, yes, no].map(|tree| self.side(tree, level, bit));
            *side = self.pick(when, yes, no)?;
        }
        let tree = self.test(level, sides[0], sides[1])?;
        self.picked.insert((when, yes, no), tree);
        Ok(tree)
    }

    pub(super) fn not(&mut self, tree: Tree) -> Result<Tree, Full> {
        self.pick(tree, Tree::FALSE, Tree::TRUE)
    }

    pub(super) fn and(&mut self, one: Tree, other: Tree) -> Result<Tree, Full> {
        self.pick(one, other, Tree::FALSE)
    }

    pub(super) fn or(&mut self, one: Tree, other: Tree) -> Result<Tree, Full> {
        self.pick(one, Tree::TRUE, other)
    }

    pub(super) fn xor(&mut self, one: Tree, other: Tree) -> Result<Tree, Full> {
        let opposite = self.not(other)?;
        self.pick(one, opposite, other)
    }

    /// Every leaf of a tree through `to`: which of two truths each action counts as.
    pub(super) fn each_leaf(&mut self, tree: Tree, to: &dyn Fn(Tree) -> Tree) -> Result<Tree, Full> {
        self.map(tree, to, &mut HashMap::new())
    }

    fn map(&mut self, tree: Tree, to: &dyn Fn(Tree) -> Tree, done: &mut HashMap<Tree, Tree>) -> Result<Tree, Full> {
        if tree.is_leaf() {
            return Ok(to(tree));
        }
        if let Some(&mapped) = done.get(&tree) {
            return Ok(mapped);
        }
        let Test { level, sides } = self.tests[tree.0 as usize];
        let clear = self.map(sides[0], to, done)?;
        let set = self.map(sides[1], to, done)?;
        let mapped = self.test(level, clear, set)?;
        done.insert(tree, mapped);
        Ok(mapped)
    }

    /// The trees reached below a level, leaves and tests alike, each once, in the order of a walk that takes clear bits first.
    pub(super) fn below(&self, tree: Tree, level: Level) -> Vec<Tree> {
        let mut found = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut waiting = vec![tree];
        while let Some(tree) = waiting.pop() {
            if !seen.insert(tree) {
                continue;
            }
            if self.level(tree) >= level {
                found.push(tree);
            } else {
                let Test { sides, .. } = self.tests[tree.0 as usize];
                waiting.extend([sides[1], sides[0]]);
            }
        }
        found
    }

    /// The levels that a tree tests, ascending.
    pub(super) fn levels(&self, tree: Tree) -> Vec<Level> {
        let mut levels = std::collections::BTreeSet::new();
        let mut seen = std::collections::HashSet::new();
        let mut waiting = vec![tree];
        while let Some(tree) = waiting.pop() {
            if !tree.is_leaf() && seen.insert(tree) {
                let Test { level, sides } = self.tests[tree.0 as usize];
                levels.insert(level);
                waiting.extend(sides);
            }
        }
        levels.into_iter().collect()
    }
}
