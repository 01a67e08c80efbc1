//! # ptrace-on-old-kernel
//!
//! ## What
//! `ptrace` is within reach, and the target's kernel lets a tracer out of its filter.
//!
//! ## Why
//! Before Linux 4.8 the filter ran before the tracer, which could then make another call of the one that had passed
//! (seccomp(2); kernel/seccomp.c, 93e35efb8de4). From there until 5.17.2 `PTRACE_SEIZE` took the option that suspends a
//! filter from everyone (CVE-2022-30594, fixed in 5.17.2, 5.15.33, 5.10.110, 5.4.189, 4.19.238): as that is in many an
//! older series by now, it is a warning.
//!
//! ## Example
//! ```gate kernel=4.4 at="ptrace"
//! deny: all
//! allow: ptrace
//! ```
//! ```gate kernel=5.10 at="ptrace"
//! deny: all
//! allow: read, ptrace
//! ```
//!
//! ## Near miss
//! ```gate kernel=4.4
//! deny: all
//! when kernel >= 4.8 { allow: ptrace }
//! ```
//! ```gate kernel=6.12
//! deny: all
//! allow: ptrace
//! ```
//! ```gate kernel=5.10
//! deny: all
//! allow: ptrace(request == PTRACE_TRACEME)
//! ```
//!
//! ## Fix
//! `when kernel >= 4.8 { allow: ptrace }`, as Docker's default has it; and a kernel that has the second fix.
//!
//! ## Sources
//! - seccomp(2), "Before Linux 4.8, the seccomp check will not be run again after the tracer is notified"
//! - moby, profiles/seccomp/default.json (3b9f33b); CVE-2022-30594

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use super::reach::{reach, reach_at_most};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP011", "ptrace-on-old-kernel", Severity::Error, check);

/// The kernel that runs a filter again after the tracer.
const AGAIN: Version = Version { major: 4, minor: 8 };
/// The last one in which everyone may suspend a filter.
const SUSPENDED: Version = Version { major: 5, minor: 17 };

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    if meaning.kernel < AGAIN {
        return reach(document, findings, ["ptrace"], "before Linux 4.8 a tracer changes a call after the filter");
    }
    if meaning.kernel <= SUSPENDED && !meaning.capabilities.contains("SYS_ADMIN") {
        let gives = "before Linux 5.17.2 it suspends a filter (CVE-2022-30594)";
        return reach_at_most(document, findings, Severity::Warning, ["ptrace(request == PTRACE_SEIZE)"], gives);
    }
    Ok(())
}
