//! # unused-suppression
//!
//! ## What
//! A suppression of a rule that finds nothing where it stands.
//!
//! ## Why
//! What it was about has gone, and the next finding of that rule at this place would be suppressed by a reason that isn't its own.
//!
//! ## Example
//! ```gate at="EXP001"
//! deny: all
//! #[allow(EXP001, "the driver loads its own firmware module")]
//! allow: read
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! #[allow(EXP001, "the driver loads its own firmware module")]
//! allow: init_module
//! ```
//!
//! ## Fix
//! Take it away; `--fix` does it in policies.
//!
//! ## Sources
//! - Ruff, RUF100 `unused-noqa`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::suppress::unused;

pub(super) const RULE: Rule = Rule::new("STY004", "unused-suppression", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    unused(document, findings)
}
