//! # unconstrained-personality
//!
//! ## What
//! `personality` is within reach with a flag that weakens a process: `READ_IMPLIES_EXEC`, `ADDR_NO_RANDOMIZE`,
//! `MMAP_PAGE_ZERO` or `ADDR_COMPAT_LAYOUT`.
//!
//! ## Why
//! They make every readable page executable, put everything where an attacker expects it, and map address 0. The flags last
//! across `execve`, so that a process sets them for the program that it starts (personality(2)); only one that gains
//! privileges by it is spared (`PER_CLEAR_ON_SETID`, include/linux/personality.h, Linux 6.12).
//!
//! ## Example
//! ```gate at="personality"
//! deny: all
//! allow: personality
//! ```
//! ```gate at="personality(persona & 0xff == 0)"
//! deny: all
//! allow: personality(persona & 0xff == 0)
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: personality(persona in {PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, 0xffffffff})
//! ```
//!
//! ## Fix
//! `allow: personality(persona in {PER_LINUX, PER_LINUX32, 0xffffffff})`; 0xffffffff asks and changes nothing.
//!
//! ## Sources
//! - personality(2)
//! - moby, profiles/seccomp/default.json, the rules for personality

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::{Power, reach};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP014", "unconstrained-personality", Severity::Warning, check);

/// Flag and question; all bits set is a question of its own, and changes nothing.
const FLAGS: &[(&str, &str)] = &[
    ("READ_IMPLIES_EXEC", "personality(persona has READ_IMPLIES_EXEC, persona != 0xffffffff)"),
    ("ADDR_NO_RANDOMIZE", "personality(persona has ADDR_NO_RANDOMIZE, persona != 0xffffffff)"),
    ("MMAP_PAGE_ZERO", "personality(persona has MMAP_PAGE_ZERO, persona != 0xffffffff)"),
    ("ADDR_COMPAT_LAYOUT", "personality(persona has ADDR_COMPAT_LAYOUT, persona != 0xffffffff)"),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let powers = FLAGS.iter().map(|&(name, call)| Power { call, name, why: "" });
    reach(document, findings, powers, "`personality` weakens the process and what it starts")
}
