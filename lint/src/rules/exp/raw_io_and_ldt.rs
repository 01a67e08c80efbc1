//! # raw-io-and-ldt
//!
//! ## What
//! `iopl`, `ioperm`, `vm86`, `vm86old` or `modify_ldt` is within reach.
//!
//! ## Why
//! The first two give the ports of the machine's devices and ask for `CAP_SYS_RAWIO` (arch/x86/kernel/ioport.c, Linux
//! 6.12); without it they are a note. The others make modes and segments of 16-bit programs, code of another time behind
//! every entry to the kernel (CVE-2015-3290, CVE-2015-5157); only emulators of old systems, Wine among them, still call
//! them.
//!
//! ## Example
//! ```gate cap=SYS_RAWIO at="iopl"
//! deny: all
//! allow: iopl
//! ```
//! ```gate at="modify_ldt"
//! deny: all
//! allow: read, modify_ldt
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! when cap SYS_RAWIO { allow: iopl, ioperm }
//! errno(ENOSYS): modify_ldt
//! ```
//!
//! ## Fix
//! Leave the calls out.
//!
//! ## Sources
//! - iopl(2), `modify_ldt(2)`, vm86(2)
//! - Docker documentation, "Seccomp security profiles for Docker"; systemd.exec(5), @raw-io and @cpu-emulation
//! - CVE-2015-3290, CVE-2015-5157

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP015", "raw-io-and-ldt", Severity::Warning, check);

const CALLS: [&str; 5] = ["iopl", "ioperm", "vm86", "vm86old", "modify_ldt"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "it gives a process hardware, or modes of another time")
}
