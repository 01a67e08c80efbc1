//! What this kernel can do with filters, asked of it.

use std::io;

use callgate_compiler::action::Action;
use callgate_compiler::policy::FilterFlag;
use nix::sys::utsname::uname;

use crate::seccomp::{knows_action, knows_flag};

/// Whether the kernel has seccomp filters at all, and of which kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filters {
    /// The actions it knows, most severe first. Empty: it has no filters. One that it doesn't know kills the process.
    pub actions: Vec<Action>,
    /// The flags it knows.
    pub flags: Vec<FilterFlag>,
    /// This process runs under so many filters already, when the kernel says it (`Seccomp_filters` in proc(5)'s status, since 5.9).
    pub outer: Option<u32>,
}

/// Asks the kernel. Changes nothing.
#[must_use]
pub fn filters() -> Filters {
    let actions = [
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(0),
        Action::Errno(1),
        Action::Notify,
        Action::Trace(0),
        Action::Log,
        Action::Allow,
    ];
    let new_listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let knows = |flag: FilterFlag, bit: u32| {
        let bit = libc::c_ulong::from(bit);
        // This one means something only with a listener (`seccomp_set_mode_filter`, kernel/seccomp.c).
        knows_flag(if flag == FilterFlag::WaitKillableRecv { bit | new_listener } else { bit })
    };
    let some = knows_flag(0);
    Filters {
        actions: if some { actions.into_iter().filter(|&action| knows_action(action)).collect() } else { Vec::new() },
        flags: FilterFlag::ALL
            .iter()
            .filter(|&&(flag, _, bit)| some && knows(flag, bit))
            .map(|&(flag, _, _)| flag)
            .collect(),
        outer: outer(),
    }
}

/// The kernel's release and the machine, as `uname -r` and `uname -m` print them.
///
/// # Errors
/// uname(2)'s.
pub fn kernel() -> io::Result<(String, String)> {
    let names = uname()?;
    Ok((names.release().to_string_lossy().into_owned(), names.machine().to_string_lossy().into_owned()))
}

fn outer() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"))?.trim().parse().ok()
}

/// Leaves the session, so that no terminal's signal reaches this process and none of its ends is waited for by a shell. A
/// process that leads its group stays where it is.
pub fn leave_session() {
    let _ = nix::unistd::setsid();
}
