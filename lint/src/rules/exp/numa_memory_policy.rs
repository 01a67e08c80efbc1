//! # numa-memory-policy
//!
//! ## What
//! `move_pages`, `migrate_pages`, `mbind`, `set_mempolicy` or `set_mempolicy_home_node` is within reach.
//!
//! ## Why
//! They place memory on the nodes of the machine, which is the scheduler's business and that of whoever else runs there.
//! Their code is long and seldom used; Docker allows most of them with `CAP_SYS_NICE` alone.
//!
//! ## Example
//! ```gate at="mbind"
//! deny: all
//! allow: mbind
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: get_mempolicy
//! when cap SYS_NICE { allow: mbind, set_mempolicy }
//! ```
//!
//! ## Fix
//! `when cap SYS_NICE { allow: mbind, set_mempolicy }`. Databases and virtual machines that bind memory to nodes need them.
//!
//! ## Sources
//! - numa(7)
//! - moby e61b713 (the rule for `CAP_SYS_NICE`); Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP017", "numa-memory-policy", Severity::Note, check);

const CALLS: [&str; 5] = ["move_pages", "migrate_pages", "mbind", "set_mempolicy", "set_mempolicy_home_node"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "it places memory on the nodes of the machine")
}
