//! # host-information-leak
//!
//! ## What
//! `syslog`, `lookup_dcookie` or `fanotify_init` is within reach.
//!
//! ## Why
//! They tell about the host: the kernel's messages, with addresses that make an exploit work (moby 1a25692 followed such a
//! one, CVE-2018-17182), the paths behind a profiler's cookies, and who opens which file. The first is open to everyone
//! where `kernel.dmesg_restrict` is 0 (kernel/printk/printk.c, Linux 6.12), which the linter can't see; without their
//! capability the others are a note.
//!
//! ## Example
//! ```gate at="syslog"
//! deny: all
//! allow: syslog
//! ```
//! ```gate cap=SYS_ADMIN at="fanotify_init"
//! deny: all
//! allow: fanotify_init
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: fanotify_mark
//! when cap SYSLOG { allow: syslog }
//! ```
//!
//! ## Fix
//! `when cap SYSLOG { allow: syslog }`. libc's syslog(3) is another thing: it writes to a socket.
//!
//! ## Sources
//! - syslog(2), `fanotify_init(2)`, `lookup_dcookie(2)`
//! - moby 1a25692; Documentation/admin-guide/sysctl/kernel.rst, `dmesg_restrict` (Linux 6.12)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP018", "host-information-leak", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, ["syslog", "lookup_dcookie", "fanotify_init"], "it tells about the host")
}
