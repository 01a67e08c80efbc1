//! Functions of one 32-bit word, as diagrams over its bits.
//!
//! Where each value of a word leads is a diagram whose inner nodes look at one bit, the highest first, and whose ends are
//! numbers. Nodes are hash-consed and no node has equal branches, so equal functions are equal ids, whatever mixture of masks
//! and ranges they were written as. An end may also be [`ANY`]: no call comes there, so any end will do.

mod free_bits;

use rustc_hash::{FxHashMap, FxHashSet};

use super::OverBudget;

/// No call comes here with these values: whatever is there is right.
pub(super) const ANY: u32 = u32::MAX;

/// A function in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Function(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    End(u32),
    Bit { bit: u8, zero: Function, one: Function },
}

/// The ends of a function other than [`ANY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// None: no call comes here.
    None,
    /// This one.
    One(u32),
    /// At least two.
    Many,
}

impl Ends {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, ends) | (ends, Self::None) => ends,
            (Self::One(one), Self::One(other)) if one == other => self,
            _ => Self::Many,
        }
    }
}

/// A run of values of a masked word that all lead to one end, or are [`ANY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The least value that isn't [`ANY`].
    pub(super) first: u32,
    /// The greatest one.
    pub(super) last: u32,
    /// Where they lead.
    pub(super) end: u32,
}

/// A store of functions.
#[derive(Debug, Default)]
pub(super) struct Functions {
    nodes: Vec<(Node, Facts)>,
    // Looked up only.
    ids: FxHashMap<Node, Function>,
    /// How many more steps may be taken; see [`Self::allow`].
    left: usize,
    /// Used by one combination at a time; kept for its memory.
    combined: FxHashMap<(Function, Function), Function>,
    /// Of each node, the last walk that came to it.
    marks: Vec<u32>,
    mark: u32,
}

/// What is known of a function from its branches.
#[derive(Clone, Copy, Debug)]
struct Facts {
    ends: Ends,
    /// The bits it looks at.
    support: u32,
    /// No value of it is [`ANY`].
    all_come: bool,
}

impl Functions {
    /// Sets how many more steps may be taken, each a node made or two nodes combined, and says how many were left.
    pub(super) fn allow(&mut self, steps: usize) -> usize {
        std::mem::replace(&mut self.left, steps)
    }

    fn step(&mut self) -> Result<(), OverBudget> {
        self.left = self.left.checked_sub(1).ok_or(OverBudget)?;
        Ok(())
    }

    fn intern(&mut self, node: Node, facts: Facts) -> Result<Function, OverBudget> {
        if let Some(&known) = self.ids.get(&node) {
            return Ok(known);
        }
        self.step()?;
        let id = Function(u32::try_from(self.nodes.len()).map_err(|_| OverBudget)?);
        self.nodes.push((node, facts));
        self.ids.insert(node, id);
        Ok(id)
    }

    fn node(&self, function: Function) -> Node {
        self.nodes[function.0 as usize].0
    }

    /// Which ends a function has.
    pub(super) fn ends(&self, function: Function) -> Ends {
        self.facts(function).ends
    }

    fn facts(&self, function: Function) -> Facts {
        self.nodes[function.0 as usize].1
    }

    /// The same end for every value.
    pub(super) fn constant(&mut self, end: u32) -> Result<Function, OverBudget> {
        let (ends, all_come) = if end == ANY { (Ends::None, false) } else { (Ends::One(end), true) };
        self.intern(Node::End(end), Facts { ends, support: 0, all_come })
    }

    fn bit(&mut self, bit: u8, zero: Function, one: Function) -> Result<Function, OverBudget> {
        if zero == one {
            return Ok(zero);
        }
        let (below, above) = (self.facts(zero), self.facts(one));
        let facts = Facts {
            ends: below.ends.or(above.ends),
            support: below.support | above.support | 1 << bit,
            all_come: below.all_come && above.all_come,
        };
        self.intern(Node::Bit { bit, zero, one }, facts)
    }

    /// 1 where the word under the mask is in one of these ranges (ascending, disjoint), else 0.
    pub(super) fn test(&mut self, mask: u32, ranges: &[(u32, u32)]) -> Result<Function, OverBudget> {
        self.test_from(mask, ranges, 0)
    }

    /// `mask` has the bits still to be looked at; those above them are `from`.
    fn test_from(&mut self, mask: u32, ranges: &[(u32, u32)], from: u32) -> Result<Function, OverBudget> {
        let ranges = &ranges[ranges.partition_point(|&(_, last)| last < from)..];
        match ranges.first() {
            Some(&(first, last)) if first <= from && from | mask <= last => self.constant(1),
            Some(&(first, _)) if first <= from | mask => {
                let Some(bit) = mask.checked_ilog2() else { return self.constant(1) };
                let below = mask & !(1 << bit);
                let zero = self.test_from(below, ranges, from)?;
                let one = self.test_from(below, ranges, from | 1 << bit)?;
                // A bit number is below 32.
                self.bit(bit as u8, zero, one)
            }
            _ => self.constant(0),
        }
    }

    /// The function whose ends are those of two functions, combined.
    pub(super) fn combine(
        &mut self,
        one: Function,
        other: Function,
        ends: &mut dyn FnMut(u32, u32) -> u32,
    ) -> Result<Function, OverBudget> {
        let mut done = std::mem::take(&mut self.combined);
        done.clear();
        let combined = self.combine_known(one, other, ends, &mut done);
        self.combined = done;
        combined
    }

    fn combine_known(
        &mut self,
        one: Function,
        other: Function,
        ends: &mut dyn FnMut(u32, u32) -> u32,
        done: &mut FxHashMap<(Function, Function), Function>,
    ) -> Result<Function, OverBudget> {
        let (here, there) = (self.node(one), self.node(other));
        let bit = match (here, there) {
            (Node::End(end), Node::End(other)) => return self.constant(ends(end, other)),
            (Node::Bit { bit, .. }, Node::Bit { bit: other, .. }) => bit.max(other),
            (Node::Bit { bit, .. }, Node::End(_)) | (Node::End(_), Node::Bit { bit, .. }) => bit,
        };
        if let Some(&known) = done.get(&(one, other)) {
            return Ok(known);
        }
        self.step()?;
        let branches = |node, function| match node {
            Node::Bit { bit: own, zero, one } if own == bit => (zero, one),
            _ => (function, function),
        };
        let ((zero, one_branch), (other_zero, other_one)) = (branches(here, one), branches(there, other));
        let zero = self.combine_known(zero, other_zero, ends, done)?;
        let set = self.combine_known(one_branch, other_one, ends, done)?;
        let combined = self.bit(bit, zero, set)?;
        done.insert((one, other), combined);
        Ok(combined)
    }

    /// The function with [`ANY`] where a test (a function with ends 0 and 1) has not this outcome.
    pub(super) fn given(&mut self, function: Function, test: Function, outcome: bool) -> Result<Function, OverBudget> {
        self.combine(function, test, &mut |end, holds| if (holds == 1) == outcome { end } else { ANY })
    }

    /// The function with its ends replaced by those of this list; [`ANY`] stays.
    pub(super) fn with_ends(&mut self, function: Function, ends: &[u32]) -> Result<Function, OverBudget> {
        let nothing = self.constant(0)?;
        self.combine(function, nothing, &mut |end, _| ends.get(end as usize).copied().unwrap_or(ANY))
    }

    /// The bits that a function looks at.
    pub(super) fn support(&self, function: Function) -> u32 {
        self.facts(function).support
    }

    /// Whether all values `base | any of the bits in free` lead to this end or are [`ANY`].
    pub(super) fn leads_all(&self, function: Function, base: u32, free: u32, end: u32) -> bool {
        let mut open = vec![function];
        let mut seen = FxHashSet::default();
        while let Some(function) = open.pop() {
            if matches!(self.ends(function), Ends::None) || self.ends(function) == Ends::One(end) {
                continue;
            }
            let Node::Bit { bit, zero, one } = self.node(function) else { return false };
            let (set, is_free) = (base >> bit & 1 == 1, free >> bit & 1 == 1);
            let branches = [(!set).then_some(zero), (set || is_free).then_some(one)];
            open.extend(branches.into_iter().flatten().filter(|&branch| seen.insert(branch)));
        }
        true
    }

    /// The function's runs over the values of the word under a mask, which must have every bit the function looks at; `None` when
    /// there are more than `most`.
    pub(super) fn runs(&self, function: Function, mask: u32, most: usize) -> Option<Vec<Run>> {
        let mut runs = Vec::new();
        let mut visits = most.saturating_mul(40);
        self.runs_from(function, mask, 0, most, &mut visits, &mut runs).then_some(runs)
    }

    fn runs_from(
        &self,
        function: Function,
        mask: u32,
        from: u32,
        most: usize,
        visits: &mut usize,
        runs: &mut Vec<Run>,
    ) -> bool {
        let Some(left) = visits.checked_sub(1) else { return false };
        *visits = left;
        match (self.node(function), mask.checked_ilog2()) {
            (Node::End(ANY), _) => true,
            (Node::End(end), _) => {
                match runs.last_mut() {
                    Some(run) if run.end == end => run.last = from | mask,
                    _ => runs.push(Run { first: from, last: from | mask, end }),
                }
                runs.len() <= most
            }
            (Node::Bit { bit, zero, one }, Some(top)) => {
                let below = mask & !(1 << top);
                let (zero, one) = if top == u32::from(bit) { (zero, one) } else { (function, function) };
                self.runs_from(zero, below, from, most, visits, runs)
                    && self.runs_from(one, below, from | 1 << top, most, visits, runs)
            }
            (Node::Bit { .. }, None) => false,
        }
    }

    /// Where a value leads.
    pub(super) fn end(&self, function: Function, value: u32) -> u32 {
        match self.node(function) {
            Node::End(end) => end,
            Node::Bit { bit, zero, one } => self.end(if value >> bit & 1 == 1 { one } else { zero }, value),
        }
    }
}

#[cfg(test)]
mod tests;
