//! # unsupported-flag
//!
//! ## What
//! A filter flag that the target's kernel, or its libseccomp, doesn't have.
//!
//! ## Why
//! The kernel answers EINVAL: runc then refuses to start the container, and crun tries again without any flag. The flags are as
//! old as: TSYNC Linux 3.17, LOG 4.14, `SPEC_ALLOW` 4.17, `WAIT_KILLABLE_RECV` 5.19. libseccomp knows the last since 2.6.0.
//!
//! ## Example
//! ```docker kernel=5.10 at="WAIT_KILLABLE"
//! {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
//!   "listenerPath": "/run/agent.sock", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//! ```docker engine=docker libseccomp=2.5.5 at="WAIT_KILLABLE"
//! {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
//!   "listenerPath": "/run/agent.sock", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
//! ```
//! ```gate kernel=4.4 at="LOG"
//! flags: LOG
//! deny: all
//! allow: read
//! ```
//!
//! ## Near miss
//! ```gate kernel=6.1
//! flags: LOG
//! deny: all
//! allow: read
//! ```
//!
//! ## Fix
//! Leave the flag out, or run the profile on a newer kernel.
//!
//! ## Sources
//! - seccomp(2); include/uapi/linux/seccomp.h of Linux 3.17, 4.14, 4.17 and 5.19
//! - libseccomp 2.6.0, CHANGELOG: `SCMP_FLTATR_CTL_WAITKILL`
//! - crun, `src/libcrun/seccomp.c`: "try again without specifying them"

use callgate_compiler::outcome::Undecided;
use callgate_compiler::policy::FilterFlag;
use callgate_grammar::Severity;
use callgate_grammar::Span;
use callgate_grammar::tree::{StatementKind, Version};
use callgate_profiles::engine::{Engine, Libseccomp};

use crate::document::Document;
use crate::document::Form;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("RTM011", "unsupported-flag", Severity::Warning, check);

fn since(flag: FilterFlag) -> Version {
    let (major, minor) = match flag {
        FilterFlag::Tsync => (3, 17),
        FilterFlag::Log => (4, 14),
        FilterFlag::SpecAllow => (4, 17),
        FilterFlag::WaitKillableRecv => (5, 19),
    };
    Version { major, minor }
}

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let host = &document.reading.host;
    for &(flag, name, _) in FilterFlag::ALL.iter().filter(|(flag, ..)| meaning.policy.flags.contains(flag)) {
        // One that the runtime adds is the runtime's to know.
        let Some(at) = place(document, name) else { continue };
        let kernel = since(flag);
        let old_library = document.reading.engine != Engine::Document
            && flag == FilterFlag::WaitKillableRecv
            && host.libseccomp < Libseccomp::V2_6_0;
        let lacking = if host.kernel < kernel {
            format!("Linux {}.{} has no flag {name}", host.kernel.major, host.kernel.minor)
        } else if old_library {
            format!("libseccomp before 2.6.0 has no flag {name}")
        } else {
            continue;
        };
        findings.push(
            findings
                .new_at(at, lacking)
                .because(format!("it came with Linux {}.{}", kernel.major, kernel.minor))
                .because("runc doesn't start the container then; crun loads the filter without any flag")
                .help("leave it out"),
        );
    }
    Ok(())
}

fn place(document: &Document, name: &str) -> Option<Span> {
    match &document.form {
        Some(Form::Profile(_, profile)) => profile.flags_at,
        Some(Form::Policy(units)) => units.iter().flat_map(|unit| &unit.file.statements).find_map(|statement| {
            let StatementKind::Flags(names) = &statement.node else { return None };
            names.iter().find(|flag| flag.node == name).map(|flag| flag.span)
        }),
        _ => None,
    }
}
