//! Why eBPF can't be used here, and what would make it work.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]

use std::error::Error;
use std::fmt;
use std::io;

/// What eBPF recording needs that is missing.
#[derive(Debug)]
pub struct Unavailable {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The BPF object reads x86 registers.
    Machine,
    /// `/sys/kernel/btf/vmlinux` can't be used.
    NoTypeInformation(String),
    /// The kernel refused for want of rights.
    NotPermitted { step: &'static str, error: io::Error, lockdown: bool },
    /// The kernel refused for another reason.
    Refused { step: &'static str, reason: String },
}

/// include/uapi/linux/capability.h
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

impl Unavailable {
    #[cfg_attr(target_arch = "x86_64", allow(dead_code))]
    pub(super) fn machine() -> Self {
        Self { kind: Kind::Machine }
    }

    pub(super) fn no_type_information(error: &(dyn Error + 'static)) -> Self {
        Self { kind: Kind::NoTypeInformation(whole(error)) }
    }

    /// When this process plainly has no rights to BPF; else only the kernel can tell. Spares the start the parsing.
    pub(super) fn without_capabilities() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        let effective = u64::from_str_radix(effective.trim(), 16).ok()?;
        let has = |capability: u32| effective >> capability & 1 == 1;
        let enough = has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON);
        (!enough).then(|| Self::refused("use bpf(2)", &io::Error::from_raw_os_error(libc::EPERM)))
    }

    /// What `error` means when it came of `step`, a verb phrase ("load the programs").
    pub(super) fn refused(step: &'static str, error: &(dyn Error + 'static)) -> Self {
        match operating_system_error(error) {
            Some(code @ (libc::EPERM | libc::EACCES)) => {
                let error = io::Error::from_raw_os_error(code);
                Self { kind: Kind::NotPermitted { step, error, lockdown: locked_down() } }
            }
            _ => Self { kind: Kind::Refused { step, reason: whole(error) } },
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Machine => write!(
                f,
                "eBPF recording isn't there yet for {}\n  next: record with the notify or ptrace backend",
                std::env::consts::ARCH
            ),
            Kind::NoTypeInformation(reason) => write!(
                f,
                "eBPF recording needs the kernel's type information at /sys/kernel/btf/vmlinux: {reason}\n  \
                 next: mount /sys, or use a kernel built with CONFIG_DEBUG_INFO_BTF"
            ),
            Kind::NotPermitted { step, error, lockdown } => write!(
                f,
                "eBPF recording isn't permitted: can't {step}: {error}\n  \
                 next: run as root, or with CAP_BPF and CAP_PERFMON in the initial user namespace{}",
                if *lockdown { "; the kernel's lockdown mode `confidentiality` forbids it to all" } else { "" }
            ),
            Kind::Refused { step, reason } => write!(
                f,
                "eBPF recording doesn't work with this kernel: can't {step}: {reason}\n  \
                 next: use Linux 5.12 or newer, or record with the notify or ptrace backend"
            ),
        }
    }
}

impl Error for Unavailable {}

/// The error number at the root of `error`.
fn operating_system_error(error: &(dyn Error + 'static)) -> Option<i32> {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .find_map(io::Error::raw_os_error)
}

/// `error` and what caused it, on one line, each part said once.
fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in std::iter::successors(Some(error), |&error| error.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// Whether the kernel runs in the lockdown mode that forbids BPF to read kernel memory (security/lockdown, since 5.4).
fn locked_down() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lockdown").is_ok_and(|modes| modes.contains("[confidentiality]"))
}
