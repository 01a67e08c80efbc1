//! # io-uring-bypasses-denials
//!
//! ## What
//! A ring can be made and used, and calls that a ring makes as well are refused.
//!
//! ## Why
//! The kernel carries out the operations of a ring without asking any seccomp filter: a process without `socket` or
//! `connect` opens connections through it. That is why Docker's and containerd's defaults refuse `io_uring_setup`.
//!
//! ## Example
//! ```gate arch=x86_64 at="io_uring_setup"
//! deny: all
//! allow: read, write, openat, io_uring_setup, io_uring_enter
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: read, write, openat
//! errno(ENOSYS): io_uring_setup, io_uring_enter
//! ```
//!
//! ## Fix
//! Refuse `io_uring_setup` with ENOSYS, or allow what its operations give and say so.
//!
//! ## Sources
//! - `io_uring_enter(2)`, `IORING_OP_*`; `include/uapi/linux/io_uring.h`, Linux 6.12
//! - moby issues 39415 and 46762; containerd pull request 9048

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use super::doors::restriction_by_name;
use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::Answer;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB004", "io-uring-bypasses-denials", Severity::Error, check);

/// What an operation of a ring does: the calls that do the same, of which one is enough, and the kernel from which it is there
/// (`io_uring_enter(2)`).
const OPERATIONS: &[(&[&str], Version)] = &[
    (&["accept", "accept4"], Version { major: 5, minor: 5 }),
    (&["connect"], Version { major: 5, minor: 5 }),
    (&["open", "openat", "openat2"], Version { major: 5, minor: 6 }),
    (&["sendmsg", "sendto", "send", "sendmmsg"], Version { major: 5, minor: 3 }),
    (&["recvmsg", "recvfrom", "recv", "recvmmsg"], Version { major: 5, minor: 3 }),
    (&["rename", "renameat", "renameat2"], Version { major: 5, minor: 11 }),
    (&["unlink", "unlinkat"], Version { major: 5, minor: 11 }),
    (&["mkdir", "mkdirat"], Version { major: 5, minor: 15 }),
    (&["symlink", "symlinkat"], Version { major: 5, minor: 15 }),
    (&["link", "linkat"], Version { major: 5, minor: 15 }),
    (&["socket"], Version { major: 5, minor: 19 }),
    (&["setxattr", "lsetxattr"], Version { major: 5, minor: 19 }),
    (&["bind"], Version { major: 6, minor: 11 }),
    (&["listen"], Version { major: 6, minor: 11 }),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let setup = meaning.reached(abi, "io_uring_setup")?;
        let enter = meaning.reached(abi, "io_uring_enter")?;
        let (Some(setup), Some(_)) = (setup, enter) else { continue };
        for (calls, _) in OPERATIONS.iter().filter(|(_, since)| *since <= meaning.kernel) {
            let mut refused = None;
            let mut open = false;
            for call in *calls {
                let answers = meaning.answers(abi, call)?;
                if answers.is_empty() {
                    continue;
                }
                let restricted = restriction_by_name(document, meaning, abi, call)?.map(|(_, place)| place);
                open = open || answers.iter().all(Answer::executes);
                if !answers.iter().any(Answer::executes) || restricted.is_some() {
                    refused = refused.or(Some((*call, restricted)));
                }
            }
            let Some((call, restricted)) = refused.filter(|_| !open) else { continue };
            gathered
                .add(document, setup.place(), call, abi)
                .shown_by(setup.witness.clone())
                .beside(restricted.filter(|at| Some(*at) != setup.place()), call);
        }
    }
    for (at, group) in gathered {
        let (names, is) = (group.names(), group.verb("is", "are"));
        let finding = findings
            .new_at(at, format!("{names} {is} refused, and an io_uring does the same unseen"))
            .here("lets a ring be made")
            .help("refuse `io_uring_setup` with ENOSYS");
        findings.push(group.onto(document, finding, "restricted here"));
    }
    Ok(())
}
