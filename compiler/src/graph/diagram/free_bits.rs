//! Bits that make no difference.

use rustc_hash::FxHashMap;

use super::super::OverBudget;
use super::{ANY, Ends, Function, Functions, Node};

impl Functions {
    /// For every inner node of a function, the bit it looks at and its branches.
    pub(super) fn inner_nodes(&mut self, function: Function) -> Vec<(u8, Function, Function)> {
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
    pub(in super::super) fn without_free_bits(
        &mut self,
        mut function: Function,
        upwards: bool,
    ) -> Result<Function, OverBudget> {
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
    pub(super) fn clash(&self, zero: Function, one: Function) -> bool {
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

    pub(super) fn without_bit(
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
}
