//! # zero-copy-primitives
//!
//! ## What
//! `vmsplice`, `splice` or `tee` is within reach.
//!
//! ## Why
//! They put pages of files and of memory into pipes without a copy, and who owns such a page has been mistaken: Dirty Pipe
//! (CVE-2022-0847, Linux 5.8 to 5.16) wrote to files that could only be read. Podman's default leaves `vmsplice` out.
//! `sendfile`, which every web server calls, gives no pipe to write to afterwards and isn't looked for.
//!
//! ## Example
//! ```gate at="vmsplice"
//! deny: all
//! allow: read, vmsplice
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: sendfile, copy_file_range
//! ```
//!
//! ## Fix
//! Leave out what the program doesn't call; `callgate record -- CMD` finds that out.
//!
//! ## Sources
//! - splice(2), vmsplice(2)
//! - CVE-2022-0847; containers/container-libs 10e8627 (vmsplice out of Podman's default)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP019", "zero-copy-primitives", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["vmsplice", "splice", "tee"], "who owns a page in a pipe has been mistaken")
}
