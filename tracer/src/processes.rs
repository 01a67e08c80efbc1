//! Processes that run, by what `/proc` says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What `/proc/PID/stat` says (`proc_pid_stat(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Clock ticks after boot.
    start: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    stat_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn stat_of(text: &str) -> Option<Stat> {
    // The name may hold anything, parentheses too; fields are counted from 1, and the one behind it is the third.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start })
}

/// The parent of every process that is there.
pub(crate) fn parents() -> BTreeMap<u32, u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?.parent))).collect()
}

/// `root` and whoever descends from it.
pub(crate) fn with_descendants(root: u32, parents: &BTreeMap<u32, u32>) -> BTreeSet<u32> {
    let mut tree = BTreeSet::from([root]);
    loop {
        let children = parents.iter().filter(|(_, parent)| tree.contains(parent)).map(|(&child, _)| child);
        let grown: BTreeSet<u32> = tree.iter().copied().chain(children).collect();
        if grown.len() == tree.len() {
            return tree;
        }
        tree = grown;
    }
}

/// The process that was there first.
pub(crate) fn oldest(processes: &BTreeSet<u32>) -> Option<u32> {
    processes.iter().copied().filter_map(|pid| Some((stat(pid)?.start, pid))).min().map(|(_, pid)| pid)
}

/// Its parent.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|stat| stat.parent).filter(|&parent| parent != 0)
}

/// How many filters a process is under (`Seccomp_filters` of `proc_pid_status(5)`, since Linux 5.9).
pub(crate) fn filters(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"))?.trim().parse().ok()
}

/// What it was started as, argument by argument, as lossy UTF-8.
pub(crate) fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    bytes.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// What each runs now.
pub(crate) fn executables(processes: &BTreeSet<u32>) -> BTreeMap<u32, String> {
    let executable = |pid: u32| fs::read_link(Path::new("/proc").join(pid.to_string()).join("exe")).ok();
    processes.iter().filter_map(|&pid| Some((pid, executable(pid)?.to_string_lossy().into_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses() {
        let text = "12 (a) b (c) S 7 12 12 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4711 2 3";
        assert_eq!(stat_of(text), Some(Stat { parent: 7, start: 4711 }));
        assert_eq!(stat_of("12 (a"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (6, 5)]);
        assert_eq!(with_descendants(2, &parents), BTreeSet::from([2, 3, 4]));
        assert_eq!(with_descendants(9, &parents), BTreeSet::from([9]));
    }

    #[test]
    fn this_process_is_known() {
        let own = std::process::id();
        assert_eq!(parent(own), Some(std::os::unix::process::parent_id()));
        assert_eq!(oldest(&BTreeSet::from([own])), Some(own));
        assert!(executables(&BTreeSet::from([own])).contains_key(&own) && filters(own).is_some());
    }
}
