//! # errno-zero
//!
//! ## What
//! A refused call returns errno 0: it isn't run, and reports success.
//!
//! ## Why
//! The program goes on as if the call had been made: a file that was "written", a user id that was "dropped". Where
//! that is meant (a package manager that may not `mknod`) it deserves a comment. The security profiles operator makes
//! EPERM of it, since it can't tell a zero from nothing.
//!
//! ## Example
//! ```docker at="setuid"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["setuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}
//! ```
//! ```gate at="mknod"
//! deny: all
//! errno(0): mknod
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["setuid"], "action": "SCMP_ACT_ALLOW", "errnoRet": 0}]}
//! ```
//!
//! ## Fix
//! Return EPERM, or allow the call.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_ERRNO`
//! - lxc.container.conf(5), which shows `mknod errno 0`

use std::collections::BTreeMap;

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::{causes, listed};

pub(super) const RULE: Rule = Rule::new("RUL015", "errno-zero", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let mut places: BTreeMap<Span, String> = BTreeMap::new();
    match document.profile() {
        Some(profile) => {
            let zero = |action: &callgate_profiles::import::profile::Action| {
                action.name.value == ActionName::Errno
                    && action.errno.name.is_none()
                    && action.errno.number.is_some_and(|number| number.value == 0)
            };
            for entry in profile.entries.iter().filter(|entry| zero(&entry.action)) {
                let Some(first) = entry.names.first() else { continue };
                places.insert(first.span, listed(entry.names.iter().map(|name| name.value.as_str())));
            }
            if let Some(default) = profile.default.as_ref().filter(|default| zero(default)) {
                places.insert(default.name.span, "every call that no rule names".to_owned());
            }
        }
        None => {
            for span in causes(document, |action| action == Action::Errno(0)) {
                places.insert(span, format!("`{}`", document.sources.snippet(span)));
            }
        }
    }
    for (place, what) in places {
        findings.push(
            findings
                .new_at(place, format!("{what} reports success without being run"))
                .here("errno 0")
                .help("return EPERM, or allow the call"),
        );
    }
    Ok(())
}
