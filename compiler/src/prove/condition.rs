//! Questions about conditions: can both hold, can one hold without the other, can it hold at all, does it matter.

use super::Budget;
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::action::Action;
use crate::call::SyscallData;
use crate::condition::{Atom, Condition};
use crate::policy::CallPolicy;

/// Whether there are argument words of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// There are none.
    Never,
    /// These. Bits that don't matter are zero.
    At([u64; 6]),
    /// The budget is used up.
    Undecided,
}

/// Whether one condition holds wherever another does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implication {
    /// It does.
    Holds,
    /// Not for these argument words. Bits that don't matter are zero.
    Fails([u64; 6]),
    /// The budget is used up.
    Undecided,
}

/// Whether both conditions hold for some argument words.
#[must_use]
pub fn overlap(a: &Condition, b: &Condition, budget: Budget) -> Overlap {
    first(budget, |diagrams| {
        let a = condition(diagrams, Layout::PLAIN, a)?;
        if a == Function::FALSE {
            return Ok(a);
        }
        let b = condition(diagrams, Layout::PLAIN, b)?;
        diagrams.and(a, b)
    })
}

/// Whether the condition holds for some argument words.
#[must_use]
pub fn satisfiable(a: &Condition, budget: Budget) -> Overlap {
    first(budget, |diagrams| condition(diagrams, Layout::PLAIN, a))
}

/// Whether `b` holds wherever `a` does.
#[must_use]
pub fn implies(a: &Condition, b: &Condition, budget: Budget) -> Implication {
    let counterexample = first(budget, |diagrams| {
        let a = condition(diagrams, Layout::PLAIN, a)?;
        let b = condition(diagrams, Layout::PLAIN, b)?;
        let not_b = diagrams.not(b)?;
        diagrams.and(a, not_b)
    });
    match counterexample {
        Overlap::Never => Implication::Holds,
        Overlap::At(args) => Implication::Fails(args),
        Overlap::Undecided => Implication::Undecided,
    }
}

/// Argument words that two call policies treat differently: a clause changes nothing when its call is the same without it.
/// The same is what the kernel does the same ([`Action::from_ret`]).
#[must_use]
pub fn call_difference(a: &CallPolicy, b: &CallPolicy, budget: Budget) -> Overlap {
    first_difference(budget, |diagrams| {
        let a = call(diagrams, Layout::PLAIN, a, &Function::constant)?;
        let b = call(diagrams, Layout::PLAIN, b, &Function::constant)?;
        Ok((a, b))
    })
}

/// Argument words for which the built function is true.
fn first(budget: Budget, build: impl FnOnce(&mut Diagrams) -> Result<Function, OutOfNodes>) -> Overlap {
    first_difference(budget, |diagrams| Ok((build(diagrams)?, Function::FALSE)))
}

/// Argument words for which the two built functions differ.
fn first_difference(
    budget: Budget,
    build: impl FnOnce(&mut Diagrams) -> Result<(Function, Function), OutOfNodes>,
) -> Overlap {
    let mut diagrams = Diagrams::new(budget.nodes);
    let Ok((a, b)) = build(&mut diagrams) else { return Overlap::Undecided };
    if a == b { Overlap::Never } else { Overlap::At(smallest_difference(&diagrams, a, b)) }
}

/// The smallest argument words for which two different functions differ. Bits that don't matter are zero.
pub(super) fn smallest_difference(diagrams: &Diagrams, mut a: Function, mut b: Function) -> [u64; 6] {
    let mut data = SyscallData::new(0, 0, [0; 6]);
    // Different functions differ in one half at least.
    while let Some(level) = diagrams.top(a, b) {
        let (a_low, a_high) = diagrams.halves(a, level);
        let (b_low, b_high) = diagrams.halves(b, level);
        if a_low == b_low {
            Layout::PLAIN.set(&mut data, level);
            (a, b) = (a_high, b_high);
        } else {
            (a, b) = (a_low, b_low);
        }
    }
    data.args
}

/// A condition as a function.
pub(super) fn condition(
    diagrams: &mut Diagrams,
    layout: Layout,
    condition: &Condition,
) -> Result<Function, OutOfNodes> {
    match condition {
        Condition::Always => Ok(Function::TRUE),
        Condition::Atom(atom) => self::atom(diagrams, layout, atom),
        Condition::Not(inner) => {
            let inner = self::condition(diagrams, layout, inner)?;
            diagrams.not(inner)
        }
        Condition::All(parts) => parts.iter().try_fold(Function::TRUE, |all, part| {
            let part = self::condition(diagrams, layout, part)?;
            diagrams.and(all, part)
        }),
        Condition::Any(parts) => parts.iter().try_fold(Function::FALSE, |any, part| {
            let part = self::condition(diagrams, layout, part)?;
            diagrams.or(any, part)
        }),
    }
}

fn atom(diagrams: &mut Diagrams, layout: Layout, atom: &Atom) -> Result<Function, OutOfNodes> {
    let bits = layout.arg(atom.arg, atom.mask & atom.width.max());
    let mut pieces = vec![(0, Function::FALSE)];
    for &(low, high) in atom.values.ranges() {
        if low == 0 {
            pieces.clear();
        }
        pieces.push((low, Function::TRUE));
        pieces.extend(high.checked_add(1).map(|after| (after, Function::FALSE)));
    }
    diagrams.by_word(&bits, &pieces)
}

/// What one call does as a function of its arguments; `terminal` stands for each action.
pub(super) fn call(
    diagrams: &mut Diagrams,
    layout: Layout,
    call: &CallPolicy,
    terminal: &dyn Fn(Action) -> Function,
) -> Result<Function, OutOfNodes> {
    call.clauses.iter().rev().try_fold(terminal(call.otherwise.action), |later, clause| {
        let condition = condition(diagrams, layout, &clause.condition)?;
        diagrams.choose(condition, terminal(clause.decision.action), later)
    })
}
