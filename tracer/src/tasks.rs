//! The tasks that were seen, and which of them still run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every task that was seen.
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

    /// Every thread id that was noted.
    pub(crate) fn seen(&self) -> impl Iterator<Item = u32> + '_ {
        self.seen.iter().copied()
    }

    /// How many processes still run of which a task was seen, and whose `/proc/TASK/status` has the line `name` with
    /// `value`: a number may have been given to another process since. Where there is no `/proc`, at least one.
    pub(crate) fn running(&self, name: &str, value: &str) -> u64 {
        if !Path::new("/proc/self/status").exists() {
            return 1;
        }
        let processes: BTreeSet<_> = self.seen().filter_map(|task| process_of(task, name, value)).collect();
        processes.len() as u64
    }
}

/// The process of a living task.
fn process_of(task: u32, name: &str, value: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{task}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let ended = field("State:").is_some_and(|state| state.starts_with(['Z', 'X']));
    if ended || field(name) != Some(value) {
        return None;
    }
    field("Tgid:")?.parse().ok()
}
