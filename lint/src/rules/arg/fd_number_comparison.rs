//! # fd-number-comparison
//!
//! ## What
//! A condition allows a call for a descriptor by its number, and the number isn't one of 0, 1 and 2.
//!
//! ## Why
//! A number is what the process makes of it: `dup2` puts any file at any number. The condition says little about the
//! file unless the process can't open, receive or duplicate anything.
//!
//! ## Example
//! ```docker at="write"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["dup2"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["write"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967295, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["dup2"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["write"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967295, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Open the file before the filter is loaded and refuse the calls that make descriptors, or use Landlock.
//!
//! ## Sources
//! - dup(2), `pidfd_getfd(2)`, unix(7) on `SCM_RIGHTS`

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::Role;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;
use crate::rules::compared::{Compared, compared};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG010", "fd-number-comparison", Severity::Note, check);

/// Calls that put a file of the caller's choice at a number of its choice, or of which it learns the number.
const MOVERS: &[&str] = &["dup", "dup2", "dup3", "open", "openat", "openat2", "pidfd_getfd", "recvmsg"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for one in compared(document).iter().filter(|one| is_number(one)) {
        if !one.clause.decision.action.permits() {
            continue;
        }
        let mut movable = false;
        for mover in MOVERS {
            movable = movable || meaning.reached(one.abi, mover)?.is_some();
        }
        if movable {
            gathered.add(document, place(&one.clause.decision), one.name, one.abi);
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("a condition on {names} is about a descriptor's number, which the process chooses"))
            .here("any file can stand at this number");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// A descriptor that is one number above 2, and no negative one (`AT_FDCWD`).
fn is_number(one: &Compared<'_>) -> bool {
    let fd = one.parameter.is_some_and(|parameter| parameter.role == Role::Fd);
    let small = |&(low, high): &(u64, u64)| low == high && (3..0x8000_0000).contains(&low);
    fd && !one.atom.values.is_empty() && one.atom.values.ranges().iter().all(small)
}
