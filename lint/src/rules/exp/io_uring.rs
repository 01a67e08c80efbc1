//! # io-uring
//!
//! ## What
//! `io_uring_setup`, `io_uring_enter` or `io_uring_register` is within reach.
//!
//! ## Why
//! What a ring does passes no filter: a profile that refuses `socket`, `connect` or `openat` and allows a ring refuses
//! nothing. And the code itself has been a way into the kernel many times: CVE-2021-41073, CVE-2022-29582, CVE-2023-2598,
//! CVE-2024-0582. Docker took it out of its default (moby#46762), containerd followed.
//!
//! ## Example
//! ```gate at="io_uring_setup"
//! deny: all
//! allow: read, io_uring_setup
//! ```
//! ```docker at="io_uring_enter"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["io_uring_enter"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: read
//! errno(ENOSYS): io_uring_setup
//! ```
//!
//! ## Fix
//! Leave the calls out. `errno(ENOSYS)` has libraries fall back to `epoll`.
//!
//! ## Sources
//! - `io_uring(7)`
//! - moby#46762; containerd#9320
//! - Google Security Blog, "Learnings from kCTF VRP's 42 Linux kernel exploits submissions", June 2023

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP004", "io-uring", Severity::Error, check);

const CALLS: [&str; 3] = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    reach(document, findings, CALLS, "what a ring does passes no filter")
}
