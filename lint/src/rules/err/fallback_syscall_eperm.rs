//! # fallback-syscall-eperm
//!
//! ## What
//! A newer call is refused with something other than ENOSYS, while the older one that libraries fall back on is
//! allowed.
//!
//! ## Why
//! Libraries try the newer call and take ENOSYS for "this kernel has none". EPERM is an answer to them: access checks
//! fail (`faccessat2`), `tar` can't change modes (`fchmodat2`), 32-bit programs have no clock (`*_time64`).
//!
//! ## Example
//! ```docker at="SCMP_ACT_ERRNO"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["faccessat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
//!   {"names": ["faccessat"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Allow the newer call beside the older, or answer ENOSYS to it.
//!
//! ## Sources
//! - runc issue 2151; systemd issues 16739 and 30250; docker-ce-packaging issue 1013; libseccomp issue 228

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::Gathered;

pub(super) const RULE: Rule = Rule::new("ERR002", "fallback-syscall-eperm", Severity::Warning, check);

/// A newer call, and the older ones of which its users fall back on one after ENOSYS.
const FALLBACKS: &[(&str, &[&str])] = &[
    ("faccessat2", &["faccessat"]),
    ("openat2", &["openat"]),
    ("fchmodat2", &["fchmodat"]),
    ("statx", &["newfstatat", "fstatat64", "stat", "stat64", "fstat", "fstat64"]),
    ("close_range", &["close"]),
    ("epoll_pwait2", &["epoll_pwait", "epoll_wait"]),
    ("clock_gettime64", &["clock_gettime"]),
    ("clock_getres_time64", &["clock_getres"]),
    ("clock_nanosleep_time64", &["clock_nanosleep", "nanosleep"]),
    ("futex_time64", &["futex"]),
    ("ppoll_time64", &["ppoll", "poll"]),
    ("pselect6_time64", &["pselect6", "_newselect"]),
    ("recvmmsg_time64", &["recvmmsg"]),
    ("rt_sigtimedwait_time64", &["rt_sigtimedwait"]),
    ("sched_rr_get_interval_time64", &["sched_rr_get_interval"]),
    ("semtimedop_time64", &["semtimedop", "ipc"]),
    ("timer_gettime64", &["timer_gettime"]),
    ("timer_settime64", &["timer_settime"]),
    ("timerfd_gettime64", &["timerfd_gettime"]),
    ("timerfd_settime64", &["timerfd_settime"]),
    ("utimensat_time64", &["utimensat"]),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let mut gathered = Gathered::default();
    for &abi in meaning.policy.abis.keys() {
        for (newer, older) in FALLBACKS {
            let Some(refused) = meaning.refusal(abi, newer)? else { continue };
            for older in *older {
                if meaning.reached(abi, older)?.is_some() {
                    gathered
                        .add(document, refused.place(), newer, abi)
                        .shown_by(refused.witness)
                        .because(format!("`{newer}` falls back on `{older}`, which is allowed"));
                    break;
                }
            }
        }
    }
    // A filter for one program that is known may be for one that never makes these calls; a container's is for any.
    let severity = if document.profile().is_some() { Severity::Warning } else { Severity::Note };
    for (at, group) in gathered {
        let (names, is) = (group.names(), group.verb("is", "are"));
        let finding = findings
            .new_at(at, format!("{names} {is} refused without ENOSYS, so libraries don't fall back"))
            .here("refuses what is newer than the list")
            .at_most(severity)
            .help("allow the newer calls beside the older ones, or answer ENOSYS to them");
        findings.push(group.onto(document, finding, ""));
    }
    Ok(())
}
