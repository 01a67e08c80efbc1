//! # min-kernel-ignored
//!
//! ## What
//! `minKernel` in a profile for Podman or CRI-O.
//!
//! ## Why
//! containers/common has no such key, so the rule counts on every kernel. Docker's own use of it, ptrace from Linux 4.8 on, is
//! there because before that a tracer could change a call after the filter had seen it.
//!
//! On a target whose kernel is new enough it makes no difference, and the finding is a note.
//!
//! ## Example
//! ```docker engine=podman kernel=4.4 at="4.8"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}}]}
//! ```
//! ```podman at="4.8"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}}]}
//! ```
//!
//! ## Near miss
//! ```docker engine=docker kernel=4.4
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
//!   {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}}]}
//! ```
//!
//! ## Fix
//! Keep two files, or take the rule out where old kernels are run.
//!
//! ## Sources
//! - containers/common, `pkg/seccomp/types.go`, `Filter`; Podman 4.3 and 5.8 apply the rule (measured)
//! - seccomp(2): before Linux 4.8, the seccomp check wasn't run again after a tracer was notified

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;
use callgate_profiles::import::Format;

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM005", "min-kernel-ignored", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(Form::Profile(format, profile)) = &document.form else { return Ok(()) };
    if document.reading.engine != Engine::Podman && *format != Format::Podman {
        return Ok(());
    }
    let kernel = document.reading.host.kernel;
    for conditions in profile.entries.iter().flat_map(|entry| [&entry.includes, &entry.excludes]) {
        let (Some((major, minor)), Some(at)) = (conditions.kernel, conditions.kernel_at) else { continue };
        let differs = (kernel.major, kernel.minor) < (major, minor);
        let most = if differs { Severity::Warning } else { Severity::Note };
        findings.push(
            findings
                .new_at(at, "Podman and CRI-O pass over `minKernel`")
                .here("they apply the rule on every kernel")
                .at_most(most)
                .because(format!("the target has Linux {}.{}", kernel.major, kernel.minor)),
        );
    }
    Ok(())
}
