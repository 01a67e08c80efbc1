//! What the BPF programs are told before they are loaded.

use std::collections::BTreeMap;

use crate::cgroup::Cgroup;
use crate::record::Capacities;

/// Whose calls are counted, beside those of tasks that are marked by hand, and what is kept of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) capacities: Capacities,
    /// The tasks in this cgroup and below.
    pub(crate) cgroup: Option<Cgroup>,
    /// What is in the cgroup already has its program still to come, as a container has that is being made.
    pub(crate) starting: bool,
    /// The threads of marked processes that run already.
    pub(crate) threads: bool,
    /// Only calls of tasks under more filters than so many.
    pub(crate) more_filters_than: Option<u32>,
    /// Also calls that a filter answers.
    pub(crate) watch_denied: bool,
    /// The test that is running, for [`callgate_profiles::recording::First`].
    pub(crate) test: Option<String>,
    /// Also the stack of whoever makes a call first.
    pub(crate) stacks: bool,
    /// What processes that ran before ran then, by process id.
    pub(crate) executables: BTreeMap<u32, String>,
}

impl Plan {
    /// Whether the scope is a command that the recorder starts, and its descendants.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn is_of_a_command(&self) -> bool {
        self.cgroup.is_none() && !self.threads
    }
}
