//! # implicit-spec-allow
//!
//! ## What
//! A profile without `flags`, for a kernel before 5.16.
//!
//! ## Why
//! Where the list is missing, runc and crun load the filter with `SECCOMP_FILTER_FLAG_SPEC_ALLOW`, which leaves the mitigation of
//! Speculative Store Bypass off. Since Linux 5.16 the kernel doesn't turn it on for filtered processes anyway, unless it is booted
//! with `spec_store_bypass_disable=seccomp`, so later kernels have no finding.
//!
//! ## Example
//! ```docker engine=docker kernel=5.10
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker engine=docker kernel=5.10
//! {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
//!   "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//! ```docker engine=docker kernel=6.1
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! A runtime takes an empty list, `"flags": []`, for none. Docker and Podman drop an empty list on the way: write another flag,
//! `SECCOMP_FILTER_FLAG_LOG` for instance.
//!
//! ## Sources
//! - runc, `libcontainer/specconv`, `SetupSeccomp`; crun, `src/libcrun/seccomp.c`
//! - seccomp(2), `SECCOMP_FILTER_FLAG_SPEC_ALLOW`
//! - Linux 5.16, 2f46993d83ff: the default is `spec_store_bypass_disable=prctl`

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;
use callgate_grammar::tree::Version;
use callgate_profiles::engine::Engine;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM010", "implicit-spec-allow", Severity::Note, check);

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    const LEFT_ALONE_SINCE: Version = Version { major: 5, minor: 16 };
    let reading = &document.reading;
    let Some(profile) = document.profile().filter(|profile| !profile.is_empty()) else { return Ok(()) };
    let bundle = matches!(reading.engine, Engine::Runc | Engine::Crun);
    let added = match &profile.flags {
        None => true,
        Some(flags) => flags.is_empty() && !bundle,
    };
    if !added || reading.engine == Engine::Document || reading.host.kernel >= LEFT_ALONE_SINCE {
        return Ok(());
    }
    let place = profile.flags_at.or(profile.default.as_ref().map(|default| default.name.span));
    let help = if bundle { "write `\"flags\": []`" } else { "write a flag, `SECCOMP_FILTER_FLAG_LOG` for instance" };
    findings.push(
        findings
            .new_at(place.unwrap_or(profile.span), "the filter is loaded with SPEC_ALLOW, as the profile has no flags")
            .because("processes keep Speculative Store Bypass's mitigation off")
            .help(help),
    );
    Ok(())
}
