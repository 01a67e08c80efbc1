//! # empty-profile-disables-seccomp
//!
//! ## What
//! A profile without `defaultAction` and without rules: `{}`, for instance.
//!
//! ## Why
//! Docker, Podman and runc take it for "no profile", so the container runs without a filter and nothing says so. crun refuses it.
//!
//! ## Example
//! ```docker at="{}"
//! {}
//! ```
//! ```docker at="architectures"
//! {"architectures": ["SCMP_ARCH_X86_64"], "syscalls": []}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ALLOW"}
//! ```
//!
//! ## Fix
//! Say what happens to calls with `defaultAction`. To run without a filter, say so where the container is started
//! (`--security-opt seccomp=unconfined`), so that it can be seen there.
//!
//! ## Sources
//! - moby/profiles, `seccomp/seccomp_linux.go`, `setupSeccomp`; runc, `libcontainer/specconv`, `SetupSeccomp`
//! - Docker and Podman: `Seccomp: 0` in /proc/PID/status of a container started with `{}` (measured)

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("FMT011", "empty-profile-disables-seccomp", Severity::Error, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    if let Some(profile) = document.profile().filter(|profile| profile.is_empty()) {
        findings.push(
            findings
                .new_at(profile.span, "engines take a profile without default and rules for none at all")
                .here("the container runs without a filter")
                .help("say what happens to calls with `defaultAction`"),
        );
    }
    Ok(())
}
