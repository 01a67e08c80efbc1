//! # incomplete-flag-mask
//!
//! ## What
//! Most flags of one kind are refused by a condition, and some of the same kind are let through: namespaces of `clone`
//! and `unshare`.
//!
//! ## Why
//! A mask that was complete once isn't any more. Docker's mask 0x7c020000 lacked `CLONE_NEWCGROUP` (Linux 4.6) until
//! 2019 (moby pull request 39308); `CLONE_NEWTIME` came with 5.6 and is a flag of `unshare` alone, since `clone` has a
//! signal in those bits. Where neither `CAP_SYS_ADMIN` nor a user namespace is within reach, the kernel refuses what
//! the mask forgot, and this is a warning.
//!
//! ## Example
//! ```docker cap=SYS_ADMIN at="clone"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2080505856, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker cap=SYS_ADMIN
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
//!     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//! ```gate arch=x86_64 kernel=5.5
//! deny: all
//! allow: unshare(flags lacks CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET)
//! ```
//!
//! ## Fix
//! Put the flag into the mask: 0x7e020000 for `clone`, 0x7e020080 for `unshare`.
//!
//! ## Sources
//! - include/uapi/linux/sched.h, Linux 6.12; namespaces(7) for the versions
//! - moby aaac3fa (pull request 39308); runc issue 2067

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::{Gathered, listed};

pub(super) const RULE: Rule = Rule::new("ARG007", "incomplete-flag-mask", Severity::Error, check);

/// The namespace flags, the kernel from which they count (namespaces(7); all others are older than the filters), and whether
/// `clone` has them.
const NAMESPACES: &[(&str, Version, bool)] = &[
    ("CLONE_NEWNS", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWUTS", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWIPC", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWUSER", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWPID", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWNET", Version { major: 3, minor: 0 }, true),
    ("CLONE_NEWCGROUP", Version { major: 4, minor: 6 }, true),
    ("CLONE_NEWTIME", Version { major: 5, minor: 6 }, false),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for call in ["clone", "unshare"] {
        let conditional: Vec<_> =
            meaning.rules(call).filter(|(_, rule)| !rule.clauses.is_empty()).map(|(abi, _)| abi).collect();
        for abi in conditional {
            let (mut refused, mut open) = (0, Vec::new());
            let flags = NAMESPACES
                .iter()
                .filter(|(_, since, of_clone)| *since <= meaning.kernel && (*of_clone || call == "unshare"));
            for (flag, ..) in flags {
                match meaning.reached(abi, &format!("{call}(flags has {flag})"))? {
                    Some(answer) => open.push((*flag, answer)),
                    None => refused += 1,
                }
            }
            // Few that are refused are a choice; most are a mask.
            if open.is_empty() || refused <= open.len() + 2 {
                continue;
            }
            let names = listed(open.iter().map(|(flag, _)| *flag));
            for (_, answer) in open {
                gathered
                    .add(document, answer.place(), call, abi)
                    .shown_by(answer.witness)
                    .because(format!("{call}: {names} not refused, {refused} other namespace flags are"));
            }
        }
    }
    let matters = meaning.may_hold("SYS_ADMIN")?;
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("the condition on {names} forgets a namespace flag"))
            .here("this lets it through")
            .help("put the flag into the mask: 0x7e020000 for clone, 0x7e020080 for unshare");
        let finding = if matters {
            finding
        } else {
            finding
                .at_most(Severity::Warning)
                .because("the kernel asks for CAP_SYS_ADMIN, which isn't within reach on this target")
        };
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
