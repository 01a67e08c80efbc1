//! # missing-compat-variant
//!
//! ## What
//! A 32-bit ABI is listed, and calls are allowed by their 64-bit names only.
//!
//! ## Why
//! 32-bit programs make other calls for the same work: `mmap2` for `mmap`, `fcntl64` for `fcntl`, `_llseek` for
//! `lseek`, `clock_gettime64` for `clock_gettime`. Without them no 32-bit program starts, and with a refusal by EPERM
//! musl and glibc don't fall back from the 64-bit times (moby a505763).
//!
//! ## Example
//! ```docker at="SCMP_ARCH_X86"
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
//!   {"names": ["read", "write", "mmap", "fcntl", "lseek", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Near miss
//! ```docker
//! {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
//!   {"names": ["read", "write", "mmap", "mmap2", "fcntl", "fcntl64", "lseek", "_llseek", "exit_group"],
//!     "action": "SCMP_ACT_ALLOW"}]}
//! ```
//!
//! ## Fix
//! Allow the variants too, or take the 32-bit ABI out of the list.
//!
//! ## Sources
//! - syscalls(2); include/uapi/asm-generic/unistd.h, Linux 6.12
//! - moby a505763; docker-alpine issue 135

use callgate_compiler::abi::Abi;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::tables;
use callgate_grammar::tree::StatementKind;
use callgate_grammar::{Severity, Span};

use crate::document::{Document, Form};
use crate::finding::Findings;
use crate::rule::Rule;
use crate::rules::gathered::listed;

pub(super) const RULE: Rule = Rule::new("ABI006", "missing-compat-variant", Severity::Warning, check);

/// A call as 64-bit ABIs have it, and the one that C libraries make in its place on 32-bit ones that have it (syscalls(2)).
const VARIANTS: &[(&str, &str)] = &[
    ("mmap", "mmap2"),
    ("fcntl", "fcntl64"),
    ("lseek", "_llseek"),
    ("newfstatat", "fstatat64"),
    ("fstat", "fstat64"),
    ("stat", "stat64"),
    ("lstat", "lstat64"),
    ("statfs", "statfs64"),
    ("fstatfs", "fstatfs64"),
    ("truncate", "truncate64"),
    ("ftruncate", "ftruncate64"),
    ("sendfile", "sendfile64"),
    ("getrlimit", "ugetrlimit"),
    ("select", "_newselect"),
    ("chown", "chown32"),
    ("fchown", "fchown32"),
    ("lchown", "lchown32"),
    ("getuid", "getuid32"),
    ("getgid", "getgid32"),
    ("geteuid", "geteuid32"),
    ("getegid", "getegid32"),
    ("getgroups", "getgroups32"),
    ("setgroups", "setgroups32"),
    ("setuid", "setuid32"),
    ("setgid", "setgid32"),
    ("setreuid", "setreuid32"),
    ("setregid", "setregid32"),
    ("setresuid", "setresuid32"),
    ("setresgid", "setresgid32"),
    ("getresuid", "getresuid32"),
    ("getresgid", "getresgid32"),
    ("clock_gettime", "clock_gettime64"),
    ("clock_settime", "clock_settime64"),
    ("clock_getres", "clock_getres_time64"),
    ("clock_nanosleep", "clock_nanosleep_time64"),
    ("timer_gettime", "timer_gettime64"),
    ("timer_settime", "timer_settime64"),
    ("timerfd_gettime", "timerfd_gettime64"),
    ("timerfd_settime", "timerfd_settime64"),
    ("utimensat", "utimensat_time64"),
    ("pselect6", "pselect6_time64"),
    ("ppoll", "ppoll_time64"),
    ("recvmmsg", "recvmmsg_time64"),
    ("mq_timedsend", "mq_timedsend_time64"),
    ("mq_timedreceive", "mq_timedreceive_time64"),
    ("semtimedop", "semtimedop_time64"),
    ("rt_sigtimedwait", "rt_sigtimedwait_time64"),
    ("futex", "futex_time64"),
    ("sched_rr_get_interval", "sched_rr_get_interval_time64"),
];

fn check(document: &Document, findings: &mut Findings) -> Result<(), Undecided> {
    let Some(meaning) = &document.meaning else { return Ok(()) };
    for &abi in meaning.policy.abis.keys() {
        let native = abi.native();
        if abi.long_bits() != 32 || abi == native || !meaning.policy.abis.contains_key(&native) {
            continue;
        }
        let Some(place) = place_of(document, abi) else { continue };
        let mut missing = Vec::new();
        let mut witness = None;
        for (call, variant) in VARIANTS {
            // Only where the 64-bit call is allowed, and the 32-bit ABI has both an own name and nothing said for it.
            if tables::number(native, variant).is_some() || meaning.reached(native, call)?.is_none() {
                continue;
            }
            if let Some(refused) = meaning.refusal(abi, variant)?
                && meaning.is_default(abi, refused.decision)
            {
                missing.push(*variant);
                witness.get_or_insert(refused.witness);
            }
        }
        let Some(witness) = witness else { continue };
        let finding = findings
            .new_at(
                place,
                format!(
                    "{abi} is let in without the calls that its programs make: {}",
                    listed(missing.iter().copied())
                ),
            )
            .here("32-bit programs fail")
            .shown_by(witness)
            .help("allow them too, or take the ABI out of the list");
        findings.push(if missing.len() > 4 {
            finding.because(format!("all of them: {}", missing.join(", ")))
        } else {
            finding
        });
    }
    Ok(())
}

/// Where the document lists an ABI.
fn place_of(document: &Document, abi: Abi) -> Option<Span> {
    match document.form.as_ref()? {
        Form::Profile(_, profile) => {
            let mut listed = profile.all_architectures().filter(|architecture| architecture.value == Ok(abi));
            listed.next().map(|architecture| architecture.span)
        }
        Form::Policy(units) => units.iter().flat_map(|unit| &unit.file.statements).find_map(|statement| {
            let StatementKind::Arch(names) = &statement.node else { return None };
            names.iter().find(|name| name.node.parse() == Ok(abi)).map(|name| name.span)
        }),
        Form::Text(_) | Form::Filter(_) | Form::Workload(_) => None,
    }
}
