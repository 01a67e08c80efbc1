//! # unfiltered-prctl
//!
//! ## What
//! `prctl` is allowed whatever its option is.
//!
//! ## Why
//! It is many calls in one: `PR_SET_MM` moves the fields that /proc shows of the process, `PR_SET_DUMPABLE` decides who
//! may trace it, `PR_SET_TSC` and `PR_SET_SECCOMP` change how its own code runs. Most programs use a handful of
//! options.
//!
//! ## Example
//! ```gate arch=x86_64 at="prctl"
//! deny: all
//! allow: prctl
//! ```
//!
//! ## Near miss
//! ```gate arch=x86_64
//! deny: all
//! allow: prctl(option in {PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ})
//! ```
//!
//! ## Fix
//! Allow the options that `callgate record --arguments` sees.
//!
//! ## Sources
//! - prctl(2)
//! - minijail, linter: the calls it calls dangerous

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ARG012", "unfiltered-prctl", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        let answers = meaning.answers(abi, "prctl")?;
        if let [only] = answers.as_slice()
            && only.executes()
        {
            gathered.add(document, only.place(), "prctl", abi).shown_by(only.witness.clone());
        }
    }
    for (at, group) in gathered {
        let finding = findings
            .new_at(at, "every option of `prctl` is allowed")
            .here("many calls in one")
            .help("allow the options that are used: `prctl(option in {PR_SET_NAME, …})`");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
