//! The calls that lead to a vulnerability: data/triggers.tsv.

use std::sync::OnceLock;

use callgate_compiler::abi::Abi;
use callgate_grammar::tree::Version;

use crate::rows::{rows, version};

/// Something that must be called, in any of several ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What the data calls it.
    pub name: &'static str,
    /// The ways, the plainest first.
    pub ways: Vec<Way>,
}

/// One way to pull a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// In the policy language; `*` for any call.
    pub call: &'static str,
    /// Through these ABIs; empty: through all.
    pub(crate) abis: Vec<Abi>,
    /// The first kernel on which the call does this, where that isn't the first to have the call.
    pub(crate) since: Option<Version>,
}

impl Way {
    /// Whether it is one on an ABI under a kernel.
    pub(crate) fn counts(&self, abi: Abi, kernel: Version) -> bool {
        (self.abis.is_empty() || self.abis.contains(&abi)) && self.since.is_none_or(|since| since <= kernel)
    }
}

/// Every trigger, in the file's order.
#[must_use]
pub fn triggers() -> &'static [Trigger] {
    static KNOWN: OnceLock<Vec<Trigger>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        rows(include_str!("../../data/triggers.tsv"))
            .map(|[name, ways]| Trigger { name, ways: ways.split(" | ").map(way).collect() })
            .collect()
    })
}

pub(super) fn trigger(name: &str) -> Option<&'static Trigger> {
    triggers().iter().find(|trigger| trigger.name == name)
}

/// Reads `clone3`, `x86,arm:setsockopt(…)` and `io_uring_setup@5.19`.
fn way(text: &'static str) -> Way {
    let (call, since) = match text.rsplit_once('@') {
        Some((call, since)) => (call, version(since)),
        None => (text, None),
    };
    let listed = |names: &str| names.split(',').map(str::parse).collect::<Result<Vec<Abi>, ()>>().ok();
    match call.split_once(':').and_then(|(names, call)| Some((listed(names)?, call))) {
        Some((abis, call)) => Way { call, abis, since },
        None => Way { call, abis: Vec::new(), since },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::exposure::vulnerabilities;
    use crate::pattern::pattern;

    #[test]
    fn every_way_is_a_call_somewhere() {
        for trigger in triggers() {
            for way in trigger.ways.iter().filter(|way| way.call != "*") {
                let abis = if way.abis.is_empty() { Abi::ALL } else { way.abis.as_slice() };
                assert!(abis.iter().any(|&abi| pattern(abi, way.call).is_some()), "{}: {}", trigger.name, way.call);
            }
        }
    }

    #[test]
    fn every_trigger_is_asked_for_once() {
        let names: BTreeSet<_> = triggers().iter().map(|trigger| trigger.name).collect();
        let asked: BTreeSet<_> = vulnerabilities().iter().flat_map(|one| &one.triggers).map(|one| one.name).collect();
        assert_eq!((names.len(), &names), (triggers().len(), &asked));
    }

    #[test]
    fn what_stands_around_a_call_is_read() {
        let one = way("x86,arm:setsockopt(level in {IPPROTO_IP, IPPROTO_IPV6}, optname == 64)@5.1");
        assert_eq!(one.call, "setsockopt(level in {IPPROTO_IP, IPPROTO_IPV6}, optname == 64)");
        assert_eq!((one.abis, one.since), (vec![Abi::X86, Abi::Arm], Some(Version { major: 5, minor: 1 })));
    }
}
