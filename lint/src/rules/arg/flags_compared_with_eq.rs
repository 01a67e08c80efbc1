//! # flags-compared-with-eq
//!
//! ## What
//! A set of flags is refused as one number, and goes through with one more flag.
//!
//! ## Why
//! Flags are independent bits. A refusal of exactly `CLONE_NEWUSER` is passed by `CLONE_NEWUSER | CLONE_NEWNS`, and by
//! any bit that the kernel ignores. A list of exact values that are allowed is strict and isn't meant here.
//!
//! ## Example
//! ```docker at="unshare"
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 268435456, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```gate arch=x86_64 at="unshare"
//! deny: all
//! allow: unshare(flags != CLONE_NEWUSER)
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["unshare"], "action": "SCMP_ACT_ERRNO",
//!     "args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]}]}
//! ```
//! ```gate arch=x86_64
//! deny: all
//! allow: unshare(flags in {CLONE_FS, CLONE_FILES})
//! ```
//!
//! ## Fix
//! Ask for the bit: `SCMP_CMP_MASKED_EQ` with the flag as mask and value; in the language `has` and `lacks`.
//!
//! ## Sources
//! - clone(2), unshare(2): flags are combined by "or"

use callgate_compiler::condition::Condition;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables::Role;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::meaning::{place, refuses};
use crate::rule::Rule;
use crate::rules::compared::{Compared, compared, masked};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG006", "flags-compared-with-eq", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for one in &compared(document) {
        let Some(parameter) = one.parameter.filter(|parameter| parameter.role == Role::Flags) else { continue };
        let Some(value) = exact(one).filter(|value| *value != 0) else { continue };
        let width = parameter.width.max();
        // Every call with just this value is refused …
        let same = masked(one.atom.arg, width, value);
        let answers = meaning.answers_when(one.abi, one.nr, &same)?;
        let Some(refused) = answers.first() else { continue };
        if !answers.iter().all(|answer| refuses(one.abi, answer.decision.action)) {
            continue;
        }
        // … and one with a flag more, of those that the kernel reads, runs.
        let more = Condition::All(vec![
            masked(one.atom.arg, value, value),
            masked(one.atom.arg, !width, 0),
            Condition::Not(Box::new(same)),
        ]);
        let answers = meaning.answers_when(one.abi, one.nr, &more)?;
        let Some(run) = answers.into_iter().find(crate::meaning::Answer::executes) else { continue };
        gathered
            .add(document, place(&one.clause.decision), one.name, one.abi)
            .beside(refused.place().filter(|at| Some(*at) != place(&one.clause.decision)), one.name)
            .because(format!("`{}` is a set of flags, and {value:#x} alone is refused", parameter.name))
            .shown_by(run.witness);
    }
    for (at, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(at, format!("one flag more gets {names} past the refusal of a single value"))
            .here("compares flags as one number")
            .help("ask for the bits: a masked comparison, or `has` and `lacks` in the language");
        findings.push(group.onto(document, finding, "refused here"));
    }
    Ok(())
}

/// The one value that a comparison of the whole word singles out.
fn exact(one: &Compared<'_>) -> Option<u64> {
    let whole = one.parameter.is_some_and(|parameter| one.atom.mask & parameter.width.max() == parameter.width.max());
    let most = one.atom.mask & one.atom.width.max();
    match *one.atom.values.ranges() {
        [(low, high)] if whole && low == high => Some(low),
        [(0, before), (after, last)] if whole && after == before + 2 && last == most => Some(before + 1),
        [(1, last)] if whole && last == most => Some(0),
        _ => None,
    }
}
