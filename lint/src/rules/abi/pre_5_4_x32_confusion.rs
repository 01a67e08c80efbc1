//! # pre-5.4-x32-confusion
//!
//! ## What
//! A profile that allows by default is for kernels before 5.4, which run x32 calls under numbers that a filter doesn't
//! expect.
//!
//! ## Why
//! Before Linux 5.4 a kernel with x32 took 64-bit calls with x32's bit, and the numbers 512 to 547 without it: 521 is
//! `ptrace` there. A list of what is refused has to name those numbers too.
//!
//! ## Example
//! ```docker kernel=4.19 at="SCMP_ACT_ALLOW"
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//!
//! ## Near miss
//! ```docker kernel=5.4
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//!
//! ## Fix
//! Deny by default, or refuse the numbers from 512 to 547 as well.
//!
//! ## Sources
//! - seccomp(2), NOTES, on x32 before Linux 5.4

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::CallPolicy;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::{place, refuses};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("ABI010", "pre-5.4-x32-confusion", Severity::Note, check);

/// The number that means `ptrace` there (`arch/x86/entry/syscalls/syscall_64.tbl`).
const PTRACE: u32 = 521;

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let Some(listed) = meaning.policy.abis.get(&Abi::X86_64) else { return Ok(()) };
    let decision = listed.calls.get(&PTRACE).map_or(&listed.rest, |call: &CallPolicy| call.decide(&[0; 6]));
    let refuses_some = listed.calls.values().any(|call| refuses(Abi::X86_64, call.otherwise.action));
    if meaning.kernel >= (Version { major: 5, minor: 4 }) || !decision.action.permits() || !refuses_some {
        return Ok(());
    }
    let witness = Witness { abi: Abi::X86_64, nr: PTRACE, args: [0; 6], action: decision.action };
    findings.push(
        findings
            .new_at(
                place(decision).unwrap_or_else(|| document.start()),
                "kernels before 5.4 run refused calls under other numbers",
            )
            .here("lets 512 to 547 through; 521 is `ptrace` where the kernel has x32")
            .shown_by(witness)
            .help("deny by default, or refuse the numbers from 512 to 547"),
    );
    Ok(())
}
