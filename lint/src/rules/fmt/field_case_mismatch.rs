//! # field-case-mismatch
//!
//! ## What
//! A key that is one of the format's but for the case of its letters.
//!
//! ## Why
//! Go's decoder takes `Names` for `names`, so Docker, Podman and runc apply the rule. crun compares keys by the letter and
//! passes over it: one file, two policies.
//!
//! ## Example
//! ```docker at="Action"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "Action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Write the key as the format does. `--fix` does it: the readers that took the key before go on to.
//!
//! ## Sources
//! - Go, encoding/json, `Unmarshal`: "preferring an exact match but also accepting a case-insensitive match"
//! - crun decodes by libocispec, which looks keys up by exact name

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::key::renamed;
use crate::document::Document;
use crate::finding::{Findings, Safety};
use crate::rule::Rule;
use crate::rules::said::{finding, offered};

pub(super) const RULE: Rule = Rule::new("FMT003", "field-case-mismatch", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    for diagnostic in document.said.iter().filter(|diagnostic| diagnostic.code == "key-case") {
        let mut finding = finding(document, findings, diagnostic);
        if let (Some(known), Some(key)) = (offered(diagnostic), diagnostic.labels.first()) {
            finding = renamed(document, finding, key.span, known, Safety::Safe);
        }
        findings.push(finding);
    }
    Ok(())
}
