//! # syscall-too-new-for-libseccomp
//!
//! ## What
//! A call that the kernel has and the target's libseccomp has no name for.
//!
//! ## Why
//! The runtime passes over the name, so the rule does nothing: the same profile is another filter where the library is older.
//! libseccomp 2.5.4 knows the calls up to Linux 5.17, 2.5.5 (and Debian 12's 2.5.4) those up to 6.7 without `riscv_hwprobe`, 2.6.0
//! those up to 6.13.
//!
//! Asked with `--engine`, of the release that `--libseccomp` names.
//!
//! ## Example
//! ```docker engine=docker libseccomp=2.5.5 at="mseal"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "mseal"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker engine=docker libseccomp=2.5.5
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "cachestat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker engine=docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "mseal"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Run a newer libseccomp, or don't count on the rule. A rule that denies such a call needs a default that denies.
//!
//! ## Sources
//! - libseccomp, `src/syscalls.csv` of 2.5.0 to 2.6.1, and 2.5.4-1+deb12u1 (measured: it doesn't know mseal)
//! - systemd#30250

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_profiles::engine::Engine;
use callgate_profiles::engine::Libseccomp;
use callgate_profiles::import::profile::At;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM002", "syscall-too-new-for-libseccomp", Severity::Warning, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(profile) = document.profile().filter(|_| document.reading.engine != Engine::Document) else {
        return Ok(());
    };
    let libseccomp = document.reading.host.libseccomp;
    for entry in &profile.entries {
        let missing = |name: &&At<String>| !libseccomp.knows(&name.value) && Libseccomp::Newest.knows(&name.value);
        for name in entry.names.iter().filter(missing) {
            findings.push(
                findings
                    .new_at(name.span, format!("libseccomp {libseccomp} has no name for `{}`", name.value))
                    .here("the runtime passes over it: the call meets the default")
                    .help("run a newer libseccomp, or don't count on this rule"),
            );
        }
    }
    Ok(())
}
