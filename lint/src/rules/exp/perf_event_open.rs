//! # perf-event-open
//!
//! ## What
//! `perf_event_open` is within reach.
//!
//! ## Why
//! The code behind it has been a way into the kernel (CVE-2013-2094, CVE-2023-5717, CVE-2023-6931), and what it measures
//! tells about others on the machine. The kernel's default, `kernel.perf_event_paranoid` = 2, lets every process measure
//! itself (kernel/events/core.c, Linux 6.12), which was enough for those.
//!
//! ## Example
//! ```gate at="perf_event_open"
//! deny: all
//! allow: perf_event_open
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! when cap PERFMON { allow: perf_event_open }
//! ```
//!
//! ## Fix
//! Leave it out, or allow it where the capability is given: `when cap PERFMON { allow: perf_event_open }`.
//!
//! ## Sources
//! - `perf_event_open(2)`; Documentation/admin-guide/perf-security.rst (Linux 6.12)
//! - google/security-research, pocs/linux/kernelctf/CVE-2023-6931_lts_cos

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP006", "perf-event-open", Severity::Warning, check);

const CALLS: [&str; 1] = ["perf_event_open"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "it measures other processes, and its code has been a way into the kernel")
}
