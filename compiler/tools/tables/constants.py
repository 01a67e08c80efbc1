"""Named constants of an ABI: every macro and enumerator of chosen headers whose name says what it is for.

The names are found with the preprocessor, the values by compiling `const unsigned long long value = NAME;` for the ABI
and reading the assembly. Nothing is run.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

# ABI -> (folder of arch/, clang target and options).
TARGETS = {
    "x86_64": ("x86", ["--target=x86_64-linux-gnu"]),
    "x86": ("x86", ["--target=i386-linux-gnu"]),
    "x32": ("x86", ["--target=x86_64-linux-gnux32"]),
    "aarch64": ("arm64", ["--target=aarch64-linux-gnu"]),
    "arm": ("arm", ["--target=arm-linux-gnueabihf"]),
    "riscv64": ("riscv", ["--target=riscv64-linux-gnu"]),
    # clang 14 doesn't know it; RISC-V's types have the same sizes and places.
    "loongarch64": ("loongarch", ["--target=riscv64-linux-gnu", "-U__riscv", "-D__loongarch__", "-D__loongarch_grlen=64"]),
    "s390x": ("s390", ["--target=s390x-linux-gnu"]),
    "ppc64": ("powerpc", ["--target=powerpc64le-linux-gnu"]),
    "ppc": ("powerpc", ["--target=powerpcle-linux-gnu"]),
    "mips": ("mips", ["--target=mipsel-linux-gnu"]),
    "mips64": ("mips", ["--target=mips64el-linux-gnuabi64"]),
    "mipsn32": ("mips", ["--target=mips64el-linux-gnuabin32"]),
}

# One data file for each group; powerpc and mips put an ioctl's direction elsewhere, so nearly all of theirs differ.
FILES = {
    "constants.tsv": ["x86_64", "x86", "x32", "aarch64", "arm", "riscv64", "loongarch64", "s390x"],
    "constants_powerpc.tsv": ["ppc64", "ppc"],
    "constants_mips.tsv": ["mips", "mips64", "mipsn32"],
}

# Header -> the names taken from it. IOCTL stands for every macro built with _IO, _IOR, _IOW or _IOWR.
IOCTL = "IOCTL"
HEADERS = {
    "linux/fcntl.h": r"(O|F|FD|LOCK|DN|AT|RESOLVE|SEEK|FASYNC)(_\w+)?",
    "linux/openat2.h": r"RESOLVE_\w+",
    "linux/stat.h": r"(S_I|STATX_)\w+",
    "linux/fs.h": r"(SEEK|RENAME|RWF|FS|BLK|FI|FICLONE|FIDEDUPERANGE|FITRIM|FIFREEZE|FITHAW|FIBMAP|FIGETBSZ|FIEMAP)\w*",
    "linux/mount.h": r"(MS|MOUNT_ATTR|OPEN_TREE|MOVE_MOUNT|FSOPEN|FSPICK|FSMOUNT|FSCONFIG|STATMOUNT|LSMT)_\w+",
    "linux/falloc.h": r"FALLOC_FL_\w+",
    "linux/fadvise.h": r"POSIX_FADV_\w+",
    "linux/mman.h": r"(PROT|MAP|MADV|MREMAP|MCL|MLOCK|MS|PKEY|SHADOW_STACK|OVERCOMMIT)_\w+",
    "linux/memfd.h": r"MFD_\w+",
    "linux/mempolicy.h": r"MPOL_\w+",
    "linux/userfaultfd.h": r"UFFD\w+|USERFAULTFD_IOC_NEW",
    "linux/sched.h": r"(CLONE|SCHED|CSIGNAL)(_\w+)?",
    "linux/capability.h": r"CAP_\w+",
    "linux/prctl.h": r"PR_\w+",
    "linux/personality.h": r"PER_\w+|UNAME26|ADDR_\w+|MMAP_PAGE_ZERO|READ_IMPLIES_EXEC|SHORT_INODE|WHOLE_SECONDS|STICKY_TIMEOUTS|FDPIC_FUNCPTRS",
    "linux/futex.h": r"FUTEX\w*",
    "linux/eventpoll.h": r"EPOLL\w*",
    "linux/eventfd.h": r"EFD_\w+",
    "linux/timerfd.h": r"TFD_\w+",
    "linux/signalfd.h": r"SFD_\w+",
    "linux/inotify.h": r"IN_\w+",
    "linux/fanotify.h": r"FAN_\w+",
    "linux/keyctl.h": r"(KEYCTL|KEY)_\w+",
    "linux/bpf.h": r"BPF_(MAP_(CREATE|LOOKUP|UPDATE|DELETE|GET|FREEZE|TYPE)\w*|PROG_\w+|OBJ_\w+|BTF_\w+|LINK_\w+|RAW_TRACEPOINT_OPEN|TASK_FD_QUERY|ENABLE_STATS|ITER_CREATE|TOKEN_CREATE)",
    "linux/ptrace.h": r"PTRACE_\w+",
    "asm/ptrace.h": r"PTRACE_\w+",
    "linux/seccomp.h": r"SECCOMP_\w+",
    "linux/landlock.h": r"LANDLOCK_\w+",
    "linux/membarrier.h": r"MEMBARRIER_CMD_\w+",
    "linux/perf_event.h": r"PERF_(FLAG|TYPE|EVENT_IOC)_\w+",
    "linux/random.h": r"(GRND|RND)\w+",
    "linux/rseq.h": r"RSEQ_FLAG_\w+",
    "linux/reboot.h": r"LINUX_REBOOT_\w+",
    "linux/resource.h": r"(RLIMIT|RUSAGE|PRIO)_\w+",
    "linux/ioprio.h": r"IOPRIO_(WHO|CLASS)_\w+",
    "linux/time.h": r"(CLOCK|TIMER|ITIMER)_\w+",
    "linux/timex.h": r"(ADJ|STA)_\w+",
    "linux/signal.h": r"(SIG|SA_|SS_)\w+",
    "linux/wait.h": r"(W[A-Z]+|P_\w+|__W\w+)",
    "linux/kcmp.h": r"KCMP_\w+",
    "linux/kexec.h": r"KEXEC_\w+",
    "linux/module.h": r"MODULE_INIT_\w+",
    "linux/quota.h": r"(Q_\w+|(USR|GRP|PRJ)QUOTA)",
    "linux/io_uring.h": r"IORING_(REGISTER|UNREGISTER|SETUP|ENTER|OP|RESTRICTION)_\w+",
    "linux/pidfd.h": r"PIDFD_\w+",
    "linux/ipc.h": r"IPC_\w+|(SEM|SHM|MSG)(OP|GET|CTL|SND|RCV|AT|DT|TIMEDOP)",
    "linux/sem.h": r"(GET|SET)(PID|VAL|ALL|NCNT|ZCNT)|SEM_\w+",
    "linux/shm.h": r"SHM_\w+",
    "linux/msg.h": r"MSG_\w+",
    "linux/mqueue.h": r"NOTIFY_\w+",
    "linux/xattr.h": r"XATTR_(CREATE|REPLACE)",
    "linux/nsfs.h": IOCTL,
    "linux/lsm.h": r"LSM_\w+",
    "linux/net.h": r"SYS_\w+",
    "linux/socket.h": r"SOCK_\w+",
    "asm/socket.h": r"(SO|SOL|SCM)_\w+",
    "linux/in.h": r"(IPPROTO|IP|MCAST)_\w+",
    "linux/in6.h": r"IPV6_\w+",
    "linux/tcp.h": r"TCP_\w+",
    "linux/udp.h": r"UDP_\w+",
    "linux/netlink.h": r"(NETLINK|SOL_NETLINK)\w+",
    "linux/if_packet.h": r"PACKET_\w+",
    "linux/vm_sockets.h": r"(SO_VM|VMADDR_CID)_\w+|IOCTL_VM_SOCKETS_GET_LOCAL_CID",
    "linux/if_alg.h": r"ALG_\w+",
    "linux/sockios.h": r"SIOC\w+",
    "linux/termios.h": r"(TC|TIOC|FIO)\w+",
    "linux/kd.h": r"(KD|GIO|PIO|KB|KDFONT)\w+",
    "linux/vt.h": r"VT_\w+",
    "linux/tty.h": r"N_\w+",
    "linux/if_tun.h": r"TUN\w+",
    "linux/loop.h": r"LOOP_\w+",
    "linux/kvm.h": IOCTL,
    "linux/vhost.h": IOCTL,
    "linux/vfio.h": IOCTL,
    "linux/uinput.h": IOCTL,
    "linux/input.h": IOCTL,
    "linux/rtc.h": IOCTL,
    "linux/watchdog.h": IOCTL,
    "linux/ppp-ioctl.h": IOCTL,
    "linux/dm-ioctl.h": IOCTL,
    "linux/nbd.h": IOCTL,
    "linux/fuse.h": IOCTL,
    "linux/fscrypt.h": IOCTL,
    "linux/fsverity.h": IOCTL,
    "linux/msdos_fs.h": IOCTL,
    "linux/btrfs.h": IOCTL,
    "linux/hdreg.h": r"HDIO_\w+",
    "linux/cdrom.h": r"CDROM\w+",
    "linux/i2c-dev.h": r"I2C_\w+",
    "linux/iommufd.h": IOCTL,
    "linux/udmabuf.h": IOCTL,
    "linux/dma-buf.h": IOCTL,
    "linux/dma-heap.h": IOCTL,
    "linux/sync_file.h": IOCTL,
    "linux/sed-opal.h": IOCTL,
    "linux/auto_fs.h": r"AUTOFS_(DEV_)?IOC\w+",
    "linux/blkzoned.h": IOCTL,
    "linux/nvme_ioctl.h": IOCTL,
    "linux/android/binder.h": r"BINDER_\w+",
    "drm/drm.h": IOCTL,
    "asm/prctl.h": r"ARCH_\w+",
    "asm/ldt.h": r"MODIFY_LDT_\w+",
    "asm/mman.h": r"(PROT|MAP|MADV)_\w+",
}

# Where the error numbers are; they have a file of their own.
ERRNO = "asm/errno.h"

# Words the kernel keeps in its own headers, though a program passes them: file of the source tree -> names.
INTERNAL = {
    "include/linux/socket.h": r"(AF|PF|SOL|MSG)_\w+",
    "include/linux/fs.h": r"(MNT_FORCE|MNT_DETACH|MNT_EXPIRE|UMOUNT_NOFOLLOW)",
    "include/linux/syslog.h": r"SYSLOG_ACTION_\w+",
}
# enum sock_type and enum sock_shutdown_cmd: include/linux/net.h; the modes of access(2): include/linux/fs.h MAY_*.
WRITTEN = {
    "SOCK_STREAM": "1",
    "SOCK_DGRAM": "2",
    "SOCK_RAW": "3",
    "SOCK_RDM": "4",
    "SOCK_SEQPACKET": "5",
    "SOCK_DCCP": "6",
    "SOCK_PACKET": "10",
    "SOCK_TYPE_MASK": "0xf",
    "SOCK_CLOEXEC": "O_CLOEXEC",
    "SOCK_NONBLOCK": "O_NONBLOCK",
    "SHUT_RD": "0",
    "SHUT_WR": "1",
    "SHUT_RDWR": "2",
    "R_OK": "4",
    "W_OK": "2",
    "X_OK": "1",
    "F_OK": "0",
    # _NSIG, arch/x86/include/asm/signal.h; the other ABIs have it in their own headers.
    "SIGRTMAX": "64",
}
# Helpers of other macros, and layouts of structures nobody passes.
UNWANTED = re.compile(r"__\w+|\w+__\w*|CAP_(OPT|VALID|TO)\w*|SIGEV_\w+|SI_\w+|SIGINFO\w*|\w+_SIZE_VER\d")


CLANG = shutil.which("clang") or "clang-14"


# What an architecture has otherwise: enum sock_type of arch/mips/include/asm/socket.h.
WRITTEN_OF = {"mips": {"SOCK_STREAM": "2", "SOCK_DGRAM": "1"}}


def compile_text(text, options, directory, *more):
    """Runs clang on a C text; (output, errors)."""
    path = Path(directory) / "constants.c"
    path.write_text(text)
    done = subprocess.run([CLANG, *options, *more, str(path)], capture_output=True, text=True)
    return done.stdout, done.stderr


def options_of(abi, headers, stubs):
    """Options that see the kernel's headers for an ABI and no library's."""
    folder, target = TARGETS[abi]
    return [*target, "-nostdlibinc", "-isystem", f"{headers}/{folder}/include", "-isystem", str(stubs), "-ferror-limit=0", "-w"]


# Headers of a C library that some kernel headers include for a type or two.
STUBS = {
    "sys/types.h": "",
    "sys/ioctl.h": "",
    "sys/socket.h": "",
    "sys/time.h": "",
    "time.h": "",
    "stdlib.h": "",
    "string.h": "",
    "unistd.h": "",
}
# What some headers use without including it. time_t is the kernel's old one: on x86 SO_RCVTIMEO and its like are the
# 32-bit variants, as for a program built without 64-bit time.
PREAMBLE = (
    "#include <linux/types.h>\ntypedef __kernel_old_time_t time_t;\n"
    "#include <linux/time_types.h>\n#include <linux/time.h>\n#include <linux/ioctl.h>\n#include <linux/socket.h>\n"
    "#include <linux/fcntl.h>\n#include <asm/ioctls.h>\n#include <linux/fiemap.h>\n#include <linux/blktrace_api.h>\n"
    "typedef __kernel_size_t size_t; typedef unsigned short sa_family_t; struct sockaddr { unsigned short sa_family; char sa_data[14]; };\n"
    "typedef unsigned char u_char; typedef unsigned int uid_t; typedef int pid_t;\n"
)


def names_in(header, pattern, options, directory):
    """Names a header defines that match the pattern: macros, and the enumerators written in its text."""
    text, _ = compile_text(f"{PREAMBLE}#include <{header}>\n", options, directory, "-E", "-dM")
    macros = dict(re.findall(r"^#define (\w+) (.+)$", text, re.M))
    if pattern == IOCTL:
        return {name for name, body in macros.items() if re.search(r"\b(_IO[WR]*|\w+_IO[WR]*)\(", body)}
    plain, _ = compile_text(f"{PREAMBLE}#include <{header}>\n", options, directory, "-E", "-P")
    enumerators = set()
    for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", plain):
        enumerators |= set(re.findall(r"(?:^|,)\s*(\w+)\s*(?=$|[=,])", body.strip()))
    return {name for name in set(macros) | enumerators if re.fullmatch(pattern, name)}


def internal(source):
    """Macro definitions of the kernel's own headers: (file, name, body)."""
    for file, pattern in INTERNAL.items():
        for name, body in re.findall(r"^#\s*define\s+(\w+)\s+([^/\n]+)", (Path(source) / file).read_text(), re.M):
            if re.fullmatch(pattern, name) and "CONFIG" not in body:
                yield file, name, body.strip()


def values(names, lines, options, directory):
    """The value of each name that is an integer constant: the preamble `lines`, then one variable a name."""
    names = sorted(names)
    while True:
        body = lines + [f"const unsigned long long value_{name} = (unsigned long long)({name});" for name in names]
        output, errors = compile_text("\n".join(body) + "\n", options, directory, "-S", "-o", "-")
        bad = {int(number) for number in re.findall(r"constants\.c:(\d+):\d+: error", errors)}
        if not bad:
            break
        if min(bad) <= len(lines):
            raise SystemExit(errors[:2000])
        names = [name for at, name in enumerate(names, len(lines) + 1) if at not in bad]
    found = {}
    for name, data in re.findall(r"^value_(\w+):\n((?:\s+\.\S+\s+\S+.*\n)+)", output, re.M):
        # A string's address is a .quad too, of a label. arm writes two words, low first like every target here but s390x.
        word = re.search(r"\.(?:quad|xword|8byte)\s+(-?\d+)", data)
        pair = re.findall(r"\.(?:long|4byte)\s+(-?\d+)", data)
        if word:
            found[name] = int(word.group(1)) & 0xFFFFFFFFFFFFFFFF
        elif len(pair) == 2:
            low, high = (int(half) & 0xFFFFFFFF for half in pair)
            found[name] = high << 32 | low
    return found


def of_abi(source, headers, abi):
    """Constants of an ABI: header -> {name: value}. A name stays with the first header that has it."""
    result, seen = {}, set()
    with tempfile.TemporaryDirectory() as directory:
        for name, text in STUBS.items():
            path = Path(directory) / "stubs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#pragma once\n" + text + "\n")
        options = options_of(abi, headers, Path(directory) / "stubs")
        root = Path(headers) / TARGETS[abi][0] / "include"
        for header, pattern in HEADERS.items():
            if not (root / header).exists():
                continue
            names = names_in(header, pattern, options, directory)
            names = {name for name in names if not UNWANTED.fullmatch(name)} - seen
            got = values(names, [*PREAMBLE.splitlines(), f"#include <{header}>"], options, directory)
            seen |= set(got)
            result[header] = got
        defined = list(internal(source))
        own = ["#include <linux/fcntl.h>"] + [f"#define {name} {body}" for _, name, body in defined]
        written = WRITTEN | WRITTEN_OF.get(TARGETS[abi][0], {})
        own += [f"#define {name} {body}" for name, body in written.items() if name not in seen]
        for file in list(INTERNAL) + ["include/linux/net.h"]:
            names = {name for place, name, _ in defined if place == file} if file in INTERNAL else set(written)
            got = values(names - seen, own, options, directory)
            seen |= set(got)
            result[file] = got
        errno = names_in(ERRNO, r"E[A-Z0-9]+", options, directory)
        result[ERRNO] = values(errno, [f"#include <{ERRNO}>"], options, directory)
    return result


def table(by_abi, wanted):
    """Rows of a data file: for each header a `#` line, then name, the commonest value, and ABI:value where it differs."""
    lines = []
    headers = list(dict.fromkeys(header for found in by_abi.values() for header in found if wanted(header)))
    placed = set()
    for header in headers:
        names = {name for found in by_abi.values() for name in found.get(header, {})} - placed
        placed |= names
        if names:
            lines.append(f"# {header}")
        rows = []
        for name in names:
            # A name can stand in another header on another ABI; it is the same name.
            each = {}
            for abi, found in by_abi.items():
                each[abi] = next((values[name] for values in found.values() if name in values), None)
            commonest = max(each.values(), key=lambda value: (value is not None, list(each.values()).count(value)))
            other = [f"{abi}:{spell(value)}" for abi, value in each.items() if value != commonest]
            rows.append((commonest, "\t".join([name, spell(commonest), *other])))
        lines += [row for _, row in sorted(rows)]
    return lines


def spell(value):
    """A value as the data files write it; - for an ABI that lacks the name."""
    return "-" if value is None else str(value) if value < 4096 else hex(value)
