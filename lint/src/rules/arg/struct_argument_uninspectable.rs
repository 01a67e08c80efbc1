//! # struct-argument-uninspectable
//!
//! ## What
//! A condition on a call whose arguments are in a structure: it compares the structure's address or size.
//!
//! ## Why
//! `clone3`, `openat2`, `mount_setattr` and their like take a pointer to what older calls had in registers. A filter
//! sees the pointer, so it can't tell which flags are asked for; the condition holds or not by where the structure
//! happens to stand.
//!
//! ## Example
//! ```docker at="clone3"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone3"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967295, "valueTwo": 5, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Answer ENOSYS, so that libc falls back on the older call, whose flags a filter sees (`clone` for `clone3`, `openat`
//! for `openat2`, `mount` for `mount_setattr`).
//!
//! ## Sources
//! - clone(2), openat2(2), `mount_setattr(2)`, `sched_setattr(2)`, setxattrat in fs/xattr.c, Linux 6.13
//! - moby 4489e67; crun issue 545

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::place;
use crate::rule::Rule;
use crate::rules::compared::compared;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG008", "struct-argument-uninspectable", Severity::Error, check);

/// Calls with their flags in a structure: its address, and its size where there is one (data/prototypes.tsv).
const STRUCTURES: &[(&str, &[&str])] = &[
    ("clone3", &["uargs", "size"]),
    ("openat2", &["how", "usize"]),
    ("mount_setattr", &["uattr", "usize"]),
    ("open_tree_attr", &["uattr", "usize"]),
    ("sched_setattr", &["uattr"]),
    ("perf_event_open", &["attr_uptr"]),
    ("bpf", &["uattr", "size"]),
    ("io_uring_setup", &["params"]),
    ("landlock_create_ruleset", &["attr", "size"]),
    ("setxattrat", &["uargs", "usize"]),
    ("getxattrat", &["uargs", "usize"]),
    ("futex_waitv", &["waiters"]),
];

/// Whether a parameter is such a structure, or its size.
pub(super) fn is_structure(call: &str, parameter: &str) -> bool {
    STRUCTURES.iter().any(|(name, parameters)| *name == call && parameters.contains(&parameter))
}

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut gathered = Gathered::default();
    for one in compared(document) {
        let Some(parameter) = one.parameter.filter(|parameter| is_structure(one.name, parameter.name)) else {
            continue;
        };
        gathered
            .add(document, place(&one.clause.decision), one.name, one.abi)
            .because(format!("argument {} of `{}` is `{}`", one.atom.arg, one.name, parameter.name));
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("a filter can't see what {names} asks for: it is in a structure"))
            .here("compares where the structure stands, or how long it is")
            .help("answer ENOSYS, so that libc falls back on the older call");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use callgate_compiler::abi::Abi;
    use callgate_compiler::tables;

    #[test]
    fn every_structure_is_a_parameter_of_its_call() {
        for (call, parameters) in super::STRUCTURES {
            // Calls that are newer than the prototypes have none yet.
            let Some(prototype) = tables::prototype(Abi::X86_64, call).filter(|_| {
                tables::introduced(Abi::X86_64, call) < Some(callgate_grammar::tree::Version { major: 6, minor: 13 })
            }) else {
                continue;
            };
            for parameter in *parameters {
                assert!(prototype.iter().any(|one| one.name == *parameter), "{call} has no {parameter}: {prototype:?}");
            }
        }
    }
}
