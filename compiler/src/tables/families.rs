//! Calls that give the same power: data/families.tsv.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::rows::rows;

/// What one member of a family is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FamilyRole {
    /// It gives what every other member gives.
    Door,
    /// It gives what the others give without asking for more in their arguments (`fork` beside `clone`): a door around a
    /// refusal, not around a condition.
    Plain,
    /// Others are doors around it; it is none around them (`process_vm_readv` beside `ptrace`).
    Kin,
    /// It gives what they give and much more (`io_uring_setup` beside `open`): a door around them, and they are none
    /// around it.
    Whole,
}

/// A call of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub call: &'static str,
    /// The constant its selector parameter must have (`F_DUPFD` of `fcntl`), when the rest of the call is something else.
    pub selector: Option<&'static str>,
    /// What it is to the others.
    pub role: FamilyRole,
}

/// The members of every family, by the family's name.
#[must_use]
pub fn families() -> &'static BTreeMap<&'static str, Vec<Member>> {
    static FAMILIES: OnceLock<BTreeMap<&'static str, Vec<Member>>> = OnceLock::new();
    FAMILIES.get_or_init(|| {
        let mut families = BTreeMap::<_, Vec<_>>::new();
        for words in rows(include_str!("../../data/families.tsv")) {
            let [family, member, role] = words.as_slice() else { continue };
            let (call, selector) = match member.split_once(':') {
                Some((call, selector)) => (call, Some(selector)),
                None => (*member, None),
            };
            let role = match *role {
                "door" => FamilyRole::Door,
                "plain" => FamilyRole::Plain,
                "whole" => FamilyRole::Whole,
                _ => FamilyRole::Kin,
            };
            families.entry(*family).or_default().push(Member { call, selector, role });
        }
        families
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Abi;
    use crate::tables;

    #[test]
    fn every_member_is_a_call_of_some_abi() {
        assert!(families().len() > 50);
        for (family, members) in families() {
            assert!(members.len() > 1, "{family}");
            for member in members {
                // Of an ABI the tables don't hold yet, or of all of them.
                let known = Abi::ALL.iter().any(|&abi| tables::number(abi, member.call).is_some());
                let elsewhere = ["accept", "send", "recv"].contains(&member.call);
                assert!(known || elsewhere || tables::names().len() < 500, "{family}: {}", member.call);
                if let Some(selector) = member.selector {
                    assert!(tables::constant(Abi::X86, selector).is_some(), "{family}: {selector}");
                }
            }
        }
        let rows = include_str!("../../data/families.tsv").lines().filter(|line| !line.starts_with('#'));
        assert!(
            rows.clone().all(|row| ["door", "plain", "kin", "whole"].contains(&row.rsplit('\t').next().unwrap_or("")))
        );
        assert_eq!(rows.count(), families().values().map(Vec::len).sum::<usize>());
    }
}
