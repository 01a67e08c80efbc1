//! # namespace-creation-gap
//!
//! ## What
//! One call that makes a namespace of some kind is refused by name, and another one makes it.
//!
//! ## Why
//! `unshare`, `clone` and `clone3` all make namespaces. A new user namespace gives every capability inside it, and the
//! kernel code behind them; whoever refuses `unshare` and leaves `clone` as it is has refused nothing.
//!
//! ## Example
//! ```gate arch=x86_64 at="unshare"
//! allow: all
//! deny: unshare
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! allow: all
//! deny: unshare, setns, clone(flags has CLONE_NEWUSER)
//! deny: clone(flags has CLONE_NEWNS), clone(flags has CLONE_NEWCGROUP), clone(flags has CLONE_NEWUTS)
//! deny: clone(flags has CLONE_NEWIPC), clone(flags has CLONE_NEWPID), clone(flags has CLONE_NEWNET)
//! errno(ENOSYS): clone3
//! ```
//!
//! ## Fix
//! Refuse the flags on `clone` too (mask 0x7e020000), and answer ENOSYS to `clone3`.
//!
//! ## Sources
//! - namespaces(7), `user_namespaces(7)`
//! - moby, containerd and cri-o (issue 5788), which refuse them together

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::{report, restriction_by_name};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB006", "namespace-creation-gap", Severity::Error, check);

/// The flags that both `clone` and `unshare` have, that of user namespaces first.
pub(super) const FLAGS: &[&str] = &[
    "CLONE_NEWUSER",
    "CLONE_NEWNS",
    "CLONE_NEWCGROUP",
    "CLONE_NEWUTS",
    "CLONE_NEWIPC",
    "CLONE_NEWPID",
    "CLONE_NEWNET",
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let admin = meaning.may_hold("SYS_ADMIN")?;
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for (call, doors) in
            [("unshare", &["clone", "clone3"][..]), ("clone", &["unshare"]), ("clone3", &["clone", "unshare"])]
        {
            let Some((_, place)) = restriction_by_name(document, meaning, abi, call)? else { continue };
            for door in doors {
                let mut flags = Vec::new();
                // The kernel itself refuses all but user namespaces to a process without the capability.
                for flag in FLAGS.iter().filter(|flag| admin || **flag == "CLONE_NEWUSER") {
                    if meaning.refusal(abi, &with_flag(call, flag))?.is_none() {
                        continue;
                    }
                    let Some(open) = meaning.reached(abi, &with_flag(door, flag))? else { continue };
                    flags.push(*flag);
                    gathered
                        .add(document, Some(place), door, abi)
                        .beside(open.place().filter(|at| *at != place), door)
                        .shown_by(open.witness);
                }
                if !flags.is_empty() {
                    let note = format!("refused to `{call}` and not to `{door}`: {}", flags.join(", "));
                    gathered.add(document, Some(place), door, abi).because(note);
                }
            }
        }
    }
    report(
        document,
        findings,
        gathered,
        "a refused way to make namespaces",
        "refuse the namespace flags on `clone` too (0x7e020000), and answer ENOSYS to `clone3`",
    );
    Ok(())
}

/// `clone3` hides its flags, so every call of it may have them.
fn with_flag(call: &str, flag: &str) -> String {
    if call == "clone3" { call.to_owned() } else { format!("{call}(flags has {flag})") }
}
