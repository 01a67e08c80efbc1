//! # clock-and-host-settings
//!
//! ## What
//! A call that changes what belongs to the whole machine is within reach: its clock, its name, its swap, its accounting,
//! its quotas, whether it runs.
//!
//! ## Why
//! They ask for a capability: `CAP_SYS_TIME`, `CAP_SYS_ADMIN`, `CAP_SYS_BOOT`, `CAP_SYS_PACCT`. Where the process holds it,
//! there is one clock for all; where it doesn't, the finding is a note. The calls that also read the clock (`adjtimex`,
//! `clock_adjtime`) are found only where they can set it.
//!
//! ## Example
//! ```gate cap=SYS_TIME at="clock_settime"
//! deny: all
//! allow: clock_settime
//! ```
//! ```docker at="swapon"
//! {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```gate
//! deny: all
//! allow: adjtimex, clock_gettime
//! when cap SYS_TIME { allow: clock_settime, settimeofday }
//! ```
//!
//! ## Fix
//! Leave the calls out, or allow them where the capability is given: `when cap SYS_TIME { allow: clock_settime }`.
//!
//! ## Sources
//! - capabilities(7)
//! - Docker documentation, "Seccomp security profiles for Docker"

use callgate_compiler::outcome::Undecided;
use callgate_grammar::Severity;

use super::reach::reach;
use crate::document::Document;
use crate::finding::Findings;
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule::new("EXP016", "clock-and-host-settings", Severity::Warning, check);

const SETTERS: [&str; 11] = [
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "sethostname",
    "setdomainname",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
];
/// They read as well, for everyone.
const READ_AS_WELL: [&str; 3] = ["adjtimex", "clock_adjtime", "clock_adjtime64"];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    let sets_the_clock = meaning.capabilities.contains("SYS_TIME");
    let calls = SETTERS.into_iter().chain(READ_AS_WELL.into_iter().filter(|_| sets_the_clock)).chain(["quotactl_fd"]);
    reach(document, findings, calls, "it changes what belongs to the whole machine")
}
