//! What a filter can do with a call.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest errno a filter can return (`MAX_ERRNO`, include/linux/err.h; kernel/seccomp.c caps at it).
pub const MAX_ERRNO: u16 = 4095;

/// What happens to a call. The numbers are the low 16 bits of the filter's return value (`SECCOMP_RET_DATA`).
///
/// The order is the kernel's, most severe first: of several filters, the least wins (kernel/seccomp.c,
/// `seccomp_run_filters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Kills the process with SIGSYS.
    KillProcess,
    /// Kills the calling thread.
    KillThread,
    /// Sends SIGSYS; the number arrives as `si_errno`.
    Trap(u16),
    /// The call returns this errno; at most [`MAX_ERRNO`].
    Errno(u16),
    /// Asks the supervisor behind the listener.
    Notify,
    /// Stops for a ptrace tracer with this event message; ENOSYS without one.
    Trace(u16),
    /// Allows, and writes an audit record.
    Log,
    /// Allows.
    Allow,
}

impl Action {
    /// The filter's return value (`SECCOMP_RET_*`, include/uapi/linux/seccomp.h).
    #[must_use]
    pub fn ret(self) -> u32 {
        match self {
            Self::KillProcess => 0x8000_0000,
            Self::KillThread => 0,
            Self::Trap(data) => 0x0003_0000 | u32::from(data),
            Self::Errno(errno) => 0x0005_0000 | u32::from(errno),
            Self::Notify => 0x7fc0_0000,
            Self::Trace(data) => 0x7ff0_0000 | u32::from(data),
            Self::Log => 0x7ffc_0000,
            Self::Allow => 0x7fff_0000,
        }
    }

    /// What the kernel does on a return value: data that it ignores is dropped, a too large errno is capped, an unknown
    /// action kills the process (kernel/seccomp.c, `__seccomp_filter`).
    #[must_use]
    pub fn from_ret(ret: u32) -> Self {
        let data = (ret & 0xffff) as u16;
        match ret & 0xffff_0000 {
            0 => Self::KillThread,
            0x0003_0000 => Self::Trap(data),
            0x0005_0000 => Self::Errno(data.min(MAX_ERRNO)),
            0x7fc0_0000 => Self::Notify,
            0x7ff0_0000 => Self::Trace(data),
            0x7ffc_0000 => Self::Log,
            0x7fff_0000 => Self::Allow,
            _ => Self::KillProcess,
        }
    }

    /// Whether the call goes on without anyone's say.
    #[must_use]
    pub fn permits(self) -> bool {
        matches!(self, Self::Allow | Self::Log)
    }
}

impl fmt::Display for Action {
    /// As the language spells it. Errnos are numbers here; `tables::errno_name` knows their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillProcess => f.write_str("kill"),
            Self::KillThread => f.write_str("kill-thread"),
            Self::Trap(0) => f.write_str("trap"),
            Self::Trap(data) => write!(f, "trap({data})"),
            Self::Errno(errno) => write!(f, "errno({errno})"),
            Self::Notify => f.write_str("notify"),
            Self::Trace(data) => write!(f, "trace({data})"),
            Self::Log => f.write_str("log"),
            Self::Allow => f.write_str("allow"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_values_come_back() {
        for action in [
            Action::KillProcess,
            Action::KillThread,
            Action::Trap(7),
            Action::Errno(38),
            Action::Notify,
            Action::Trace(9),
            Action::Log,
            Action::Allow,
        ] {
            assert_eq!(Action::from_ret(action.ret()), action);
        }
        assert_eq!(Action::from_ret(0x0005_ffff), Action::Errno(MAX_ERRNO));
        assert_eq!(Action::from_ret(0x1234_0000), Action::KillProcess);
        assert_eq!(Action::from_ret(0x7fff_0001), Action::Allow);
    }

    #[test]
    fn the_order_is_the_kernels() {
        let signed = |action: Action| (action.ret() & 0xffff_0000).cast_signed();
        let all = [
            Action::KillProcess,
            Action::KillThread,
            Action::Trap(0),
            Action::Errno(0),
            Action::Notify,
            Action::Trace(0),
            Action::Log,
            Action::Allow,
        ];
        assert!(all.windows(2).all(|pair| pair[0] < pair[1] && signed(pair[0]) < signed(pair[1])));
    }
}
