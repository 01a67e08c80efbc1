//! What a path through a program has learned about a 32-bit word, and a value that fits.

use crate::bpf::op;

/// A test that a path has passed: `word & mask` compared with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// Which word, counted from the start of `seccomp_data`.
    pub(super) word: u8,
    pub(super) mask: u32,
    /// `op::JEQ`, `JGT`, `JGE` or `JSET`.
    pub(super) condition: u16,
    pub(super) k: u32,
    /// How the test came out.
    pub(super) outcome: bool,
}

impl Fact {
    /// Whether a value passes.
    pub(super) fn holds(&self, value: u32) -> bool {
        self.partly(value, 0) == Some(true)
    }

    /// Which of these bits the test looks at.
    fn open(&self, open: u32) -> u32 {
        let looked_at = if self.condition == op::JSET { self.mask & self.k } else { self.mask };
        open & looked_at
    }

    /// Whether every value passes that has these bits where `open` is clear; `None` when some may and some not.
    fn partly(&self, bits: u32, open: u32) -> Option<bool> {
        let least = bits & self.mask;
        let most = (bits | open) & self.mask;
        let known = match self.condition {
            op::JEQ if (least ^ self.k) & !(open & self.mask) != 0 => Some(false),
            op::JEQ => (least == most).then_some(true),
            op::JGE => ordered(least >= self.k, most >= self.k),
            op::JGT => ordered(least > self.k, most > self.k),
            _ => ordered(least & self.k != 0, most & self.k != 0),
        };
        known.map(|known| known == self.outcome)
    }
}

/// Tests that only grow with the value's bits: true for the least is true for all, false for the most is false for all.
fn ordered(of_least: bool, of_most: bool) -> Option<bool> {
    match (of_least, of_most) {
        (true, _) => Some(true),
        (_, false) => Some(false),
        _ => None,
    }
}

/// What a search for a value came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This one passes every test.
    Value(u32),
    /// None does.
    Nothing,
    /// The search was too long.
    GaveUp,
}

/// The most values of leading bits looked at. What compilers make needs a few dozen.
const LONGEST_SEARCH: usize = 20_000;

/// A value that passes all these tests of one word. Settles one bit after another, first those of the test that has the
/// fewest open, so that tests of single bits contradict each other at once; and tries ones first, since most tests of a
/// path say what a word is not, and large values are rarely named.
pub(super) fn value(facts: &[Fact]) -> Found {
    // Settled bits, and those still open.
    let mut waiting = vec![(0_u32, u32::MAX)];
    let mut looked_at = 0;
    while let Some((bits, open)) = waiting.pop() {
        looked_at += 1;
        if looked_at > LONGEST_SEARCH {
            return Found::GaveUp;
        }
        let Some(undecided) = undecided(facts, bits, open) else { continue };
        let Some(next) = undecided.min_by_key(|fact| fact.open(open).count_ones()) else { return Found::Value(bits) };
        // A test with no bit open is decided.
        let bit = next.open(open).checked_ilog2().map_or(0, |bit| 1 << bit);
        waiting.push((bits, open & !bit));
        waiting.push((bits | bit, open & !bit));
    }
    Found::Nothing
}

/// The tests that some of the values pass; `None` when there is one that none passes.
fn undecided(facts: &[Fact], bits: u32, open: u32) -> Option<impl Iterator<Item = &Fact>> {
    let fails = facts.iter().any(|fact| fact.partly(bits, open) == Some(false));
    (!fails).then(|| facts.iter().filter(move |fact| fact.partly(bits, open).is_none()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let condition = prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET]);
        let small = 0_u32..16;
        let fact = (prop::sample::select(vec![u32::MAX, 7, 5, 10, 0]), condition, small, any::<bool>());
        prop::collection::vec(
            fact.prop_map(|(mask, condition, k, outcome)| Fact { word: 0, mask, condition, k, outcome }),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn a_value_is_found_exactly_when_there_is_one(facts in facts()) {
            let below_16 = Fact { word: 0, mask: u32::MAX, condition: op::JGE, k: 16, outcome: false };
            let facts = [facts, vec![below_16]].concat();
            let passes = |value: u32| facts.iter().all(|fact| fact.holds(value));
            match value(&facts) {
                Found::Value(value) => prop_assert!(passes(value)),
                Found::Nothing => prop_assert!(!(0..16).any(passes)),
                Found::GaveUp => prop_assert!(false, "four bits are few"),
            }
        }

        #[test]
        fn a_fact_is_what_the_machine_does(word in any::<u32>(), mask in any::<u32>(), k in any::<u32>(),
            condition in prop::sample::select(vec![op::JEQ, op::JGT, op::JGE, op::JSET])) {
            let fact = Fact { word: 0, mask, condition, k, outcome: true };
            prop_assert_eq!(fact.holds(word), crate::bpf::jumps(condition, word & mask, k));
        }
    }

    #[test]
    fn a_table_full_of_holes() {
        let not = |k| Fact { word: 0, mask: u32::MAX, condition: op::JEQ, k, outcome: false };
        let below = Fact { word: 0, mask: u32::MAX, condition: op::JGE, k: 470, outcome: false };
        let mut facts: Vec<_> = (0..470).filter(|&k| k != 123).map(not).collect();
        facts.push(below);
        assert_eq!(value(&facts), Found::Value(123));
        facts.push(not(123));
        assert_eq!(value(&facts), Found::Nothing);
    }
}
