//! # openat2-bypasses-open-filter
//!
//! ## What
//! `open` or `openat` is allowed under conditions, and `openat2` is open.
//!
//! ## Why
//! `openat2` has flags and mode in a structure that a filter can't see. "Read only" then holds for two of the three
//! ways to open a file.
//!
//! ## Example
//! ```gate arch=x86_64 at="openat"
//! deny: all
//! allow: openat(flags lacks O_WRONLY|O_RDWR|O_CREAT), openat2
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: openat(flags lacks O_WRONLY|O_RDWR|O_CREAT)
//! errno(ENOSYS): openat2
//! ```
//!
//! ## Fix
//! Answer ENOSYS to `openat2`: its users fall back on `openat`.
//!
//! ## Sources
//! - openat2(2); crun issue 545, on systemd-nspawn

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::doors::{open, report, restriction_by_name};
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("SIB003", "openat2-bypasses-open-filter", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for call in ["open", "openat"] {
            let Some((restriction, place)) = restriction_by_name(document, meaning, abi, call)? else { continue };
            if restriction.whole {
                continue;
            }
            if let Some(door) = open(meaning, abi, "openat2")? {
                gathered
                    .add(document, Some(place), "openat2", abi)
                    .because(format!("`{call}` is restricted by its arguments"))
                    .beside(door.place(), "openat2")
                    .shown_by(door.witness);
            }
        }
    }
    report(document, findings, gathered, "a condition on how files are opened", "answer ENOSYS to `openat2`");
    Ok(())
}
