//! Functions of one 32-bit word, as diagrams over its bits.
//!
//! Where each value of a word leads is a diagram whose inner nodes look at one bit, the highest first, and whose ends are
//! numbers. Nodes are hash-consed and no node has equal branches, so equal functions are equal ids, whatever mixture of masks
//! and ranges they were written as. An end may also be [`ANY`]: no call comes there, so any end will do.

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

    /// For every inner node of a function, the bit it looks at and its branches.
    fn inner_nodes(&mut self, function: Function) -> Vec<(u8, Function, Function)> {
        self.mark += 1;
        self.marks.resize(self.nodes.len(), 0);
        let mut open = vec![function];
        let mut found = Vec::new();
        while let Some(id) = open.pop() {
            let mark = &mut self.marks[id.0 as usize];
            if *mark == self.mark {
                continue;
            }
            *mark = self.mark;
            if let Node::Bit { bit, zero, one } = self.node(id) {
                found.push((bit, zero, one));
                open.extend([zero, one]);
            }
        }
        found
    }

    /// The law of free bits: a bit on which no two values that calls come with differ can be left out,
    /// `f(x) = g(x & !bit)` where `f(x with bit)` and `f(x without it)` are the same or one of them is [`ANY`].
    ///
    /// Leaves out one bit after the other, from the lowest up or from the highest down.
    pub(super) fn without_free_bits(&mut self, mut function: Function, upwards: bool) -> Result<Function, OverBudget> {
        let mut nodes = self.inner_nodes(function);
        for step in 0..32_u8 {
            let bit = if upwards { step } else { 31 - step };
            if self.support(function) >> bit & 1 == 0
                || nodes.iter().any(|&(own, zero, one)| own == bit && self.clash(zero, one))
            {
                continue;
            }
            if let Some(less) = self.without_bit(function, bit, &mut FxHashMap::default())? {
                function = less;
                nodes = self.inner_nodes(function);
            }
        }
        Ok(function)
    }

    /// Whether the ends alone show that two functions differ where calls come. Cheap before dear: most bits fail here.
    fn clash(&self, zero: Function, one: Function) -> bool {
        let all_come = |function| self.facts(function).all_come;
        match (self.ends(zero), self.ends(one)) {
            (Ends::One(zero), Ends::One(one)) if zero == one => false,
            (Ends::None, _) | (_, Ends::None) => false,
            (Ends::Many, Ends::One(_)) => all_come(one),
            (Ends::One(_), Ends::Many) => all_come(zero),
            (Ends::One(_), Ends::One(_)) => all_come(zero) || all_come(one),
            (Ends::Many, Ends::Many) => zero != one && all_come(zero) && all_come(one),
        }
    }

    fn without_bit(
        &mut self,
        function: Function,
        dropped: u8,
        done: &mut FxHashMap<Function, Option<Function>>,
    ) -> Result<Option<Function>, OverBudget> {
        let Node::Bit { bit, zero, one } = self.node(function) else { return Ok(Some(function)) };
        if bit < dropped {
            return Ok(Some(function));
        }
        if let Some(&known) = done.get(&function) {
            return Ok(known);
        }
        self.step()?;
        let result = if bit == dropped {
            let mut same = true;
            let merged = self.combine(zero, one, &mut |zero, one| {
                same &= zero == one || zero == ANY || one == ANY;
                if zero == ANY { one } else { zero }
            })?;
            same.then_some(merged)
        } else {
            match (self.without_bit(zero, dropped, done)?, self.without_bit(one, dropped, done)?) {
                (Some(zero), Some(one)) => Some(self.bit(bit, zero, one)?),
                _ => None,
            }
        };
        done.insert(function, result);
        Ok(result)
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = (u32, Vec<(u32, u32)>)> {
        let ranges = prop::collection::vec((0_u32..40, 0_u32..4), 0..4).prop_map(|ranges| {
            let set =
                crate::condition::ValueSet::of(ranges.into_iter().map(|(at, span)| (at.into(), (at + span).into())));
            set.ranges().iter().map(|&(low, high)| (low as u32, high as u32)).collect()
        });
        (prop_oneof![Just(u32::MAX), 0_u32..64], ranges)
    }

    fn holds((mask, ranges): &(u32, Vec<(u32, u32)>), value: u32) -> bool {
        ranges.iter().any(|&(low, high)| (low..=high).contains(&(value & mask)))
    }

    fn values() -> std::ops::Range<u32> {
        0..128
    }

    proptest! {
        /// A test is its set; a combination is the combined ends; runs are the function.
        #[test]
        fn functions_are_what_they_say(one in set(), other in set(), more in 0_u32..64) {
            let mut functions = Functions::default();
            functions.allow(10_000);
            let a = functions.test(one.0, &one.1).unwrap();
            let b = functions.test(other.0, &other.1).unwrap();
            let both = functions.combine(a, b, &mut |a, b| a * 2 + b).unwrap();
            let given = functions.given(both, b, true).unwrap();
            for value in values() {
                let (a, b) = (u32::from(holds(&one, value)), u32::from(holds(&other, value)));
                prop_assert_eq!(functions.end(both, value), a * 2 + b);
                prop_assert_eq!(functions.end(given, value), if b == 1 { a * 2 + b } else { ANY });
            }
            let mask = functions.support(given) | more;
            let runs = functions.runs(given, mask, 1000);
            // Of all 32 bits it may take too long to say.
            prop_assert!(runs.is_some() || mask > 127);
            for run in runs.unwrap_or_default() {
                prop_assert_eq!(functions.end(given, run.first), run.end);
                prop_assert_eq!(functions.end(given, run.last), run.end);
                for value in values().filter(|value| (run.first..=run.last).contains(&(value & mask))) {
                    let end = functions.end(given, value);
                    prop_assert!(end == run.end || end == ANY);
                }
            }
        }

        /// The law of free bits, against its definition, for every value.
        #[test]
        fn a_free_bit_can_go(one in set(), known in set(), bit in 0_u8..7) {
            let mut functions = Functions::default();
            functions.allow(10_000);
            let f = functions.test(one.0, &one.1).unwrap();
            let care = functions.test(known.0, &known.1).unwrap();
            let f = functions.given(f, care, true).unwrap();
            let g = functions.without_bit(f, bit, &mut FxHashMap::default()).unwrap();
            let clash = functions.inner_nodes(f).iter().any(|&(own, zero, one)| own == bit && functions.clash(zero, one));
            prop_assert!(!clash || g.is_none());
            let free = values().all(|value| {
                let (zero, one) = (functions.end(f, value & !(1 << bit)), functions.end(f, value | 1 << bit));
                zero == one || zero == ANY || one == ANY
            });
            prop_assert_eq!(g.is_some(), free);
            for value in values() {
                let Some(g) = g else { break };
                let end = functions.end(f, value);
                prop_assert!(end == ANY || end == functions.end(g, value));
                prop_assert_eq!(functions.end(g, value), functions.end(g, value ^ 1 << bit));
            }
        }

        #[test]
        fn all_of_a_cube(one in set(), known in set(), base in 0_u32..64, free in 0_u32..64, end in 0_u32..2) {
            let mut functions = Functions::default();
            functions.allow(10_000);
            let f = functions.test(one.0, &one.1).unwrap();
            let care = functions.test(known.0, &known.1).unwrap();
            let f = functions.given(f, care, true).unwrap();
            let base = base & !free;
            let all = values().filter(|value| value & !free == base)
                .all(|value| [end, ANY].contains(&functions.end(f, value)));
            prop_assert_eq!(functions.leads_all(f, base, free, end), all);
        }
    }

    #[test]
    fn the_budget_holds() {
        let mut functions = Functions::default();
        functions.allow(20);
        assert_eq!(functions.test(u32::MAX, &[(5, 70), (900, 900)]), Err(OverBudget));
        assert!(functions.nodes.len() <= 20);
    }
}
