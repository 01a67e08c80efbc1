//! # unknown-syscall-name
//!
//! ## What
//! A name that no system call has.
//!
//! ## Why
//! runc, crun and youki pass over names that their libseccomp doesn't know, in silence or with a line in a log nobody reads. A
//! misspelt name in a rule that denies leaves the call to the default; in one that allows, the program gets an error.
//!
//! ## Example
//! ```docker at="mount_setatr"
//! {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount_setatr"], "action": "SCMP_ACT_ERRNO"}]}
//! ```
//! ```gate at="raed"
//! deny: all
//! allow: raed
//! ```
//!
//! ## Near miss
//! ```docker arch=x86_64
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
//!   "syscalls": [{"names": ["riscv_flush_icache", "s390_pci_mmio_read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Write the name that was meant; the finding says which is near. crun refuses unknown names with the annotation
//! `run.oci.seccomp_fail_unknown_syscall=1`.
//!
//! ## Sources
//! - runc, `libcontainer/seccomp/seccomp_linux.go`, `matchCall`: unknown names are skipped
//! - crun.1, `run.oci.seccomp_fail_unknown_syscall`
//! - the tables of callgate: the 18 ABIs of Linux 6.18 that it knows

use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::Severity;
use callgate_grammar::did_you_mean;
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::finding::Edit;
use crate::finding::Findings;
use crate::finding::Safety;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("RTM001", "unknown-syscall-name", Severity::Error, check);

/// A name that is near no other may be of a kernel, or a machine, that callgate has no table of.
fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else {
        said(document, findings, &["unknown-syscall"]);
        return Ok(());
    };
    for entry in &profile.entries {
        let refuses = !matches!(entry.action.name.value, ActionName::Allow | ActionName::Log);
        for name in entry.names.iter().filter(|name| !is_known(&name.value)) {
            let near = did_you_mean(&name.value, tables::names().iter().copied());
            let effect = if refuses { "so nothing is refused here" } else { "so nothing is allowed here" };
            let mut finding = findings
                .new_at(name.span, format!("no system call is called `{}`", name.value))
                .here(format!("runtimes pass over it, {effect}"));
            finding = match near {
                Some(near) => {
                    let text = format!("\"{near}\"");
                    let edit = Edit { span: name.span, text };
                    finding.help(format!("did you mean `{near}`?")).fix(
                        format!("write `{near}`"),
                        Safety::Unsafe,
                        vec![edit],
                    )
                }
                None if refuses => finding,
                None => finding
                    .at_most(Severity::Warning)
                    .because("a newer kernel, or a machine that callgate has no table of, may have it"),
            };
            findings.push(finding);
        }
    }
    Ok(())
}

fn is_known(name: &str) -> bool {
    tables::names().binary_search(&name).is_ok()
}
