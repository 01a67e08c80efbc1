//! # clone3-not-enosys
//!
//! ## What
//! `clone` can make threads, and `clone3` is refused with something other than ENOSYS.
//!
//! ## Why
//! glibc since 2.34 makes threads and processes with `clone3` and falls back on `clone` for ENOSYS alone. With EPERM
//! `pthread_create` fails, which is what broke containers on Docker before 20.10.10 (moby issue 42680). 38 is ENOSYS on
//! every machine but MIPS, where ENOSYS is 89.
//!
//! ## Example
//! ```docker at="SCMP_ACT_ERRNO"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone", "read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone", "read"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
//! ```
//! ```docker engine=runc
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["clone", "read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Answer ENOSYS: `{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}`, in the language `errno(ENOSYS):
//! clone3`.
//!
//! ## Sources
//! - moby issue 42680 and pull request 42681; containerd pull request 5982
//! - glibc 2.34, sysdeps/unix/sysv/linux/clone-internal.c

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::{Severity, Span};

use crate::document::{Document, Form};
use crate::finding::{Edit, Findings, Safety};
use crate::meaning::USUAL_ENOSYS;
use crate::rule::Rule;
use crate::rules::edits::{before, is_json};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ERR001", "clone3-not-enosys", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    let mut elsewhere = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let number = Action::Errno(USUAL_ENOSYS);
        if tables::errno(abi, "ENOSYS") != Some(USUAL_ENOSYS)
            && let [answer] = meaning.answers(abi, "clone3")?.as_slice()
            && answer.decision.action == number
        {
            elsewhere.add(document, answer.place(), "clone3", abi).shown_by(answer.witness.clone());
        }
        if let Some(refused) = meaning.refusal(abi, "clone3")?
            && let Some(threads) = meaning.reached(abi, "clone(flags has CLONE_VM|CLONE_THREAD)")?
        {
            gathered
                .add(document, refused.place(), "clone", abi)
                .shown_by(refused.witness)
                .beside(threads.place(), "clone");
        }
    }
    // A filter for one program that is known may be for one that never calls it; a container's is for any.
    let severity = if document.profile().is_some() { Severity::Error } else { Severity::Warning };
    for (at, group) in gathered {
        let mut finding = findings
            .new_at(at, "`clone3` is refused, and glibc makes threads by `clone` only after ENOSYS")
            .here("refuses it")
            .at_most(severity)
            .help("answer ENOSYS to `clone3`: errno 38");
        if let Some(edit) = answer_enosys(document) {
            finding = finding.fix("answer ENOSYS to `clone3`", Safety::Unsafe, vec![edit]);
        }
        findings.push(group.onto(document, finding, "makes threads here"));
    }
    for (at, group) in elsewhere {
        let finding = findings
            .new_at(at, "`clone3` answers 38, which isn't ENOSYS on MIPS")
            .here("ENOSYS is 89 there")
            .at_most(Severity::Warning)
            .help("in the language `errno(ENOSYS)` is each machine's own number; a file of an engine is for one machine then");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}

/// A rule that answers ENOSYS, where no rule names the call.
fn answer_enosys(document: &Document) -> Option<Edit> {
    match document.form.as_ref()? {
        Form::Profile(_, profile) => {
            let first = profile.entries.first()?.span;
            let named = profile.entries.iter().flat_map(|entry| &entry.names).any(|name| name.value == "clone3");
            let rule = r#"{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}"#;
            (!named && is_json(document, first)).then(|| before(document, first, rule))
        }
        Form::Policy(_) => {
            let end = u32::try_from(document.text().len()).ok()?;
            let span = Span { source: document.source, start: end, end };
            let newline = if document.text().ends_with('\n') { "" } else { "\n" };
            (!document.text().contains("clone3"))
                .then(|| Edit { span, text: format!("{newline}errno(ENOSYS): clone3\n") })
        }
        Form::Text(_) | Form::Filter(_) | Form::Workload(_) => None,
    }
}
