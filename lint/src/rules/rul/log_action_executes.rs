//! # log-action-executes
//!
//! ## What
//! A call is logged, which runs it.
//!
//! ## Why
//! `SECCOMP_RET_LOG` is an allow with an audit record: seccomp(2) says that the call is executed after it is logged.
//! Who reads "log" as "deny and log" has it wrong.
//!
//! ## Example
//! ```docker at="SCMP_ACT_LOG"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["mknodat"], "action": "SCMP_ACT_LOG"}]}
//! ```
//! ```gate at="mknodat"
//! deny: all
//! log: mknodat
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
//!   "syscalls": [{"names": ["mknodat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Allow the call, or refuse it; the filter flag `LOG` writes refusals down.
//!
//! ## Sources
//! - seccomp(2), `SECCOMP_RET_LOG` and `SECCOMP_FILTER_FLAG_LOG`

use std::collections::BTreeSet;

use callgate_compiler::action::Action;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::{Severity, Span};
use callgate_profiles::import::profile::ActionName;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::causes;

pub(super) const RULE: Rule = Rule::new("RUL018", "log-action-executes", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    // A default that logs is another rule's: there it is worse.
    let places: BTreeSet<Span> = match document.profile() {
        Some(profile) => {
            let logs = profile.entries.iter().filter(|entry| entry.action.name.value == ActionName::Log);
            logs.map(|entry| entry.action.name.span).collect()
        }
        None => {
            let defaults = document.meaning.iter().flat_map(|meaning| meaning.policy.abis.values());
            let defaults: BTreeSet<_> = defaults.filter_map(|listed| crate::meaning::place(&listed.rest)).collect();
            causes(document, |action| action == Action::Log).difference(&defaults).copied().collect()
        }
    };
    for place in places {
        findings.push(
            findings
                .new_at(place, "a logged call is run")
                .here("allows, and writes an audit record")
                .help("refuse the call if that is meant; the filter flag `LOG` writes refusals down"),
        );
    }
    Ok(())
}
