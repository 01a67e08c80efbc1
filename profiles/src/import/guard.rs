//! When a rule of a file counts: capabilities, kernels and ABIs, as one conjunction.

use std::collections::{BTreeMap, BTreeSet};

use callgate_compiler::abi::Abi;
use callgate_grammar::tree::{self as syntax, BinaryOp, GuardKind, Version};
use callgate_grammar::{Span, Spanned};

use super::abi_set::AbiSet;

/// All of this holds together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Guard {
    /// Capabilities that must be held, or must not.
    pub(crate) capabilities: BTreeMap<&'static str, bool>,
    /// The first kernel, and the first one past it.
    pub(crate) from: Option<(u16, u16)>,
    pub(crate) below: Option<(u16, u16)>,
    /// The ABIs of the call.
    pub(crate) abis: AbiSet,
}

impl Guard {
    /// Always, on these ABIs.
    pub(crate) fn on(abis: &BTreeSet<Abi>) -> Self {
        Self { capabilities: BTreeMap::new(), from: None, below: None, abis: abis.into() }
    }

    /// Both guards at once; `None` when they can't hold together.
    pub(crate) fn and(&self, other: &Self) -> Option<Self> {
        let mut both = self.clone();
        both.abis = both.abis.and(other.abis);
        both.from = both.from.max(other.from);
        both.below = match (both.below, other.below) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for (&capability, &held) in &other.capabilities {
            if *both.capabilities.entry(capability).or_insert(held) != held {
                return None;
            }
        }
        both.can_hold().then_some(both)
    }

    /// Whether some target is left; capabilities can't contradict by construction.
    fn can_hold(&self) -> bool {
        !self.abis.is_empty() && !matches!((self.from, self.below), (Some(from), Some(below)) if from >= below)
    }

    /// Where this one holds and `other` doesn't, as guards that don't meet.
    pub(crate) fn without(&self, other: &Self) -> Vec<Self> {
        if self.and(other).is_none() {
            return vec![self.clone()];
        }
        let mut outside = Vec::new();
        let mut rest = self.clone();
        outside.push(Self { abis: rest.abis.without(other.abis), ..rest.clone() });
        rest.abis = rest.abis.and(other.abis);
        if let Some(from) = other.from {
            let below = Some(rest.below.map_or(from, |below| below.min(from)));
            outside.push(Self { below, ..rest.clone() });
            rest.from = rest.from.max(Some(from));
        }
        if let Some(below) = other.below {
            outside.push(Self { from: rest.from.max(Some(below)), ..rest.clone() });
            rest.below = Some(rest.below.map_or(below, |own| own.min(below)));
        }
        for (&capability, &held) in &other.capabilities {
            if !rest.capabilities.contains_key(capability) {
                let mut not = rest.clone();
                not.capabilities.insert(capability, !held);
                outside.push(not);
                rest.capabilities.insert(capability, held);
            }
        }
        outside.retain(Self::can_hold);
        outside
    }

    /// The heads of the `when` blocks that say this, for a file that speaks for `all` ABIs; an empty head needs no block.
    pub(crate) fn heads(&self, all: &BTreeSet<Abi>, span: Span) -> Vec<Vec<Spanned<syntax::Guard>>> {
        let guard = |negated, kind| Spanned::new(syntax::Guard { negated, kind }, span);
        let name = |name: &str| Spanned::new(name.to_owned(), span);
        let kernel = |operator, (major, minor)| {
            let version = Spanned::new(Version { major, minor }, span);
            guard(false, GuardKind::Kernel(Spanned::new(operator, span), version))
        };
        let mut common = Vec::new();
        for (capability, held) in &self.capabilities {
            common.push(guard(!held, GuardKind::Cap(name(capability))));
        }
        common.extend(self.from.map(|from| kernel(BinaryOp::Ge, from)));
        common.extend(self.below.map(|below| kernel(BinaryOp::Lt, below)));
        let arch = |negated, abi: Abi| guard(negated, GuardKind::Arch(name(abi.name())));
        let missing = AbiSet::from(all).without(self.abis);
        if missing.len() < self.abis.len() {
            common.extend(missing.iter().map(|abi| arch(true, abi)));
            return vec![common];
        }
        self.abis.iter().map(|abi| common.iter().cloned().chain([arch(false, abi)]).collect()).collect()
    }
}

/// `4.8`, as Docker's `minKernel` has it.
pub(crate) fn version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    let version = Version { major: major.parse().ok()?, minor: minor.parse().ok()? };
    Some((version.major, version.minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(capabilities: &[(&'static str, bool)], from: Option<u16>, below: Option<u16>, abis: &[Abi]) -> Guard {
        Guard {
            capabilities: capabilities.iter().copied().collect(),
            from: from.map(|major| (major, 0)),
            below: below.map(|major| (major, 0)),
            abis: abis.iter().copied().collect(),
        }
    }

    fn holds(guard: &Guard, held: &[&str], kernel: u16, abi: Abi) -> bool {
        guard.capabilities.iter().all(|(name, wanted)| held.contains(name) == *wanted)
            && guard.from.is_none_or(|from| (kernel, 0) >= from)
            && guard.below.is_none_or(|below| (kernel, 0) < below)
            && guard.abis.contains(abi)
    }

    #[test]
    fn a_difference_holds_where_the_one_does_and_the_other_does_not_and_its_parts_do_not_meet() {
        let abis = [&[Abi::X86_64][..], &[Abi::X86_64, Abi::X86], &[Abi::Aarch64]];
        let capabilities: [&[_]; 4] = [&[], &[("BPF", true)], &[("BPF", false)], &[("BPF", true), ("SYSLOG", false)]];
        let kernels = [(None, None), (Some(4), None), (None, Some(5)), (Some(3), Some(6))];
        let mut guards = Vec::new();
        for abis in abis {
            for names in capabilities {
                guards.extend(kernels.map(|(from, below)| guard(names, from, below, abis)));
            }
        }
        let worlds: Vec<_> = [&[][..], &["BPF"], &["SYSLOG"], &["BPF", "SYSLOG"]]
            .into_iter()
            .flat_map(|held| (2..8).map(move |kernel| (held, kernel)))
            .flat_map(|(held, kernel)| Abi::ALL.iter().map(move |&abi| (held, kernel, abi)))
            .collect();
        for one in &guards {
            for other in &guards {
                let parts = one.without(other);
                let both = one.and(other);
                for &(held, kernel, abi) in &worlds {
                    let of = |guard: &Guard| holds(guard, held, kernel, abi);
                    let expected = usize::from(of(one) && !of(other));
                    assert_eq!(parts.iter().filter(|part| of(part)).count(), expected, "{one:?} without {other:?}");
                    assert_eq!(both.as_ref().is_some_and(of), of(one) && of(other));
                }
            }
        }
    }
}
