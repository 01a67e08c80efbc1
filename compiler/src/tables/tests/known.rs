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
    assert_eq!(tables::number(Abi::Mips, "read"), Some(4003));
    assert_eq!(tables::number(Abi::Mipsel, "read"), Some(4003));
    assert_eq!(tables::number(Abi::Mips64el, "read"), Some(5000));
    assert_eq!(tables::number(Abi::Mipsn32, "read"), Some(6000));
    assert_eq!(tables::number(Abi::Arm, "mmap2"), Some(192));
    assert_eq!(tables::number(Abi::Arm, "set_tls"), Some(0xf_0005));
    assert_eq!(tables::number(Abi::Riscv64, "open"), None);
    assert_eq!(tables::number(Abi::Loongarch64, "renameat"), None);
    for abi in [Abi::Ppc, Abi::Ppc64, Abi::Ppc64le, Abi::S390, Abi::S390x] {
        assert_eq!(tables::number(abi, "socketcall"), Some(102));
    }
    for abi in [Abi::Arm, Abi::Riscv64, Abi::Loongarch64, Abi::Mips64, Abi::Mipsn32el] {
        assert_eq!(tables::number(abi, "socketcall"), None);
    }
}

#[test]
fn clone_has_three_orders() {
    let forwards = ["clone_flags", "newsp", "parent_tidptr", "child_tidptr", "tls"];
    let backwards = ["clone_flags", "newsp", "parent_tidptr", "tls", "child_tidptr"];
    let stack_first = ["newsp", "clone_flags", "parent_tidptr", "child_tidptr", "tls"];
    for &abi in Abi::ALL {
        let flags_at = match abi {
            Abi::X86_64 | Abi::X32 | Abi::Loongarch64 => {
                assert_eq!(order(abi, "clone"), forwards);
                0
            }
            Abi::S390 | Abi::S390x => {
                assert_eq!(order(abi, "clone"), stack_first, "CONFIG_CLONE_BACKWARDS2");
                1
            }
            Abi::X86 => {
                assert_eq!(at(abi, "clone", "tls").0, 3);
                0
            }
            _ => {
                assert_eq!(order(abi, "clone"), backwards, "{abi}: CONFIG_CLONE_BACKWARDS");
                0
            }
        };
        assert_eq!(at(abi, "clone", "flags"), (flags_at, Width::W32, false, Role::Flags), "{abi}");
        assert_eq!(at(abi, "clone", "stack").3, Role::Pointer);
    }
}

/// A 64-bit argument of a 32-bit ABI takes two registers: the high half first on big endian, and from an even one on some.
#[test]
fn pairs_of_registers() {
    for (abi, order_of_pread) in [
        (Abi::Arm, &["fd", "buf", "count", "pad", "pos_lo", "pos_hi"][..]),
        (Abi::S390, &["fd", "ubuf", "count", "high", "low"]),
        (Abi::Ppc, &["fd", "ubuf", "count", "reg6", "pos1", "pos2"]),
        (Abi::Mips, &["fd", "buf", "count", "unused", "pos1", "pos2"]),
        (Abi::Mipsn32, &["fd", "buf", "count", "pos"]),
        (Abi::Riscv64, &["fd", "buf", "count", "pos"]),
    ] {
        assert_eq!(order(abi, "pread64"), order_of_pread, "{abi}");
    }
    assert_eq!(at(Abi::Arm, "socket", "type").1, Width::W32);
    assert_eq!(at(Abi::Arm, "mmap2", "prot"), (2, Width::W32, false, Role::Flags));
    assert_eq!(at(Abi::Mipsn32, "mmap", "prot").1, Width::W64, "n32 registers are whole");
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
        (Abi::X86_64, "SPLICE_F_GIFT", 8),
        (Abi::X86_64, "SG_IO", 0x2285),
        (Abi::X86, "SO_RCVTIMEO", 20),
        (Abi::X32, "SO_RCVTIMEO", 20),
        (Abi::X86, "SIOCGSTAMP", 0x8906),
        (Abi::X86_64, "SIGRTMAX", 64),
        (Abi::Arm, "O_DIRECTORY", 0o40_000),
        (Abi::Arm, "AT_FDCWD", 0xffff_ffff_ffff_ff9c),
        (Abi::Arm, "F_GETLK64", 12),
        (Abi::Riscv64, "O_DIRECTORY", 0o200_000),
        (Abi::Riscv64, "TCGETS", 0x5401),
        (Abi::Loongarch64, "O_DIRECTORY", 0o200_000),
        (Abi::S390x, "CLONE_NEWUSER", 0x1000_0000),
        (Abi::S390x, "FS_IOC_GETFLAGS", 0x8008_6601),
        (Abi::S390, "CLONE_NEWUSER", 0x1000_0000),
        (Abi::S390, "O_DIRECTORY", 0o200_000),
        (Abi::S390, "TCGETS", 0x5401),
        (Abi::S390, "AF_VSOCK", 40),
        (Abi::S390, "UFFDIO_API", 0xc018_aa3f),
        (Abi::Ppc64le, "TCGETS", 0x402c_7413),
        (Abi::Ppc64, "O_DIRECTORY", 0o40_000),
        (Abi::Ppc, "FS_IOC_GETFLAGS", 0x4004_6601),
        (Abi::Mips, "SOCK_STREAM", 2),
        (Abi::Mips64el, "SOCK_DGRAM", 1),
        (Abi::Mipsel, "TCGETS", 0x540d),
        (Abi::Mips64, "SOL_SOCKET", 0xffff),
        (Abi::Mipsn32, "O_CREAT", 0x100),
        (Abi::Mipsn32el, "O_DIRECTORY", 0o200_000),
        (Abi::Mips, "MAP_ANONYMOUS", 0x800),
        (Abi::Mips, "SIGRTMAX", 128),
    ] {
        if tables::constant(abi, name) != Some(value) {
            wrong.push((abi, name, value, tables::constant(abi, name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:x?}");
    assert_eq!(tables::constant(Abi::Aarch64, "MAP_32BIT"), None);
    assert_eq!(tables::constant(Abi::Aarch64, "ARCH_SET_FS"), None);
    assert_eq!(tables::constant(Abi::Loongarch64, "ARCH_SET_FS"), None);
    assert_eq!(tables::constant(Abi::S390x, "MAP_32BIT"), None);
    assert_eq!(tables::constant(Abi::S390, "FS_IOC_GETFLAGS"), None, "the size of a long is in it");
}

/// What 31-bit s390 lacks of s390x's names: only what may depend on the width of a long.
#[test]
fn s390_has_nearly_all_of_s390x() {
    let missing: Vec<_> =
        tables::constant_names(Abi::S390x).filter(|name| tables::constant(Abi::S390, name).is_none()).collect();
    assert!(missing.len() * 20 < tables::constant_names(Abi::S390x).count(), "{missing:?}");
    for name in tables::constant_names(Abi::S390) {
        assert_eq!(tables::constant(Abi::S390, name), tables::constant(Abi::S390x, name), "{name}");
    }
}

#[test]
fn errors() {
    for &abi in Abi::ALL {
        let mips = abi.table().starts_with("mips");
        assert_eq!(tables::errno(abi, "EPERM"), Some(1));
        assert_eq!(tables::errno(abi, "ENOSYS"), Some(if mips { 89 } else { 38 }), "{abi}");
        assert_eq!(tables::errno(abi, "EWOULDBLOCK"), tables::errno(abi, "EAGAIN"));
        assert_eq!(tables::errno(abi, "ENOTSUP"), Some(if mips { 122 } else { 95 }), "{abi}");
        assert_eq!(tables::errno_name(abi, 11), Some("EAGAIN"));
        assert_eq!(tables::errno_name(abi, if mips { 45 } else { 35 }), Some("EDEADLK"));
        assert_eq!(tables::errno_name(abi, if mips { 89 } else { 38 }), Some("ENOSYS"));
        assert_eq!(tables::errno_name(abi, 4095), None);
    }
    assert_eq!(tables::errno(Abi::Ppc64le, "EDEADLOCK"), Some(58));
}
