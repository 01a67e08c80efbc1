//! The named sets of system calls that other programs have, each of one version: facts with their source in the data files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Sets by name, `@` included.
#[derive(Debug, Default)]
pub(crate) struct Sets(BTreeMap<&'static str, Vec<&'static str>>);

impl Sets {
    fn read(text: &'static str) -> Self {
        let mut sets: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        let mut current = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('@') {
                current = line;
                sets.entry(current).or_default();
            } else {
                sets.entry(current).or_default().extend(line.split_whitespace());
            }
        }
        Self(sets)
    }

    /// Every set's name, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The calls of a set and of the sets in it, sorted; `None` when there is no such set. Some are of ABIs that the tables
    /// don't know.
    pub(crate) fn calls(&self, name: &str) -> Option<BTreeSet<&'static str>> {
        let mut calls = BTreeSet::new();
        let mut waiting: Vec<&'static str> = self.0.get(name)?.clone();
        let mut seen = BTreeSet::new();
        while let Some(member) = waiting.pop() {
            match self.0.get_key_value(member) {
                Some((set, members)) => {
                    if seen.insert(*set) {
                        waiting.extend(members);
                    }
                }
                None => {
                    calls.insert(member);
                }
            }
        }
        Some(calls)
    }

    /// Whether a set has this call.
    pub(crate) fn has(&self, call: &str) -> bool {
        self.0.values().any(|members| members.contains(&call))
    }
}

/// systemd's sets as version 252 has them.
pub(crate) fn systemd() -> &'static Sets {
    static SETS: OnceLock<Sets> = OnceLock::new();
    SETS.get_or_init(|| Sets::read(include_str!("../systemd_sets_252.txt")))
}

/// firejail's groups as version 0.9.80 has them.
pub(crate) fn firejail() -> &'static Sets {
    static SETS: OnceLock<Sets> = OnceLock::new();
    SETS.get_or_init(|| Sets::read(include_str!("../firejail_groups.txt")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_in_a_set_is_there_and_no_call_is_in_twice() {
        for sets in [systemd(), firejail()] {
            for (name, members) in &sets.0 {
                let distinct: BTreeSet<_> = members.iter().collect();
                assert_eq!(distinct.len(), members.len(), "{name}");
                for member in members.iter().filter(|member| member.starts_with('@')) {
                    assert!(sets.0.contains_key(member), "{name} has {member}");
                }
                assert!(sets.calls(name).expect("a set").iter().all(|call| !call.starts_with('@')), "{name}");
            }
        }
        assert!(systemd().calls("@default").expect("a set").contains("execve"));
        assert!(systemd().calls("@system-service").expect("a set").contains("openat"));
        assert!(firejail().calls("@default-nodebuggers").expect("a set").contains("mount"));
        assert!(systemd().calls("@nothing").is_none());
    }
}
