//! # conditional-deny-shadowed
//!
//! ## What
//! A rule with comparisons stands beside one without for the same call, and the one without takes every call.
//!
//! ## Why
//! libseccomp keeps one tree of comparisons for a call. A rule without comparisons replaces the tree, before or after
//! it in the file, and adding either one succeeds. So `socket` in the long list of allowed calls makes a later refusal
//! of `socket(AF_VSOCK)` disappear without a word.
//!
//! ## Example
//! ```docker at="socket"
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW"},
//!   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
//!     "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
//!   {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
//!   {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
//!     "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//!
//! ## Fix
//! Take the call out of the list without comparisons, and allow it with the opposite comparison.
//!
//! ## Sources
//! - `seccomp_rule_add(3)`; libseccomp 2.5.4, src/db.c, `db_rule_add`
//! - measured with the filters that runc 1.1.5 and crun 1.8.1 load

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::conflict::{Kind, overridden};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::entries::{beside_the_default, effect, named};
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("RUL004", "conditional-deny-shadowed", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    overridden(
        document,
        findings,
        Kind::ConditionalBesidePlain,
        "libseccomp drops rules with comparisons where one without stands, in either order",
        "give the rule without comparisons the opposite comparison",
    )?;
    comparisons_that_count_for_nothing(document, findings);
    Ok(())
}

/// The same action with comparisons and without: the comparisons look like a filter and are none.
fn comparisons_that_count_for_nothing(document: &Document, findings: &mut Findings) {
    let counting = beside_the_default(document);
    let all: Vec<_> = named(&counting).collect();
    let mut gathered = Gathered::default();
    for one in all.iter().filter(|one| !one.entry.arguments.is_empty()) {
        let plain = all.iter().find(|other| {
            (other.abi, other.nr) == (one.abi, one.nr)
                && other.entry.arguments.is_empty()
                && effect(&other.entry.action) == effect(&one.entry.action)
        });
        if let Some(plain) = plain {
            gathered
                .add(document, Some(one.name.span), &one.name.value, one.abi)
                .beside(Some(plain.name.span), &one.name.value);
        }
    }
    for (place, group) in gathered {
        let names = group.names();
        let finding = findings
            .new_at(place, format!("the comparisons on {names} count for nothing: it stands without them as well"))
            .here("with comparisons")
            .at_most(Severity::Warning)
            .help("take it out of the rule without comparisons");
        findings.push(group.onto(document, finding, "stands here without"));
    }
}
