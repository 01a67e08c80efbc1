//! # sign-extension
//!
//! ## What
//! A comparison names a negative number of 32 bits in one of its two spellings only.
//!
//! ## Why
//! -1 arrives as 0x00000000ffffffff or as 0xffffffffffffffff, as the caller's compiler likes, and the kernel reads both
//! as -1. A comparison of 64 bits knows one of them.
//!
//! ## Example
//! ```docker at="4294967196"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["openat"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967196, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["openat"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 4294967295, "valueTwo": 4294967196, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! `SCMP_CMP_MASKED_EQ` with the mask 0xffffffff and the low 32 bits of the number.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`, `SCMP_CMP32`
//! - Chromium, `sandbox/linux/bpf_dsl/policy_compiler.cc`, on 32-bit arguments

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_profiles::import::profile::{Argument, Comparison};

use super::cut::cuts;
use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::Fate;
use crate::rule::Rule;
use crate::rules::entries::{Named, comparing, named};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG003", "sign-extension", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let cuts = cuts(document);
    let counting = comparing(document);
    let mut gathered = Gathered::default();
    for one in named(&counting) {
        for argument in one.entry.arguments.iter().filter(|argument| is_negative(&one, argument)) {
            let cut = cuts.iter().find(|cut| (cut.abi, cut.nr, cut.arg) == (one.abi, one.nr, argument.index));
            let Some(cut) = cut else { continue };
            let (run, not) = (Fate::Executes, Fate::Refused);
            let found = match cut.between_signs(run, not)? {
                Some(args) => Some(args),
                None => cut.between_signs(not, run)?,
            };
            let Some(args) = found else { continue };
            let action = cut.call.decide(&args).action;
            gathered.add(document, Some(argument.span), &one.name.value, one.abi).shown_by(Witness {
                abi: one.abi,
                nr: one.nr,
                args,
                action,
            });
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("a negative number for {names} is compared in one of its two spellings"))
            .here("its upper half may be zeros or ones")
            .help("compare the low 32 bits with SCMP_CMP_MASKED_EQ and 0xffffffff");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// An equality of a whole word with a negative number, for a parameter that has a sign.
fn is_negative(one: &Named<'_>, argument: &Argument) -> bool {
    let parameters = tables::prototype(one.abi, &one.name.value).unwrap_or_default();
    let signed = parameters.get(usize::from(argument.index)).is_some_and(|one| one.signed && one.bits == 32);
    let equality = matches!(argument.comparison, Comparison::Equal | Comparison::NotEqual);
    let spelt = (0x8000_0000..=0xffff_ffff).contains(&argument.value) || argument.value >= 0xffff_ffff_8000_0000;
    signed && equality && spelt && argument.mask == u64::MAX
}
