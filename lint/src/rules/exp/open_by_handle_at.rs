//! # open-by-handle-at
//!
//! ## What
//! `open_by_handle_at` is within reach.
//!
//! ## Why
//! A handle names a file by its number on the file system, whatever the mount namespace shows: with `CAP_DAC_READ_SEARCH` a
//! container reads every file of the host's disk (the "Shocker" escape of 2014). The kernel asks for the capability
//! (fs/fhandle.c, Linux 6.12); without it the finding is a note.
//!
//! ## Example
//! ```gate cap=DAC_READ_SEARCH at="open_by_handle_at"
//! deny: all
//! allow: open_by_handle_at
//! ```
//! ```docker at="open_by_handle_at"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["open_by_handle_at"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: name_to_handle_at
//! when cap DAC_READ_SEARCH { allow: open_by_handle_at }
//! ```
//!
//! ## Fix
//! Leave it out. File servers that export by handle need it; they shouldn't be in a container with the capability.
//!
//! ## Sources
//! - `open_by_handle_at(2)`
//! - Docker documentation, "Seccomp security profiles for Docker": "Cause of an old container breakout"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP008", "open-by-handle-at", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["open_by_handle_at"], "it opens files outside of the mount namespace")
}
