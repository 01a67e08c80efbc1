//! # never-matching-condition
//!
//! ## What
//! A comparison that no call can meet, or none that a program makes on purpose.
//!
//! ## Why
//! The rule does nothing, and is usually a slip: `< 0` of words without signs, a value with bits that the mask takes
//! away, two equalities of one argument, a value above the 32 bits that the kernel reads of this parameter.
//!
//! ## Example
//! ```docker at="SCMP_CMP_LT"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["lseek"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_LT"}]}]}
//! ```
//! ```docker at="4294967298"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967298, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["tgkill"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Correct the value, or take the rule out.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`: comparisons are unsigned
//! - the call's prototype, Linux 6.12

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_profiles::import::profile::{Argument, Comparison};

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::{arguments, is_cut, possible};
use crate::rule::Rule;
use crate::rules::entries::{Named, comparing, condition, named};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("RUL010", "never-matching-condition", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let counting = comparing(document);
    let mut never = Gathered::default();
    let mut beyond = Gathered::default();
    for one in named(&counting) {
        let last = one.entry.arguments.last().map(|argument| argument.span);
        if arguments(vec![condition(one.entry), possible(one.abi)])?.is_none() {
            never.add(document, last, &one.name.value, one.abi);
        } else if let Some(argument) = one.entry.arguments.iter().find(|argument| is_beyond(&one, argument)) {
            beyond.add(document, Some(argument.span), &one.name.value, one.abi);
        }
    }
    for (place, group) in never {
        let names = group.names();
        let finding = findings
            .new_at(place, format!("no call of {names} meets these comparisons"))
            .here("libseccomp compares words without signs")
            .help("correct the value, or take the rule out");
        findings.push(group.onto(document, finding, ""));
    }
    for (place, group) in beyond {
        let names = group.names();
        let finding = findings
            .new_at(place, format!("the kernel reads fewer bits of this parameter of {names} than the value has"))
            .here("only words with stray upper bits meet this")
            .help("compare with the value that the program passes");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// An equality with bits that the kernel doesn't read, but for a negative number that was extended.
fn is_beyond(one: &Named<'_>, argument: &Argument) -> bool {
    let parameters = tables::prototype(one.abi, &one.name.value).unwrap_or_default();
    let Some(parameter) = parameters.get(usize::from(argument.index)) else { return false };
    let above = u64::MAX.checked_shl(parameter.bits.into()).unwrap_or(0);
    let negative = argument.value >= 0xffff_ffff_8000_0000;
    argument.comparison == Comparison::Equal
        && is_cut(one.abi, parameter)
        && argument.value & above != 0
        && !negative
        && parameter.bits == 32
}
