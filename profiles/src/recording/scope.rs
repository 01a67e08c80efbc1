//! Whose calls a run holds, and from when on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose calls a run holds. Always a task's place in the kernel (its ancestry, its cgroup), never its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The command that the recorder started, and all its descendants.
    #[default]
    Command,
    /// Everything in this container's cgroup and below: the engine's id of it.
    Container(String),
    /// Everything in this cgroup and below: its path in the cgroup2 hierarchy, `/` at the front.
    Cgroup(String),
    /// This process, which ran already, and its descendants: its process id.
    Process(u32),
}

impl Scope {
    /// Whether it is [`Scope::Command`], which a file leaves out.
    #[must_use]
    pub fn is_command(&self) -> bool {
        *self == Self::Command
    }
}

impl fmt::Display for Scope {
    /// For people: `container 1f2e…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("the command"),
            Self::Container(id) => write!(f, "container {id}"),
            Self::Cgroup(path) => write!(f, "cgroup {path}"),
            Self::Process(pid) => write!(f, "process {pid}"),
        }
    }
}

/// From when on a task's calls are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// From its first.
    #[default]
    Start,
    /// From when it is under a filter that the recorder itself (a container: what started it) isn't under. What a
    /// container's runtime does before that needs no permission; what it does after, does, and is in [`super::Phase::Exec`]:
    /// nothing of the runtime's has to be added to such a run.
    Filter,
}

impl Since {
    /// Whether it is [`Since::Start`], which a file leaves out.
    #[must_use]
    pub fn is_start(&self) -> bool {
        *self == Self::Start
    }
}
