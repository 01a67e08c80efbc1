"""The first mainline kernel with each call: syscalls(2), corrected and continued."""

import gzip
import re
from pathlib import Path

# Beyond syscalls(2) of man-pages 6.03 (Linux 5.14), or against it: name -> (version, source).
OWN = {
    "process_mrelease": ("5.15", "v5.15 arch/x86/entry/syscalls/syscall_64.tbl"),
    "futex_waitv": ("5.16", "v5.16 arch/x86/entry/syscalls/syscall_64.tbl"),
    "set_mempolicy_home_node": ("5.17", "v5.17 arch/x86/entry/syscalls/syscall_64.tbl"),
    "cachestat": ("6.5", "v6.5 arch/x86/entry/syscalls/syscall_64.tbl"),
    "fchmodat2": ("6.6", "fchmodat2(2)"),
    "map_shadow_stack": ("6.6", "v6.6 arch/x86/kernel/shstk.c"),
    "futex_wake": ("6.7", "v6.7 kernel/futex/syscalls.c"),
    "futex_wait": ("6.7", "v6.7 kernel/futex/syscalls.c"),
    "futex_requeue": ("6.7", "v6.7 kernel/futex/syscalls.c"),
    "statmount": ("6.8", "statmount(2)"),
    "listmount": ("6.8", "listmount(2)"),
    "lsm_get_self_attr": ("6.8", "v6.8 security/lsm_syscalls.c"),
    "lsm_set_self_attr": ("6.8", "v6.8 security/lsm_syscalls.c"),
    "lsm_list_modules": ("6.8", "v6.8 security/lsm_syscalls.c"),
    "mseal": ("6.10", "mseal(2)"),
    "uretprobe": ("6.11", "v6.11 arch/x86/kernel/uprobes.c"),
    "setxattrat": ("6.13", "v6.13 fs/xattr.c"),
    "getxattrat": ("6.13", "v6.13 fs/xattr.c"),
    "listxattrat": ("6.13", "v6.13 fs/xattr.c"),
    "removexattrat": ("6.13", "v6.13 fs/xattr.c"),
    "open_tree_attr": ("6.15", "v6.15 fs/namespace.c"),
    "file_getattr": ("6.17", "v6.17 fs/file_attr.c"),
    "file_setattr": ("6.17", "v6.17 fs/file_attr.c"),
    "uprobe": ("6.18", "glibc, Update syscall lists for Linux 7.1"),
    "listns": ("6.19", "glibc, Update syscall lists for Linux 7.1"),
    "rseq_slice_yield": ("7.0", "glibc, Update syscall lists for Linux 7.1"),
    "epoll_pwait2": ("5.11", "epoll_wait(2)"),
    "mount_setattr": ("5.12", "mount_setattr(2)"),
    # syscalls(2) says 3.17 and 4.8; the calls' own pages say 4.3 and 4.9.
    "membarrier": ("4.3", "membarrier(2)"),
    "pkey_alloc": ("4.9", "pkey_alloc(2)"),
    "pkey_free": ("4.9", "pkey_alloc(2)"),
    "pkey_mprotect": ("4.9", "mprotect(2)"),
    "kexec_file_load": ("3.17", "kexec_load(2)"),
    "riscv_hwprobe": ("6.4", "v6.4 arch/riscv/kernel/sys_riscv.c"),
    "arm_fadvise64_64": ("2.6", "syscalls(2), as fadvise64_64"),
    "arm_sync_file_range": ("2.6.22", "syscalls(2), as sync_file_range2"),
    # The page names them otherwise or leaves the version out.
    "pread64": ("2.2", "syscalls(2), as pread"),
    "pwrite64": ("2.2", "syscalls(2), as pwrite"),
}
# 64-bit time on 32-bit ABIs: one merge, include/uapi/asm-generic/unistd.h of v5.1.
for _name in (
    "clock_gettime64 clock_settime64 clock_adjtime64 clock_getres_time64 clock_nanosleep_time64 timer_gettime64 "
    "timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64 pselect6_time64 ppoll_time64 "
    "io_pgetevents_time64 recvmmsg_time64 mq_timedsend_time64 mq_timedreceive_time64 semtimedop_time64 "
    "rt_sigtimedwait_time64 futex_time64 sched_rr_get_interval_time64"
).split():
    OWN[_name] = ("5.1", "v5.1 include/uapi/asm-generic/unistd.h")
# Reserved numbers and calls gone before 2.6 was: older than any kernel a policy speaks of.
for _name in (
    "break stty gtty ftime prof lock mpx ulimit profil idle afs_syscall getpmsg putpmsg security tuxcall vserver "
    "epoll_ctl_old epoll_wait_old cachectl multiplexer timerfd"
).split():
    OWN[_name] = ("2.6", "number present in 2.6.0, age unknown")

# A call that an ABI got later than its first ABI did: (ABI, name) -> (version, source).
LATER = {
    ("x86", "arch_prctl"): "4.12",  # syscalls(2)
    ("x86_64", "getcpu"): "3.1",  # number 309, between setns (3.0) and process_vm_readv (3.2)
    ("x32", "getcpu"): "3.4",
    ("aarch64", "kexec_file_load"): "5.0",  # v5.0 include/uapi/asm-generic/unistd.h, 294
    ("aarch64", "map_shadow_stack"): "6.13",  # v6.13 arch/arm64/mm/gcs.c
    ("arm", "map_shadow_stack"): "6.13",  # the same kernel's table for 32 bits; before, nothing answered
    ("loongarch64", "memfd_secret"): "7.0",  # glibc, Update syscall lists for Linux 7.1
    ("riscv64", "memfd_secret"): "5.14",
}
# socketcall's parts, v4.3 arch/x86/entry/syscalls/syscall_32.tbl, arch/s390/kernel/syscalls.S
for _name in (
    "socket socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername sendto sendmsg recvfrom "
    "recvmsg shutdown"
).split():
    LATER["x86", _name] = LATER["s390", _name] = LATER["s390x", _name] = "4.3"
# ipc's parts, v5.1 arch/*/kernel/syscalls/*.tbl
for _name in "semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl".split():
    for _abi in "x86 s390 s390x ppc ppc64 mips".split():
        LATER[_abi, _name] = "5.1"

# The kernel that brought an ABI: no call of it is older (Documentation of each merge; x86 and x86_64 predate 2.6).
BIRTH = {"x32": "3.4", "aarch64": "3.7", "riscv64": "4.15", "loongarch64": "5.19"}


def manual(directory):
    """The table of syscalls(2): name -> version."""
    text = gzip.decompress((Path(directory) / "syscalls.2.gz").read_bytes()).decode()
    found = {}
    for name, version in re.findall(r"^\\fB(\w+)\\fP\(2\)\t([\d.]+)", text, re.M):
        found[name] = version
    return found


def order(version):
    """A version as something that compares."""
    return [int(part) for part in version.split(".")]


def rows(directory, calls):
    """The rows of the data file, for every (ABI, name) of `calls`."""
    page = manual(directory)
    lines = []
    for name in sorted({name for _, name in calls}):
        if name in OWN:
            version, source = OWN[name]
        elif name in page:
            version, source = page[name], "syscalls(2)"
        else:
            raise SystemExit(f"{name}: no version; add it to OWN")
        later = []
        for abi in sorted({abi for abi, other in calls if other == name}):
            own = max([version, LATER.get((abi, name), "0"), BIRTH.get(abi, "0")], key=order)
            if own != version:
                later.append(f"{abi}:{own}")
        lines.append("\t".join([name, version, source] + later))
    return lines
