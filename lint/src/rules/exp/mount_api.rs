//! # mount-api
//!
//! ## What
//! A call that changes mounts is within reach: `mount`, `umount2`, `pivot_root`, or one of the calls by descriptor.
//!
//! ## Why
//! What a container sees is its mounts. The code behind them has let containers out: CVE-2022-0185 (fsconfig),
//! CVE-2022-0492 (a cgroup's `release_agent`), CVE-2021-33909 (a path too long). The calls ask for `CAP_SYS_ADMIN` in the
//! namespace that owns the mounts (fs/namespace.c, Linux 6.12), which every process holds in a user namespace of its own.
//! Without the capability and without a way to such a namespace the finding is a note.
//!
//! ## Example
//! ```gate cap=SYS_ADMIN at="mount"
//! deny: all
//! allow: mount
//! ```
//! ```gate at="fsopen"
//! deny: all
//! allow: fsopen, unshare
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read
//! when cap SYS_ADMIN { allow: mount, umount2 }
//! ```
//!
//! ## Fix
//! Leave the calls out, or allow them where the capability is given: `when cap SYS_ADMIN { allow: mount, umount2 }`.
//!
//! ## Sources
//! - `mount_namespaces(7)`, `user_namespaces(7)`
//! - Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP009", "mount-api", Severity::Error, check);

const CALLS: [&str; 12] = [
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "mounts decide what a container sees")
}
