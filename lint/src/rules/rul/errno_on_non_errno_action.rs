//! # errno-on-non-errno-action
//!
//! ## What
//! An errno stands beside an action that returns none.
//!
//! ## Why
//! runtime-spec has a runtime fail then. crun does; runc and youki pass over it. So the same file starts here and not
//! there.
//!
//! ## Example
//! ```docker at="38"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_KILL_PROCESS", "errnoRet": 38}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
//! ```
//!
//! ## Fix
//! Take the errno out, or make the action `SCMP_ACT_ERRNO`.
//!
//! ## Sources
//! - runtime-spec, config-linux.md, `errnoRet`
//! - crun, src/libcrun/seccomp.c, `seccomp_action_supports_errno`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::said::said;

pub(super) const RULE: Rule = Rule::new("RUL017", "errno-on-non-errno-action", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    said(document, findings, &["errno-without-use"]);
    Ok(())
}
