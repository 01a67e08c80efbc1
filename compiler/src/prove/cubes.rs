//! What one call does, as disjoint masked equalities: the shape that formats with one comparison per argument can say.

use std::collections::HashMap;
use std::fmt;

use super::condition;
use super::diagram::{Diagrams, Function, Level};
use super::layout::Layout;
use crate::action::Action;
use crate::call::SyscallData;
use crate::policy::CallPolicy;

/// Nodes one order of the arguments may cost before it is given up.
const NODES_PER_ORDER: usize = 500_000;

/// More used arguments than this, and only which comes first is tried out.
const PERMUTED_ARGUMENTS: usize = 4;

/// A conjunction of masked equalities: it holds when `args[i] & mask[i] == value[i]` for all six. A mask of zero leaves
/// the argument free. No bit of a value is outside its mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cube {
    /// The bits looked at, per argument.
    pub mask: [u64; 6],
    /// What they are.
    pub value: [u64; 6],
}

impl Cube {
    /// Whether it holds for these argument words.
    #[must_use]
    pub fn holds(&self, args: &[u64; 6]) -> bool {
        args.iter().zip(&self.mask).zip(&self.value).all(|((arg, mask), value)| arg & mask == *value)
    }
}

/// There are more cubes than the limit, or finding them takes more memory than such a list is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// The limit that was asked for.
    pub limit: usize,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it takes more than {} masked equalities", self.limit)
    }
}

impl std::error::Error for TooMany {}

/// Everything a call does: the cubes are disjoint and together hold for all arguments, so exactly one holds for each, and
/// its action is what the kernel will do ([`Action::from_ret`] of the decision's). Same call, same list.
///
/// # Errors
///
/// More than `limit` cubes.
pub fn cubes(call: &CallPolicy, limit: usize) -> Result<Vec<(Cube, Action)>, TooMany> {
    cubes_for(call, |_| true, limit)
}

/// The cubes of the actions that `keep` is true of; disjoint, and none holds where a call does something else. The limit
/// counts only them. `keep` is asked about actions as the kernel will carry them out.
///
/// An equality is one cube, a set of k words at most k, a range its binary prefixes, a masked inequality one for each
/// bit of the mask. The arguments are tried in several orders, for the shortest list.
///
/// # Errors
///
/// More than `limit` cubes.
pub fn cubes_for(
    call: &CallPolicy,
    keep: impl Fn(Action) -> bool,
    limit: usize,
) -> Result<Vec<(Cube, Action)>, TooMany> {
    // What is dropped is one function, whatever it does: the fewer terminals, the fewer paths.
    let terminal = |action| {
        let constant = Function::constant(action);
        if constant.action().is_some_and(&keep) { constant } else { Function::FALSE }
    };
    let mut best: Option<(u64, Paths)> = None;
    for order in orders(call) {
        let layout = Layout::with_order(&order);
        let mut diagrams = Diagrams::new(NODES_PER_ORDER);
        let Ok(root) = condition::call(&mut diagrams, layout, call, &terminal) else { continue };
        let mut paths = Paths { diagrams, layout, root, counts: HashMap::new() };
        let count = paths.count(root);
        if best.as_ref().is_none_or(|(fewest, _)| count < *fewest) {
            best = Some((count, paths));
        }
    }
    match best {
        Some((count, paths)) if count <= limit as u64 => Ok(paths.list()),
        _ => Err(TooMany { limit }),
    }
}

/// The orders of the arguments worth a try.
fn orders(call: &CallPolicy) -> Vec<Vec<u8>> {
    let mut used = Vec::new();
    for clause in &call.clauses {
        clause.condition.atoms(&mut |atom| used.push(atom.arg));
    }
    used.sort_unstable();
    used.dedup();
    if used.len() > PERMUTED_ARGUMENTS {
        return used.iter().map(|&first| vec![first]).collect();
    }
    let mut orders: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..used.len() {
        orders = orders
            .iter()
            .flat_map(|order| {
                used.iter().filter(|arg| !order.contains(arg)).map(|&arg| [order.as_slice(), &[arg]].concat())
            })
            .collect::<Vec<Vec<u8>>>();
    }
    orders
}

/// The paths of a diagram that end in an action.
struct Paths {
    diagrams: Diagrams,
    layout: Layout,
    root: Function,
    counts: HashMap<Function, u64>,
}

impl Paths {
    fn count(&mut self, function: Function) -> u64 {
        let Some(node) = self.diagrams.node(function) else { return u64::from(function.action().is_some()) };
        if let Some(&count) = self.counts.get(&function) {
            return count;
        }
        let count = self.count(node.low).saturating_add(self.count(node.high));
        self.counts.insert(function, count);
        count
    }

    fn list(&self) -> Vec<(Cube, Action)> {
        let mut cubes = Vec::new();
        self.walk(self.root, &mut Vec::new(), &mut cubes);
        cubes
    }

    /// `path` is the tests that lead to `function`.
    fn walk(&self, function: Function, path: &mut Vec<(Level, bool)>, cubes: &mut Vec<(Cube, Action)>) {
        if let Some(action) = function.action() {
            cubes.push((self.cube(path), action));
        }
        let Some(node) = self.diagrams.node(function) else { return };
        for (child, bit) in [(node.low, false), (node.high, true)] {
            path.push((node.level, bit));
            self.walk(child, path, cubes);
            path.pop();
        }
    }

    fn cube(&self, path: &[(Level, bool)]) -> Cube {
        let mut mask = SyscallData::new(0, 0, [0; 6]);
        let mut value = mask;
        for &(level, bit) in path {
            self.layout.set(&mut mask, level);
            if bit {
                self.layout.set(&mut value, level);
            }
        }
        Cube { mask: mask.args, value: value.args }
    }
}
