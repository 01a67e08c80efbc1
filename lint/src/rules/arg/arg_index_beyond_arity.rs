//! # arg-index-beyond-arity
//!
//! ## What
//! A condition compares an argument that the call doesn't have.
//!
//! ## Why
//! The kernel ignores the register, and what stands in it is left over from something else: the rule holds by chance.
//! It is mostly an index that was counted from one.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 3, "value": 1, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 2, "value": 4294967295, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! The first argument has index 0.
//!
//! ## Sources
//! - the call's prototype, Linux 6.12

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;
use crate::rules::compared::compared;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG009", "arg-index-beyond-arity", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    for one in compared(document).iter().filter(|one| one.parameter.is_none()) {
        let has = tables::prototype(one.abi, one.name).map_or(0, <[_]>::len);
        gathered
            .add(document, place(&one.clause.decision), one.name, one.abi)
            .because(format!("`{}` has {has} arguments, and arg{} is compared", one.name, one.atom.arg));
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("a condition on {names} compares an argument that it doesn't have"))
            .here("holds by chance")
            .help("the first argument has index 0");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
