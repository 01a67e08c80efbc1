//! # signed-comparison
//!
//! ## What
//! `<`, `<=`, `>` or `>=` on a parameter that has a sign and whose negative values mean something.
//!
//! ## Why
//! Filters compare without signs: -1 is larger than every positive number. `kill(pid > 0)` in libseccomp's words also
//! holds for -1, which is every process; `fd < 3` doesn't hold for `AT_FDCWD`.
//!
//! ## Example
//! ```docker at="SCMP_CMP_GT"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GT"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}]}]}
//! ```
//!
//! ## Fix
//! Refuse negative numbers by their top bit, with a masked comparison of 0x80000000; in the language, `pid > 1` minds
//! the sign.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`: comparisons are unsigned
//! - systemd, src/shared/seccomp-util.c, on unsigned comparisons

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::{self, Role};
use callgate_grammar::Severity;
use callgate_profiles::import::profile::Comparison;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::entries::{comparing, named};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG005", "signed-comparison", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let counting = comparing(document);
    let mut gathered = Gathered::default();
    for one in named(&counting) {
        let parameters = tables::prototype(one.abi, &one.name.value).unwrap_or_default();
        for argument in &one.entry.arguments {
            let Some(parameter) = parameters.get(usize::from(argument.index)) else { continue };
            let ordered = !matches!(argument.comparison, Comparison::Equal | Comparison::NotEqual);
            // A negative family, option or set of flags is an error to the kernel, whatever the filter says.
            let means_something =
                matches!(parameter.role, Role::Pid | Role::Fd | Role::Offset | Role::Value | Role::Signal | Role::Id);
            if ordered && parameter.signed && means_something {
                gathered
                    .add(document, Some(argument.span), &one.name.value, one.abi)
                    .because(format!("`{}` of `{}` has a sign", parameter.name, one.name.value));
            }
        }
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("an argument of {names} that has a sign is compared without"))
            .here("negative numbers are larger than all others here")
            .help("ask for bit 31 with a masked comparison as well");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
