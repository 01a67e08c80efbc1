//! The tasks that were seen, and which of them still run.

use std::collections::BTreeSet;
use std::fs;

/// Every task that made a call.
#[derive(Default)]
pub(crate) struct Tasks {
    seen: BTreeSet<u32>,
    last: u32,
}

impl Tasks {
    /// Notes the task with this thread id.
    pub(crate) fn saw(&mut self, task: u32) {
        if task != self.last {
            self.last = task;
            self.seen.insert(task);
        }
    }

    /// How many processes still run of which a task was seen. A number that was given to a process without a filter since
    /// isn't counted.
    pub(crate) fn running(&self) -> u64 {
        let processes: BTreeSet<_> = self.seen.iter().filter_map(|&task| process_of(task)).collect();
        processes.len() as u64
    }
}

/// The process of a living task under a filter.
fn process_of(task: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{task}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let ended = field("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    if ended || field("Seccomp:") != Some("2") {
        return None;
    }
    field("Tgid:")?.parse().ok()
}
