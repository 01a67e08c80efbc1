//! What one call does, as masked equalities: the shape that formats with one comparison per argument can say.

use std::fmt;

use super::condition;
use super::cube_sets::{CubeSetId, CubeSets};
use super::diagram::{Diagrams, Function, OutOfNodes};
use super::layout::Layout;
use crate::action::Action;
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
    shortest(call, limit, |diagrams, layout| {
        // What is dropped is one function, whatever it does: the fewer terminals, the fewer paths.
        let terminal = |action| {
            let constant = Function::constant(action);
            if constant.action().is_some_and(&keep) { constant } else { Function::FALSE }
        };
        let root = condition::call(diagrams, layout, call, &terminal)?;
        let mut sets = CubeSets::default();
        let paths = sets.paths(diagrams, root)?;
        Ok((sets, paths))
    })
}

/// The shortest list of cubes found for the actions that `keep` is true of, where cubes of one action may overlap: none can
/// be left out, and none holds where a call does something else; never more than [`cubes_for`]. For formats whose rules are
/// alternatives.
///
/// `arg0 == 1 || arg1 == 2` is two cubes here, and 33 disjoint ones.
///
/// # Errors
///
/// More than `limit` cubes.
pub fn cover_for(
    call: &CallPolicy,
    keep: impl Fn(Action) -> bool,
    limit: usize,
) -> Result<Vec<(Cube, Action)>, TooMany> {
    let decided = call.clauses.iter().map(|clause| &clause.decision).chain([&call.otherwise]);
    let mut actions: Vec<_> = decided.map(|decision| Action::from_ret(decision.action.ret())).collect();
    actions.retain(|&action| keep(action));
    actions.sort_unstable();
    actions.dedup();
    shortest(call, limit, |diagrams, layout| {
        let mut sets = CubeSets::default();
        let mut all = CubeSetId::NONE;
        for &action in &actions {
            let constant = Function::constant(action);
            let is_it = |other| if Function::constant(other) == constant { Function::TRUE } else { Function::FALSE };
            let wanted = condition::call(diagrams, layout, call, &is_it)?;
            // Usually the shorter; but neither is the shortest there is, and disjoint cubes are a cover too.
            let (cover, paths) = (sets.cover(diagrams, wanted)?, sets.paths(diagrams, wanted)?);
            let shorter = if sets.count(paths) < sets.count(cover) { paths } else { cover };
            let labelled = sets.labelled(shorter, action);
            all = sets.either(all, labelled);
        }
        Ok((sets, all))
    })
}

/// The shortest list over the orders of the arguments; the first such.
fn shortest(
    call: &CallPolicy,
    limit: usize,
    build: impl Fn(&mut Diagrams, Layout) -> Result<(CubeSets, CubeSetId), OutOfNodes>,
) -> Result<Vec<(Cube, Action)>, TooMany> {
    let of_order = |order: Vec<u8>| {
        let layout = Layout::with_order(&order);
        let (sets, all) = build(&mut Diagrams::new(NODES_PER_ORDER), layout).ok()?;
        Some((sets.count(all), sets, all, layout))
    };
    match orders(call).into_iter().filter_map(of_order).min_by_key(|&(count, ..)| count) {
        Some((count, sets, all, layout)) if count <= limit as u64 => Ok(sets.list(all, layout)),
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
                let unused = used.iter().filter(|arg| !order.contains(arg));
                unused.map(|&arg| [order.as_slice(), &[arg]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    orders
}
