//! # capability-mismatch
//!
//! ## What
//! The process is given a capability that Docker's default doesn't have, and the profile refuses every call that it is good
//! for.
//!
//! ## Why
//! One of the two isn't meant: whoever gave `CAP_SYS_TIME` will look for the reason of an `EPERM` in vain, since the
//! capability is there (moby#43774); or it is given for nothing, and waits for someone who finds another way. Asked of the
//! capabilities that are for certain calls and little else: `SYS_MODULE`, `SYS_BOOT`, `SYS_TIME`, `SYS_PACCT`,
//! `SYS_PTRACE`, `SYSLOG`, `BPF`, `PERFMON`.
//!
//! ## Example
//! ```gate cap=SYS_TIME at="all"
//! deny: all
//! allow: read, clock_gettime
//! ```
//!
//! ## Near miss
//! ```gate cap=SYS_TIME
//! deny: all
//! when cap SYS_TIME { allow: clock_settime }
//! ```
//! ```gate cap=SYS_CHROOT
//! deny: all
//! ```
//!
//! ## Fix
//! Take the capability away, or allow what it is for: `when cap SYS_TIME { allow: clock_settime }`.
//!
//! ## Sources
//! - capabilities(7)
//! - moby#43774; moby, profiles/seccomp/default.json, `includes.caps`

use callgate_compiler::lower::target::DOCKER_CAPABILITIES;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::listed;
use crate::document::Document;
use crate::finding::{Findings, Witness};
use crate::meaning::{Answer, Meaning};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP021", "capability-mismatch", Severity::Warning, check);

/// What each capability is good for, in capabilities(7), where that is calls and little else.
const GOOD_FOR: &[(&str, &[&str])] = &[
    ("SYS_MODULE", &["init_module", "finit_module", "delete_module"]),
    ("SYS_BOOT", &["reboot", "kexec_load", "kexec_file_load"]),
    ("SYS_TIME", &["clock_settime", "clock_settime64", "settimeofday", "stime", "adjtimex", "clock_adjtime"]),
    ("SYS_PACCT", &["acct"]),
    ("SYS_PTRACE", &["ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise"]),
    ("SYSLOG", &["syslog"]),
    ("BPF", &["bpf"]),
    ("PERFMON", &["perf_event_open", "bpf"]),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let given = |name: &str| meaning.capabilities.contains(name) && !DOCKER_CAPABILITIES.contains(&name);
    let advice = "take the capability away, or allow what it is for";
    for (capability, calls) in GOOD_FOR.iter().filter(|(capability, _)| given(capability)) {
        let Some(refused) = refusal(meaning, calls)? else { continue };
        let place = meaning.place_of(&refused).unwrap_or_else(|| document.start());
        let names: Vec<_> = calls.iter().map(|call| format!("`{call}`")).collect();
        findings.push(
            findings
                .new_at(place, format!("CAP_{capability} is given, and every call that it is good for is refused"))
                .here("this refuses them")
                .because(format!("it is good for {}", listed(&names)))
                .shown_by(refused)
                .help(format!("{advice}: `when cap {capability} {{ allow: … }}`")),
        );
    }
    Ok(())
}

/// A refused call, if all of these are.
fn refusal(meaning: &Meaning, calls: &[&str]) -> Result<Option<Witness>, Undecided> {
    let mut refused = None;
    for call in calls {
        for &abi in meaning.policy.abis.keys() {
            for Answer { decision, witness } in meaning.answers(abi, call)? {
                if decision.action.permits() {
                    return Ok(None);
                }
                refused = refused.or(Some(witness));
            }
        }
    }
    Ok(refused)
}
