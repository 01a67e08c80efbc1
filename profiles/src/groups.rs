//! The `@groups` of the policy language. The data is `groups.txt`, whose head says how it is written.

use std::collections::BTreeMap;
use std::sync::OnceLock;

static TEXT: &str = include_str!("../groups.txt");

/// A set of system calls with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// What it is for, in one line.
    pub description: &'static str,
    /// Names of system calls, sorted. Some exist on some ABIs only.
    pub members: Vec<&'static str>,
}

/// Every group, by its name without the `@`. A group that people know by two names is here by both.
#[must_use]
pub fn groups() -> &'static BTreeMap<&'static str, Group> {
    static GROUPS: OnceLock<BTreeMap<&'static str, Group>> = OnceLock::new();
    GROUPS.get_or_init(|| read(TEXT))
}

/// The members of a group, sorted; `name` is without the `@`.
#[must_use]
pub fn group(name: &str) -> Option<&'static [&'static str]> {
    groups().get(name).map(|group| group.members.as_slice())
}

/// Reads the data. It can't fail, since the tests hold the data to its form.
fn read(text: &'static str) -> BTreeMap<&'static str, Group> {
    let mut groups: BTreeMap<&'static str, Group> = BTreeMap::new();
    let mut current: Vec<&'static str> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((names, description)) = line.split_once(": ").filter(|_| line.starts_with('@')) {
            current = names.split_whitespace().map(|name| name.trim_start_matches('@')).collect();
            for &name in &current {
                groups.insert(name, Group { description: description.trim(), members: Vec::new() });
            }
        } else {
            for &name in &current {
                groups.entry(name).or_default().members.extend(line.split_whitespace());
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_comment_a_group_or_its_members() {
        let mut last = "";
        for line in TEXT.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.chars().count() <= 120, "{line}");
            if line.starts_with('@') {
                let (names, description) = line.split_once(": ").expect(line);
                assert!(!description.is_empty());
                assert!(names.split(' ').all(|name| name.starts_with('@') && name.len() > 1), "{line}");
                assert!(last < line, "{line} stands after {last}");
                last = line;
            } else {
                assert!(line.starts_with("    ") && !last.is_empty(), "{line}");
            }
        }
    }

    #[test]
    fn members_are_sorted_and_stand_once() {
        for (name, group) in groups() {
            assert!(!group.members.is_empty(), "@{name}");
            for pair in group.members.windows(2) {
                assert!(pair[0] < pair[1], "@{name}: {} before {}", pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn every_member_is_a_call_of_some_abi() {
        let known = callgate_compiler::tables::names();
        for (name, group) in groups() {
            for member in &group.members {
                assert!(known.binary_search(member).is_ok(), "@{name}: {member}");
            }
        }
    }

    #[test]
    fn lookups() {
        assert!(group("signals").is_some_and(|members| members.contains(&"rt_sigaction")));
        assert_eq!(group("signal"), group("signals"));
        assert_eq!(group("@signals"), None);
        assert_eq!(group("nothing"), None);
    }
}
