//! Which constants a parameter is compared with.
//!
//! Values have many names (1 is `AF_UNIX`, `SOCK_STREAM`, `O_WRONLY`…); a parameter's manual page says which are meant. The
//! prefixes are those of section 2 of the Linux man-pages.

use callgate_compiler::abi::Abi;
use callgate_compiler::tables::{self, Role};

/// The constants of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vocabulary {
    /// How their names start, the likeliest first.
    prefixes: &'static [&'static str],
    /// Whether they are bits that are combined.
    pub(super) flags: bool,
    /// Below this a value is a plain number.
    least: u64,
}

/// A parameter of some calls; of no calls in particular when there are none.
struct Row {
    calls: &'static [&'static str],
    parameter: &'static str,
    prefixes: &'static [&'static str],
    flags: bool,
}

const fn values(calls: &'static [&'static str], parameter: &'static str, prefixes: &'static [&'static str]) -> Row {
    Row { calls, parameter, prefixes, flags: false }
}

const fn flags(calls: &'static [&'static str], parameter: &'static str, prefixes: &'static [&'static str]) -> Row {
    Row { calls, parameter, prefixes, flags: true }
}

/// `ioctl_list(2)` and the headers it names.
const IOCTLS: &[&str] = &[
    "TC",
    "TIOC",
    "FIO",
    "SIOC",
    "FS_IOC_",
    "BLK",
    "KVM_",
    "TUN",
    "VHOST_",
    "VFIO_",
    "LOOP_",
    "DM_",
    "NBD_",
    "RTC_",
    "WDIOC_",
    "PPPIOC",
    "DRM_IOCTL_",
    "UI_",
    "NVME_IOCTL_",
    "BINDER_",
    "I2C_",
    "HDIO_",
    "CDROM",
    "VT_",
    "KD",
    "GIO_",
    "PIO_",
    "UFFDIO_",
    "AUTOFS_",
    "BTRFS_IOC_",
    "FUSE_DEV_",
    "UDMABUF_",
    "DMA_BUF_",
    "DMA_HEAP_",
    "SYNC_IOC_",
    "IOC_OPAL_",
    "IOMMU_",
    "NS_GET_",
    "PERF_EVENT_IOC_",
    "SECCOMP_IOCTL_",
    "PIDFD_GET_",
    "SG_",
    "EVIOC",
    "FI",
    "RND",
];

/// Later rows are more general.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    values(&["ioctl"], "cmd", IOCTLS),
    values(&["socket", "socketpair"], "family", &["AF_"]),
    values(&["socket", "socketpair"], "type", &["SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_DCCP", "SOCK_PACKET", "SOCK_TYPE_MASK", "SOCK_CLOEXEC", "SOCK_NONBLOCK"]),
    flags(&["accept4"], "flags", &["SOCK_CLOEXEC", "SOCK_NONBLOCK"]),
    values(&["getsockopt", "setsockopt"], "level", &["SOL_"]),
    values(&["getsockopt", "setsockopt"], "optname", &["SO_"]),
    values(&["shutdown"], "how", &["SHUT_"]),
    values(&["socketcall"], "call", &["SYS_"]),
    flags(&["clone", "unshare", "setns"], "clone_flags", &["CLONE_"]),
    flags(&["unshare"], "unshare_flags", &["CLONE_"]),
    flags(&["setns"], "flags", &["CLONE_"]),
    values(&["personality"], "personality", &["PER_LINUX", "PER_MASK", "UNAME26", "ADDR_", "READ_IMPLIES_EXEC", "SHORT_INODE", "WHOLE_SECONDS", "STICKY_TIMEOUTS", "MMAP_PAGE_ZERO", "PER_"]),
    values(&["prctl"], "option", &["PR_SET_", "PR_GET_", "PR_CAP", "PR_"]),
    values(&["arch_prctl"], "option", &["ARCH_"]),
    values(&["keyctl"], "option", &["KEYCTL_"]),
    values(&["ptrace"], "request", &["PTRACE_"]),
    values(&["bpf"], "cmd", &["BPF_MAP_", "BPF_PROG_", "BPF_OBJ_", "BPF_BTF_", "BPF_LINK_"]),
    values(&["fcntl", "fcntl64"], "cmd", &["F_DUPFD", "F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_GETLK", "F_SETLK", "F_SETOWN", "F_GETOWN", "F_SETSIG", "F_GETSIG", "F_ADD_SEALS", "F_GET_SEALS", "F_OFD_", "F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_SETLEASE", "F_GETLEASE", "F_NOTIFY", "F_GET_", "F_SET_"]),
    values(&["futex", "futex_time64"], "op", &["FUTEX_WAIT", "FUTEX_WAKE", "FUTEX_REQUEUE", "FUTEX_CMP_", "FUTEX_LOCK_PI", "FUTEX_UNLOCK_PI", "FUTEX_TRYLOCK_PI", "FUTEX_PRIVATE_FLAG", "FUTEX_CLOCK_REALTIME", "FUTEX_CMD_MASK", "FUTEX_FD"]),
    values(&["seccomp"], "op", &["SECCOMP_SET_", "SECCOMP_GET_"]),
    flags(&["seccomp"], "flags", &["SECCOMP_FILTER_FLAG_"]),
    values(&["epoll_ctl"], "op", &["EPOLL_CTL_"]),
    flags(&["epoll_create1"], "flags", &["EPOLL_CLOEXEC"]),
    flags(&["eventfd2"], "flags", &["EFD_"]),
    flags(&["signalfd4"], "flags", &["SFD_"]),
    flags(&["timerfd_create"], "flags", &["TFD_CLOEXEC", "TFD_NONBLOCK"]),
    flags(&["inotify_init1"], "flags", &["IN_CLOEXEC", "IN_NONBLOCK"]),
    flags(&["memfd_create"], "flags", &["MFD_"]),
    flags(&["getrandom"], "flags", &["GRND_"]),
    flags(&["userfaultfd"], "flags", &["O_CLOEXEC", "O_NONBLOCK", "UFFD_USER_MODE_ONLY"]),
    flags(&["open", "openat", "pipe2", "dup3", "open_by_handle_at"], "flags", &["O_"]),
    flags(&["mq_open"], "oflag", &["O_"]),
    flags(&["mmap", "mmap2"], "flags", &["MAP_"]),
    flags(&["mlockall"], "flags", &["MCL_"]),
    flags(&["mremap"], "flags", &["MREMAP_"]),
    flags(&["msync"], "flags", &["MS_ASYNC", "MS_INVALIDATE", "MS_SYNC"]),
    flags(&["mount"], "flags", &["MS_"]),
    flags(&["umount2"], "flags", &["MNT_", "UMOUNT_"]),
    flags(&["renameat2"], "flags", &["RENAME_"]),
    flags(&["close_range"], "flags", &["CLOSE_RANGE_"]),
    flags(&["preadv2", "pwritev2"], "flags", &["RWF_"]),
    flags(&["splice", "tee", "vmsplice"], "flags", &["SPLICE_F_"]),
    flags(&["sendto", "sendmsg", "sendmmsg", "send", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "recv"], "flags", &["MSG_"]),
    flags(&["fanotify_init"], "flags", &["FAN_CLASS_", "FAN_CLOEXEC", "FAN_NONBLOCK"]),
    flags(&["faccessat2", "fstatat64", "newfstatat", "unlinkat", "linkat", "fchownat", "statx", "execveat", "name_to_handle_at", "utimensat", "fchmodat2"], "flags", &["AT_"]),
    flags(&["unlinkat", "fchownat", "newfstatat", "fstatat64", "name_to_handle_at"], "flag", &["AT_"]),
    flags(&["pidfd_open"], "flags", &["PIDFD_NONBLOCK", "PIDFD_THREAD"]),
    flags(&["perf_event_open"], "flags", &["PERF_FLAG_"]),
    flags(&["wait4", "waitid", "waitpid"], "options", &["WNOHANG", "WUNTRACED", "WSTOPPED", "WEXITED", "WCONTINUED", "WNOWAIT", "__W"]),
    flags(&["", "shmget"], "shmflg", &["SHM_", "IPC_"]),
    values(&["shmctl", "semctl", "msgctl"], "cmd", &["IPC_RMID", "IPC_SET", "IPC_STAT", "IPC_INFO"]),
    values(&["flock"], "cmd", &["LOCK_"]),
    values(&["fsconfig"], "cmd", &["FSCONFIG_"]),
    values(&["membarrier"], "cmd", &["MEMBARRIER_CMD_"]),
    values(&["reboot"], "cmd", &["LINUX_REBOOT_CMD_"]),
    values(&["reboot"], "magic1", &["LINUX_REBOOT_MAGIC1"]),
    values(&["reboot"], "magic2", &["LINUX_REBOOT_MAGIC2"]),
    values(&["rt_sigprocmask", "sigprocmask"], "how", &["SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"]),
    values(&["mbind", "set_mempolicy"], "mode", &["MPOL_"]),
    values(&["sched_setscheduler"], "policy", &["SCHED_NORMAL", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_IDLE", "SCHED_DEADLINE", "SCHED_EXT", "SCHED_RESET_ON_FORK"]),
    values(&["getpriority", "setpriority"], "which", &["PRIO_PROCESS", "PRIO_PGRP", "PRIO_USER"]),
    values(&["getitimer", "setitimer"], "which", &["ITIMER_"]),
    values(&["waitid"], "which", &["P_"]),
    values(&["ioprio_get", "ioprio_set"], "which", &["IOPRIO_WHO_"]),
    values(&["kcmp"], "type", &["KCMP_"]),
    values(&["syslog"], "type", &["SYSLOG_ACTION_"]),
    values(&[], "clockid", &["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_PROCESS", "CLOCK_THREAD", "CLOCK_BOOTTIME", "CLOCK_"]),
    values(&[], "which_clock", &["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_PROCESS", "CLOCK_THREAD", "CLOCK_BOOTTIME", "CLOCK_"]),
    values(&[], "behavior", &["MADV_"]),
    values(&[], "advice", &["POSIX_FADV_"]),
    values(&[], "resource", &["RLIMIT_"]),
    values(&[], "whence", &["SEEK_"]),
    values(&[], "origin", &["SEEK_"]),
    flags(&[], "prot", &["PROT_"]),
];

/// Names that are meant less often than others of their value: second names, and what starts like a parameter's constants and
/// belongs to another parameter.
const SECOND: &[&str] = &[
    "AF_LOCAL",
    "AF_ROUTE",
    "O_NDELAY",
    "SIGIOT",
    "SIGPOLL",
    "SIGUNUSED",
    "SIGSWI",
    "MAP_ANON",
    "TIOCINQ",
    "MS_ASYNC",
    "MS_INVALIDATE",
    "MS_SYNC",
    "KEYCTL_MOVE_EXCL",
];

/// The same by how they start.
const SECOND_PREFIXES: &[&str] = &[
    "PR_SET_MM_",
    "PR_CAP_AMBIENT_",
    "KEYCTL_CAPS",
    "KEYCTL_SUPPORTS_",
    "PTRACE_EVENT_",
    "PTRACE_O_",
    "PTRACE_PEEKSIGINFO_",
    "PTRACE_SYSCALL_INFO_",
    "BPF_PROG_TYPE_",
    "BPF_MAP_TYPE_",
    "BPF_LINK_TYPE_",
    "MPOL_F_",
    "MPOL_MF_",
    "CLONE_ARGS_",
];

fn is_second(name: &str) -> bool {
    SECOND.contains(&name) || SECOND_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The constants that a parameter of a call is compared with.
pub(super) fn of(call: &str, parameter: &str, role: Role) -> Option<Vocabulary> {
    let row = ROWS.iter().find(|row| row.parameter == parameter && (row.calls.is_empty() || row.calls.contains(&call)));
    if let Some(row) = row {
        // Below, an ioctl's number is of the oldest kind, and other constants have it too.
        let least = if call == "ioctl" { 0x1000 } else { 0 };
        return Some(Vocabulary { prefixes: row.prefixes, flags: row.flags, least });
    }
    match role {
        Role::Signal => Some(Vocabulary { prefixes: &["SIG"], flags: false, least: 1 }),
        Role::Mode => Some(Vocabulary { prefixes: &["S_I"], flags: true, least: 1 }),
        Role::Fd => Some(Vocabulary { prefixes: &["AT_FDCWD"], flags: false, least: 1 }),
        _ => None,
    }
}

impl Vocabulary {
    /// The name of a value as [`tables::constant`] gives it.
    pub(super) fn name(self, abi: Abi, value: u64) -> Option<&'static str> {
        if value < self.least {
            return None;
        }
        let rank = |name: &'static str| {
            let prefix = self.prefixes.iter().position(|prefix| {
                // `SIG` starts `SIGHUP` and not `SIG_DFL`.
                name.strip_prefix(prefix).is_some_and(|rest| prefix.ends_with('_') || !rest.starts_with('_'))
            })?;
            Some((is_second(name), prefix, name.len() > 40, name))
        };
        tables::constants_of(abi, value).filter_map(rank).min().map(|(.., name)| name)
    }
}
