//! The names of actions, architectures and comparisons in OCI files (runtime-spec, config-linux.md, "Seccomp").

use super::Comparison;

/// An action of runtime-spec, without its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionName {
    /// `SCMP_ACT_KILL_THREAD`, and `SCMP_ACT_KILL`, its older name.
    KillThread,
    /// `SCMP_ACT_KILL_PROCESS`
    KillProcess,
    /// `SCMP_ACT_TRAP`
    Trap,
    /// `SCMP_ACT_ERRNO`
    Errno,
    /// `SCMP_ACT_TRACE`
    Trace,
    /// `SCMP_ACT_ALLOW`
    Allow,
    /// `SCMP_ACT_LOG`
    Log,
    /// `SCMP_ACT_NOTIFY`
    Notify,
}

/// Every name an action has.
pub(super) const ACTIONS: &[(&str, ActionName)] = &[
    ("SCMP_ACT_KILL", ActionName::KillThread),
    ("SCMP_ACT_KILL_PROCESS", ActionName::KillProcess),
    ("SCMP_ACT_KILL_THREAD", ActionName::KillThread),
    ("SCMP_ACT_TRAP", ActionName::Trap),
    ("SCMP_ACT_ERRNO", ActionName::Errno),
    ("SCMP_ACT_TRACE", ActionName::Trace),
    ("SCMP_ACT_ALLOW", ActionName::Allow),
    ("SCMP_ACT_LOG", ActionName::Log),
    ("SCMP_ACT_NOTIFY", ActionName::Notify),
];

/// Every comparison, and whether it takes a mask.
pub(super) const COMPARISONS: &[(&str, (Comparison, bool))] = &[
    ("SCMP_CMP_NE", (Comparison::NotEqual, false)),
    ("SCMP_CMP_LT", (Comparison::Less, false)),
    ("SCMP_CMP_LE", (Comparison::LessOrEqual, false)),
    ("SCMP_CMP_EQ", (Comparison::Equal, false)),
    ("SCMP_CMP_GE", (Comparison::GreaterOrEqual, false)),
    ("SCMP_CMP_GT", (Comparison::Greater, false)),
    ("SCMP_CMP_MASKED_EQ", (Comparison::Equal, true)),
];

/// The architectures of runtime-spec 1.2.1; those the tables lack are passed over with a note.
pub(super) const ARCHITECTURES: &[&str] = &[
    "X86",
    "X86_64",
    "X32",
    "ARM",
    "AARCH64",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PPC",
    "PPC64",
    "PPC64LE",
    "S390",
    "S390X",
    "PARISC",
    "PARISC64",
    "RISCV64",
    "LOONGARCH64",
    "M68K",
    "SH",
    "SHEB",
];

impl ActionName {
    /// Whether the action takes a number.
    pub(crate) fn takes_errno(self) -> bool {
        matches!(self, Self::Errno | Self::Trace)
    }

    /// The action with its number, as the language writes it.
    pub(crate) fn verb(self, number: u16) -> String {
        let plain = match self {
            Self::KillThread => "kill-thread",
            Self::KillProcess => "kill",
            Self::Trap => "trap",
            Self::Allow => "allow",
            Self::Log => "log",
            Self::Notify => "notify",
            Self::Trace => return format!("trace({number})"),
            Self::Errno => return crate::import::constants::errno_verb(u64::from(number)),
        };
        plain.to_owned()
    }

    /// Its name in files.
    pub(crate) fn name(self) -> &'static str {
        ACTIONS.iter().rev().find(|(_, action)| *action == self).map_or("", |(name, _)| name)
    }
}
