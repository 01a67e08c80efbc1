//! Facts that can be looked up elsewhere, one line each.

use callgate_grammar::tree::Version;

use crate::abi::{Abi, X32_BIT};
use crate::condition::Width;
use crate::tables::{self, Role};

fn order(abi: Abi, call: &str) -> Vec<&'static str> {
    tables::prototype(abi, call).unwrap_or_default().iter().map(|parameter| parameter.name).collect()
}

fn at(abi: Abi, call: &str, name: &str) -> (u8, Width, bool, Role) {
    let (position, parameter) = tables::parameter(abi, call, name).unwrap_or_else(|| panic!("{abi} {call} {name}"));
    (position, parameter.width, parameter.signed, parameter.role)
}

#[test]
fn numbers() {
    assert_eq!(tables::number(Abi::X86_64, "socket"), Some(41));
    assert_eq!(tables::number(Abi::X86, "socketcall"), Some(102));
    assert_eq!(tables::number(Abi::Aarch64, "newfstatat"), Some(79));
    assert_eq!(tables::number(Abi::Aarch64, "open"), None);
    assert_eq!(tables::number(Abi::X32, "read"), Some(X32_BIT));
    assert_eq!(tables::number(Abi::X32, "rt_sigaction"), Some(X32_BIT | 512));
    assert_eq!(tables::number(Abi::X32, "pwritev2"), Some(X32_BIT | 547));
    assert_eq!(tables::name(Abi::X32, X32_BIT | 13), None, "64-bit rt_sigaction is not an x32 call");
    assert_eq!(tables::calls(Abi::X32).filter(|(number, _)| number & !X32_BIT >= 512).count(), 36);
}

#[test]
fn clone_has_three_orders() {
    let backwards = ["clone_flags", "newsp", "parent_tidptr", "tls", "child_tidptr"];
    assert_eq!(order(Abi::X86_64, "clone"), ["clone_flags", "newsp", "parent_tidptr", "child_tidptr", "tls"]);
    assert_eq!(order(Abi::X32, "clone"), order(Abi::X86_64, "clone"));
    assert_eq!(order(Abi::Aarch64, "clone"), backwards);
    assert_eq!(at(Abi::X86, "clone", "tls").0, 3);
    for &abi in Abi::ALL {
        assert_eq!(at(abi, "clone", "flags"), (0, Width::W32, false, Role::Flags), "{abi}");
        assert_eq!(at(abi, "clone", "stack").3, Role::Pointer);
    }
}

#[test]
fn parameters() {
    assert_eq!(at(Abi::X86_64, "socket", "family"), (0, Width::W32, true, Role::Selector));
    assert_eq!(at(Abi::X86_64, "socket", "domain"), at(Abi::X86_64, "socket", "family"));
    assert_eq!(at(Abi::X86_64, "personality", "persona"), (0, Width::W32, false, Role::Selector));
    assert_eq!(at(Abi::Aarch64, "personality", "persona"), (0, Width::W32, false, Role::Selector));
    assert_eq!(at(Abi::X86_64, "ioctl", "request"), (1, Width::W32, false, Role::Selector));
    assert_eq!(at(Abi::X86_64, "mmap", "prot"), (2, Width::W64, false, Role::Flags));
    assert_eq!(at(Abi::X86_64, "mmap", "addr").3, Role::Pointer);
    assert_eq!(at(Abi::X86_64, "mmap", "offset").0, 5);
    assert_eq!(at(Abi::X86_64, "unshare", "flags"), (0, Width::W64, false, Role::Flags));
    assert_eq!(at(Abi::X86_64, "prctl", "option"), (0, Width::W32, true, Role::Selector));
    assert_eq!(at(Abi::X86_64, "ptrace", "request"), (0, Width::W64, true, Role::Selector));
    assert_eq!(at(Abi::X86_64, "kill", "pid"), (0, Width::W32, true, Role::Pid));
    assert_eq!(at(Abi::X86_64, "openat2", "how"), (2, Width::W64, false, Role::Pointer));
    assert_eq!(at(Abi::X86_64, "openat", "flags"), (2, Width::W32, true, Role::Flags));
    assert_eq!(at(Abi::X86_64, "readv", "fd"), (0, Width::W32, false, Role::Fd), "cut by fdget_pos()");
    assert_eq!(at(Abi::X32, "ioctl", "arg"), (2, Width::W32, false, Role::Value), "compat_sys_ioctl");
    assert_eq!(at(Abi::X32, "mmap", "prot"), at(Abi::X86_64, "mmap", "prot"));
    assert_eq!(order(Abi::X86, "mmap"), ["arg"], "the old mmap takes a structure");
    assert_eq!(order(Abi::X86, "pread64"), ["fd", "ubuf", "count", "poslo", "poshi"]);
    assert_eq!(order(Abi::X86_64, "getpid"), [""; 0]);
    assert_eq!(tables::parameter(Abi::X86_64, "read", "arg0"), None);
    let (_, mode) = tables::parameter(Abi::X86_64, "chmod", "mode").unwrap();
    assert_eq!((mode.bits, mode.width, mode.role), (16, Width::W32, Role::Mode));
    let (_, user) = tables::parameter(Abi::X86, "chown", "user").unwrap();
    assert_eq!((user.bits, user.role), (16, Role::Id));
}

#[test]
fn versions() {
    let version = |major, minor| Some(Version { major, minor });
    assert_eq!(tables::introduced(Abi::X86_64, "openat2"), version(5, 6));
    assert_eq!(tables::introduced(Abi::X86_64, "openat"), version(2, 6));
    assert_eq!(tables::introduced(Abi::X86, "socket"), version(4, 3));
    assert_eq!(tables::introduced(Abi::X86_64, "socket"), version(2, 0));
    assert_eq!(tables::introduced(Abi::Aarch64, "read"), version(3, 7));
    assert_eq!(tables::introduced(Abi::Aarch64, "mseal"), version(6, 10));
    assert_eq!(tables::introduced(Abi::Aarch64, "open"), None);
}

#[test]
fn constants() {
    let mut wrong = Vec::new();
    for (abi, name, value) in [
        (Abi::X86_64, "O_DIRECTORY", 0o200_000),
        (Abi::Aarch64, "O_DIRECTORY", 0o40_000),
        (Abi::X86_64, "O_LARGEFILE", 0o100_000),
        (Abi::Aarch64, "O_LARGEFILE", 0o400_000),
        (Abi::X86_64, "TIOCSTI", 0x5412),
        (Abi::X86_64, "TUNSETIFF", 0x4004_54ca),
        (Abi::X86_64, "FS_IOC_GETFLAGS", 0x8008_6601),
        (Abi::X86, "FS_IOC_GETFLAGS", 0x8004_6601),
        (Abi::X86_64, "UFFDIO_API", 0xc018_aa3f),
        (Abi::X86_64, "KVM_CREATE_VM", 0xae01),
        (Abi::X86_64, "AT_FDCWD", 0xffff_ffff_ffff_ff9c),
        (Abi::X86_64, "AF_VSOCK", 40),
        (Abi::X86_64, "PF_VSOCK", 40),
        (Abi::X86_64, "SOCK_CLOEXEC", 0o2_000_000),
        (Abi::X86_64, "SOCK_RAW", 3),
        (Abi::X86_64, "NETLINK_AUDIT", 9),
        (Abi::X86_64, "IPPROTO_ICMP", 1),
        (Abi::X86_64, "CLONE_NEWUSER", 0x1000_0000),
        (Abi::X86_64, "PROT_EXEC", 4),
        (Abi::X86_64, "MAP_ANONYMOUS", 0x20),
        (Abi::X86, "MAP_32BIT", 0x40),
        (Abi::X86_64, "MADV_DONTNEED", 4),
        (Abi::X86_64, "MREMAP_MAYMOVE", 1),
        (Abi::X86_64, "MS_BIND", 4096),
        (Abi::X86_64, "MNT_DETACH", 2),
        (Abi::X86_64, "PR_SET_NO_NEW_PRIVS", 38),
        (Abi::X86_64, "PR_SET_PTRACER_ANY", u64::MAX),
        (Abi::X86, "PR_SET_PTRACER_ANY", 0xffff_ffff),
        (Abi::X86_64, "ARCH_SET_FS", 0x1002),
        (Abi::X86_64, "F_SETLK", 6),
        (Abi::X86_64, "F_DUPFD_CLOEXEC", 1030),
        (Abi::X86_64, "FD_CLOEXEC", 1),
        (Abi::X86_64, "LOCK_EX", 2),
        (Abi::X86_64, "S_IFCHR", 0o20_000),
        (Abi::X86_64, "SEEK_END", 2),
        (Abi::X86_64, "FUTEX_WAKE", 1),
        (Abi::X86_64, "EPOLL_CTL_ADD", 1),
        (Abi::X86_64, "KEYCTL_JOIN_SESSION_KEYRING", 1),
        (Abi::X86_64, "BPF_PROG_LOAD", 5),
        (Abi::X86_64, "PTRACE_ATTACH", 16),
        (Abi::X86_64, "PTRACE_GETREGS", 12),
        (Abi::X86_64, "SECCOMP_SET_MODE_FILTER", 1),
        (Abi::X86_64, "PER_LINUX32", 8),
        (Abi::X86_64, "ADDR_NO_RANDOMIZE", 0x40000),
        (Abi::X86_64, "SIGKILL", 9),
        (Abi::X86_64, "CLOCK_MONOTONIC", 1),
        (Abi::X86_64, "RLIMIT_NOFILE", 7),
        (Abi::X86_64, "IPC_STAT", 2),
        (Abi::X86_64, "SHM_EXEC", 0o100_000),
        (Abi::X86_64, "SETVAL", 16),
        (Abi::X86_64, "RWF_NOWAIT", 8),
        (Abi::X86_64, "GRND_RANDOM", 2),
        (Abi::X86_64, "MFD_EXEC", 16),
        (Abi::X86_64, "UFFD_USER_MODE_ONLY", 1),
        (Abi::X86_64, "USERFAULTFD_IOC_NEW", 0xaa00),
        (Abi::X86_64, "LINUX_REBOOT_CMD_KEXEC", 0x4558_4543),
        (Abi::X86_64, "PERF_FLAG_FD_CLOEXEC", 8),
        (Abi::X86_64, "PRIO_USER", 2),
        (Abi::X86_64, "SCHED_FIFO", 1),
        (Abi::X86_64, "TCGETS", 0x5401),
        (Abi::X86_64, "TCGETS2", 0x802c_542a),
        (Abi::X86_64, "TIOCLINUX", 0x541c),
        (Abi::X86_64, "TIOCGWINSZ", 0x5413),
        (Abi::X86_64, "FIONREAD", 0x541b),
        (Abi::X86_64, "FIONBIO", 0x5421),
        (Abi::X86_64, "FIOCLEX", 0x5451),
        (Abi::X86_64, "SIOCGIFADDR", 0x8915),
        (Abi::X86_64, "SIOCETHTOOL", 0x8946),
        (Abi::X86_64, "BLKGETSIZE64", 0x8008_1272),
        (Abi::X86, "BLKGETSIZE64", 0x8004_1272),
        (Abi::X86_64, "LOOP_SET_FD", 0x4c00),
        (Abi::X86_64, "FICLONE", 0x4004_9409),
        (Abi::X86_64, "SO_PEERCRED", 17),
        (Abi::X86_64, "SOL_SOCKET", 1),
        (Abi::X86_64, "SOL_ALG", 279),
        (Abi::X86_64, "TCP_NODELAY", 1),
        (Abi::X86_64, "IPV6_V6ONLY", 26),
        (Abi::X86_64, "IORING_REGISTER_BUFFERS", 0),
        (Abi::X86_64, "KCMP_FILE", 0),
        (Abi::X86_64, "MEMBARRIER_CMD_GLOBAL", 1),
        (Abi::X86_64, "FSCONFIG_CMD_CREATE", 6),
        (Abi::X86_64, "STATX_BASIC_STATS", 0x7ff),
        (Abi::X86_64, "SYS_ACCEPT4", 18),
        (Abi::X86_64, "SEMOP", 1),
        (Abi::X86_64, "Q_QUOTAON", 0x80_0002),
        (Abi::X86_64, "CAP_SYS_ADMIN", 21),
        (Abi::X86_64, "SIG_BLOCK", 0),
        (Abi::X86_64, "P_PIDFD", 3),
        (Abi::X86_64, "WNOHANG", 1),
        (Abi::X86_64, "SYSLOG_ACTION_READ_ALL", 3),
        (Abi::X86_64, "ITIMER_REAL", 0),
        (Abi::X86_64, "RUSAGE_SELF", 0),
        (Abi::X86_64, "RUSAGE_CHILDREN", u64::MAX),
        (Abi::X86_64, "R_OK", 4),
        (Abi::X86_64, "MPOL_BIND", 2),
        (Abi::X86_64, "TIOCSCTTY", 0x540e),
        (Abi::X86_64, "MSG_OOB", 1),
        (Abi::X86, "SO_RCVTIMEO", 20),
        (Abi::X32, "SO_RCVTIMEO", 20),
        (Abi::X86, "SIOCGSTAMP", 0x8906),
        (Abi::X86_64, "SIGRTMAX", 64),
    ] {
        if tables::constant(abi, name) != Some(value) {
            wrong.push((abi, name, value, tables::constant(abi, name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:x?}");
    assert_eq!(tables::constant(Abi::Aarch64, "MAP_32BIT"), None);
    assert_eq!(tables::constant(Abi::Aarch64, "ARCH_SET_FS"), None);
}

#[test]
fn errors() {
    for &abi in Abi::ALL {
        assert_eq!(tables::errno(abi, "EPERM"), Some(1));
        assert_eq!(tables::errno(abi, "ENOSYS"), Some(38));
        assert_eq!(tables::errno(abi, "EWOULDBLOCK"), tables::errno(abi, "EAGAIN"));
        assert_eq!(tables::errno(abi, "ENOTSUP"), Some(95));
        assert_eq!(tables::errno_name(abi, 11), Some("EAGAIN"));
        assert_eq!(tables::errno_name(abi, 35), Some("EDEADLK"));
        assert_eq!(tables::errno_name(abi, 38), Some("ENOSYS"));
        assert_eq!(tables::errno_name(abi, 4095), None);
    }
}
