//! # unknown-field
//!
//! ## What
//! A key that the format doesn't have.
//!
//! ## Why
//! The decoders of Docker, containerd, Podman and runc pass over keys they don't know without a word. A misspelt `args` leaves
//! the rule without its conditions, a misspelt `includes` applies it everywhere, a misspelt `errnoRet` answers EPERM.
//!
//! ## Example
//! ```docker at="arg"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
//!   "arg": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}
//! ```
//! ```spo at="archMap"
//! apiVersion: security-profiles-operator.x-k8s.io/v1
//! kind: SeccompProfile
//! metadata:
//!   name: web
//! spec:
//!   defaultAction: SCMP_ACT_ERRNO
//!   archMap: []
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "arg"}]}
//! ```
//!
//! ## Fix
//! Write the key that was meant, or put what it says into `comment`.
//!
//! ## Sources
//! - Go, encoding/json, `Unmarshal`: keys without a field are ignored
//! - runtime-spec, config-linux.md, "Seccomp"
//! - moby/profiles, `seccomp/seccomp.go`; containers/common, `pkg/seccomp/types.go`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::key::renamed;
use crate::document::Document;
use crate::finding::{Findings, Safety};
use crate::rule::Rule;
use crate::rules::said::{finding, offered};

pub(super) const RULE: Rule = Rule::new("FMT002", "unknown-field", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    for diagnostic in document.said.iter().filter(|diagnostic| diagnostic.code == "unknown-key") {
        let mut finding = finding(document, findings, diagnostic);
        if let (Some(near), Some(key)) = (offered(diagnostic), diagnostic.labels.first()) {
            finding = renamed(document, finding, key.span, near, Safety::Unsafe);
        }
        findings.push(finding);
    }
    Ok(())
}
