//! # rule-equals-default-action
//!
//! ## What
//! A rule does what the default does, or what happens without it anyway.
//!
//! ## Why
//! runc, crun and youki leave such a rule out before libseccomp sees it, since libseccomp would refuse it. So it can't
//! take anything away from another rule: a "deny" for calls that another rule allows does nothing. Where it is the only
//! rule of its calls it is merely a line too many.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```gate arch=x86_64 at="mount"
//! deny: all
//! deny: mount
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
//! ```
//!
//! ## Fix
//! Allow only what is meant, with comparisons; or give the refusal another errno than the default's.
//!
//! ## Sources
//! - runc, `libcontainer/seccomp/seccomp_linux.go`, `matchCall`; crun, src/libcrun/seccomp.c
//! - moby/profiles 7158007

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::possible;
use crate::rule::Rule;
use crate::rules::entries::{condition, counting, effect, executes, named};
use crate::rules::gathered::Gathered;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("RUL007", "rule-equals-default-action", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile() else {
        // Other formats are read statement by statement, and lowering them says which change nothing.
        said(document, findings, &["no-effect", "same-as-default"]);
        return Ok(());
    };
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let Some(default) = &profile.default else { return Ok(()) };
    let mut counting = counting(document);
    counting.retain(|one| effect(&one.entry.action) == effect(default));
    let (mut defeated, mut idle) = (Gathered::default(), Gathered::default());
    for one in named(&counting) {
        let both = callgate_compiler::condition::Condition::All(vec![condition(one.entry), possible(one.abi)]);
        let answers = meaning.answers_when(one.abi, one.nr, &both)?;
        let other = answers.into_iter().find(|answer| !executes(default) && answer.executes());
        // One finding an entry.
        let place = one.entry.names.first().map(|name| name.span);
        match other {
            Some(answer) => {
                let group = defeated.add(document, Some(one.name.span), &one.name.value, one.abi);
                group.beside(answer.place(), &one.name.value).shown_by(answer.witness);
            }
            None => {
                idle.add(document, place, &one.name.value, one.abi);
            }
        }
    }
    for (place, group) in defeated {
        let names = group.names();
        let finding = findings
            .new_at(place, format!("this refusal of {names} does nothing: it is the default, so engines leave it out"))
            .here("left out")
            .help("allow only the calls that are meant, or refuse with another errno than the default's");
        findings.push(group.onto(document, finding, "let through here"));
    }
    for (place, group) in idle {
        let (names, does) = (group.names(), group.verb("does", "do"));
        let finding = findings
            .new_at(place, format!("the rule for {names} {does} what the default does"))
            .here("engines leave it out")
            .at_most(Severity::Note);
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
