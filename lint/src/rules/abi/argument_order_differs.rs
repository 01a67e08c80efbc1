//! # argument-order-differs
//!
//! ## What
//! A comparison is for several ABIs, and on one of them the compared argument is an address.
//!
//! ## Why
//! The same call has its parameters in another order here and there: the flags of `clone` are its first argument, and
//! its second on s390x (`CONFIG_CLONE_BACKWARDS2`), where the stack stands first. A mask on the flags is a mask on the
//! stack's address there, and any namespace can be had.
//!
//! ## Example
//! ```docker at="clone"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_S390X"], "syscalls": [
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
//!   {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}, {"architecture": "SCMP_ARCH_S390X", "subArchitectures": []}],
//!   "syscalls": [
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["s390x"]},
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]},
//!     "args": [{"index": 1, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! A rule for each order, with `includes` and `excludes`; the language compares the parameter by its name.
//!
//! ## Sources
//! - clone(2), "C library/kernel differences"; kernel/fork.c, `CONFIG_CLONE_BACKWARDS2`, Linux 6.12
//! - moby, `profiles/seccomp/default_linux.go`; systemd, src/shared/seccomp-util.c; flatpak, common/flatpak-run.c

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::{self, Parameter, Role};
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;
use crate::rules::compared::{Compared, compared};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ABI005", "argument-order-differs", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    for one in compared(document) {
        let Some(parameter) = one.parameter.filter(|parameter| parameter.role == Role::Pointer) else { continue };
        let Some((abi, meant)) = elsewhere(&one) else { continue };
        gathered.add(document, place(&one.clause.decision), one.name, one.abi).because(format!(
            "argument {} of `{}` is `{}` on {}, and `{}` on {abi}",
            one.atom.arg, one.name, parameter.name, one.abi, meant.name
        ));
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("the condition on {names} is about another argument on some ABIs"))
            .here("compares an address there")
            .help("write a rule for each order of arguments, or compare the parameter by its name in the language");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// An ABI on which the same argument is something that one compares.
fn elsewhere(one: &Compared<'_>) -> Option<(Abi, &'static Parameter)> {
    Abi::ALL.iter().find_map(|&abi| {
        let parameter = tables::prototype(abi, one.name)?.get(usize::from(one.atom.arg))?;
        (parameter.role != Role::Pointer).then_some((abi, parameter))
    })
}
