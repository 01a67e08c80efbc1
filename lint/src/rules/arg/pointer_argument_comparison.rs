//! # pointer-argument-comparison
//!
//! ## What
//! A condition compares an address.
//!
//! ## Why
//! A filter sees the pointer and not what it points to. The address differs from run to run, the program chooses it,
//! and what stands there can change between the filter's look and the kernel's (time of check, time of use). Whether
//! the pointer is NULL is the one thing that can be asked.
//!
//! ## Example
//! ```docker at="execve"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["execve"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4198400, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["rt_sigaction"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Leave the comparison out, and restrict what the pointer leads to by other means (Landlock for paths).
//!
//! ## Sources
//! - `seccomp_unotify(2)`, on time of check and time of use
//! - minijail0(5), on arguments

use callgate_compiler::abi::{Abi, HighHalf};
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::Role;
use callgate_grammar::Severity;

use super::struct_argument_uninspectable::is_structure;
use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;
use crate::rules::compared::{Compared, compared};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG004", "pointer-argument-comparison", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    for one in compared(document).iter().filter(|one| !asks_for_null(one)) {
        let Some(parameter) = one.parameter.filter(|parameter| parameter.role == Role::Pointer) else { continue };
        // Another rule is about each of these two.
        if is_structure(one.name, parameter.name) || stands_elsewhere(one) {
            continue;
        }
        gathered
            .add(document, place(&one.clause.decision), one.name, one.abi)
            .because(format!("argument {} of `{}` is the address `{}`", one.atom.arg, one.name, parameter.name));
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("a condition on {names} compares an address"))
            .here("the program chooses the address, and what stands there can change")
            .help("leave the comparison out; a filter can't look behind a pointer");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// Whether NULL and only NULL is told apart.
fn asks_for_null(one: &Compared<'_>) -> bool {
    let seen = one.atom.mask & one.atom.width.max();
    let whole = if one.abi.high_half() == HighHalf::Argument { u64::MAX } else { 0xffff_ffff };
    let ranges = one.atom.values.ranges();
    seen & whole == whole && (ranges == [(0, 0)] || matches!(ranges, [(1, last)] if *last >= seen & whole))
}

/// Whether the same argument is no address on another ABI, so that the order of parameters is what went wrong.
fn stands_elsewhere(one: &Compared<'_>) -> bool {
    let role = |abi: Abi| {
        let parameters = callgate_compiler::tables::prototype(abi, one.name)?;
        Some(parameters.get(usize::from(one.atom.arg))?.role)
    };
    Abi::ALL.iter().filter_map(|&abi| role(abi)).any(|role| role != Role::Pointer)
}
