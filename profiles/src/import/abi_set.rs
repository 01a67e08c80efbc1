//! A set of ABIs in a word: every rule of a file has one, and there are hundreds.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;

const _: () = assert!(Abi::ALL.len() <= 32);

/// Some ABIs. Sets compare as the ascending lists of their members do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AbiSet(u32);

fn bit(abi: Abi) -> u32 {
    1 << abi as u32
}

impl AbiSet {
    pub(crate) fn contains(self, abi: Abi) -> bool {
        self.0 & bit(abi) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Ascending.
    pub(crate) fn iter(self) -> impl Iterator<Item = Abi> {
        Abi::ALL.iter().copied().filter(move |&abi| self.contains(abi))
    }

    /// Those that are in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in the other.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn insert(&mut self, abi: Abi) {
        self.0 |= bit(abi);
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(Abi) -> bool) {
        *self = self.iter().filter(|&abi| keep(abi)).collect();
    }
}

impl FromIterator<Abi> for AbiSet {
    fn from_iter<T: IntoIterator<Item = Abi>>(abis: T) -> Self {
        Self(abis.into_iter().fold(0, |set, abi| set | bit(abi)))
    }
}

impl From<&BTreeSet<Abi>> for AbiSet {
    fn from(abis: &BTreeSet<Abi>) -> Self {
        abis.iter().copied().collect()
    }
}

impl Ord for AbiSet {
    fn cmp(&self, other: &Self) -> Ordering {
        // The lists are alike up to the lowest member that only one has. There the other goes on with a greater one, or ends.
        let differing = self.0 ^ other.0;
        if differing == 0 {
            return Ordering::Equal;
        }
        let lowest = differing & differing.wrapping_neg();
        let above = !(lowest | (lowest - 1));
        if self.0 & lowest != 0 {
            if other.0 & above != 0 { Ordering::Less } else { Ordering::Greater }
        } else if self.0 & above != 0 {
            Ordering::Greater
        } else {
            Ordering::Less
        }
    }
}

impl PartialOrd for AbiSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_set_that_the_list_is() {
        let lists: Vec<BTreeSet<Abi>> = (0..1_u32 << 6)
            .map(|bits| Abi::ALL.iter().step_by(3).copied().filter(|&abi| bits >> (abi as u32 / 3) & 1 == 1).collect())
            .collect();
        for one in &lists {
            let set = AbiSet::from(one);
            assert_eq!(set.iter().collect::<BTreeSet<_>>(), *one);
            assert_eq!((set.len(), set.is_empty()), (one.len(), one.is_empty()));
            for other in &lists {
                let others = AbiSet::from(other);
                assert_eq!(set.cmp(&others), one.cmp(other), "{one:?} {other:?}");
                assert_eq!(set.and(others), AbiSet::from(&(one & other)));
                assert_eq!(set.without(others), AbiSet::from(&(one - other)));
            }
        }
    }
}
