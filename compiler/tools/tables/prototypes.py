"""Prototypes: the words each handler reads, with the names people use for them."""

from .definitions import DUAL
from .manual import declarations
from .numbers import TABLES
from .roles import role

# C type -> how much of the register the handler reads, and its sign. "sl" and "ul" are as wide as the ABI's long.
KINDS = {
    "s32": "int pid_t key_serial_t clockid_t timer_t mqd_t key_t rwf_t __s32 s32 compat_long_t compat_int_t compat_off_t compat_pid_t compat_ssize_t",
    "u32": "unsigned,unsigned int,uint,u32,__u32,uid_t,gid_t,qid_t,compat_ulong_t,compat_size_t,compat_uptr_t,compat_aio_context_t,"
    "enum landlock_rule_type",
    "u16": "umode_t compat_mode_t old_uid_t old_gid_t",
    "sl": "long off_t",
    "ul": "unsigned long,size_t,uintptr_t,aio_context_t,old_sigset_t",
    "s64": "loff_t",
    "u64": "__u64 u64",
    "ptr": "cap_user_header_t cap_user_data_t __sighandler_t",
}
KIND = {name: kind for kind, names in KINDS.items() for name in (names.split(",") if "," in names else names.split())}
KIND[DUAL] = DUAL

# Declared as a long, but only the low 32 bits count, because the handler hands it on as an int or cuts it itself:
# fs/read_write.c do_readv() -> fdget_pos(unsigned int); mm/mmap.c ksys_mmap_pgoff() -> fget(unsigned int);
# kernel/fork.c clone: lower_32_bits(clone_flags); kernel/ptrace.c find_get_task_by_vpid(pid_t); fs/stat.c vfs_fstat(int);
# mm/mempolicy.c kernel_mbind(): int lmode = mode; kernel/exec_domain.c ksys_personality(unsigned int).
READ_AS = {
    ("readv", "fd"): "u32",
    ("writev", "fd"): "u32",
    ("preadv", "fd"): "u32",
    ("pwritev", "fd"): "u32",
    ("preadv2", "fd"): "u32",
    ("pwritev2", "fd"): "u32",
    ("preadv64", "fd"): "u32",
    ("pwritev64", "fd"): "u32",
    ("preadv64v2", "fd"): "u32",
    ("pwritev64v2", "fd"): "u32",
    ("mmap", "fd"): "u32",
    ("mmap_pgoff", "fd"): "u32",
    ("clone", "clone_flags"): "u32",
    ("ia32_clone", "clone_flags"): "u32",
    ("ptrace", "pid"): "s32",
    ("fstat64", "fd"): "u32",
    ("mbind", "mode"): "s32",
    ("mips_mmap", "fd"): "u32",
    ("mips_mmap2", "fd"): "u32",
    ("mmap2", "fd"): "u32",
    ("ppc64_personality", "personality"): "u32",
    ("32_personality", "personality"): "u32",
}

# Handlers with more than one body: (handler, folder of arch/, * for the rest) -> (variant, names that pick the body).
# clone: CONFIG_CLONE_BACKWARDS and BACKWARDS2 in arch/*/Kconfig. sigsuspend: CONFIG_OLD_SIGSUSPEND and OLD_SIGSUSPEND3.
# fanotify_mark: a 64-bit kernel's own; its 32-bit one is found by its compat name.
_BACKWARDS = ("/backwards", ["clone_flags", "newsp", "parent_tidptr", "tls", "child_tidptr"])
VARIANTS = {
    ("sys_clone", "x86"): ("", ["clone_flags", "newsp", "parent_tidptr", "child_tidptr", "tls"]),
    ("sys_clone", "loongarch"): ("", ["clone_flags", "newsp", "parent_tidptr", "child_tidptr", "tls"]),
    ("sys_clone", "s390"): ("/stack_first", ["newsp", "clone_flags", "parent_tidptr", "child_tidptr", "tls"]),
    ("sys_clone", "*"): _BACKWARDS,
    ("sys_sigsuspend", "powerpc"): ("/one", ["mask"]),
    ("sys_sigsuspend", "*"): ("", ["unused1", "unused2", "mask"]),
    ("sys_fanotify_mark", "*"): ("", ["fanotify_fd", "flags", "mask", "dfd", "pathname"]),
    ("compat_sys_fanotify_mark", "*"): ("", ["fanotify_fd", "flags", "mask", "dfd", "pathname"]),
    ("sys_pciconfig_iobase", "*"): ("", ["which", "bus", "devfn"]),
}

# What the source tree has no definition of. Newer calls: the running 6.18 kernel's tracefs; listns (6.19):
# kernel/nstree.c; rseq_slice_yield (7.0): kernel/rseq.c; map_shadow_stack of arm64 (6.13): arch/arm64/mm/gcs.c. Removed calls: their man pages and the last kernel with them
# (lookup_dcookie 6.7, _sysctl 5.5, nfsservctl 3.1, create_module, get_kernel_syms and query_module 2.6, bdflush 5.15).
EXTRA = {
    "setxattrat": "int dfd,* pathname,unsigned int at_flags,* name,* uargs,size_t usize",
    "getxattrat": "int dfd,* pathname,unsigned int at_flags,* name,* uargs,size_t usize",
    "listxattrat": "int dfd,* pathname,unsigned int at_flags,* list,size_t size",
    "removexattrat": "int dfd,* pathname,unsigned int at_flags,* name",
    "open_tree_attr": "int dfd,* filename,unsigned flags,* uattr,size_t usize",
    "file_getattr": "int dfd,* filename,* ufattr,size_t usize,unsigned int at_flags",
    "file_setattr": "int dfd,* filename,* ufattr,size_t usize,unsigned int at_flags",
    "listns": "* req,* ns_ids,size_t nr_ns_ids,unsigned int flags",
    "rseq_slice_yield": "",
    "uprobe": "",
    "map_shadow_stack": "unsigned long addr,unsigned long size,unsigned int flags",
    "lookup_dcookie": "u64 cookie64,* buf,size_t len",
    "_sysctl": "* args",
    "nfsservctl": "int cmd,* argp,* resp",
    "create_module": "* name,size_t size",
    "get_kernel_syms": "* table",
    "query_module": "* name,int which,* buf,size_t bufsize,* ret",
    "bdflush": "int func,long data",
    "uselib": "* library",
}

# What assembly or plain C functions read, by ABI: arch/mips/kernel/linux32.c and syscall.c (o32; its 64-bit halves come in the order
# of the machine's bytes, so they are numbered), arch/arm/kernel/traps.c arm_syscall(). A seventh word of o32 is on the
# stack, where no filter sees it.
EXTRA_OF = {
    ("mips", "syscall"): "unsigned long number,unsigned long a1,unsigned long a2,unsigned long a3,unsigned long a4,unsigned long a5",
    ("mips", "readahead"): "int fd,u32 pad0,u32 offset1,u32 offset2,size_t count",
    ("mips", "sync_file_range"): "int fd,int pad,u32 offset1,u32 offset2,u32 nbytes1,u32 nbytes2",
    ("mips", "fadvise64"): "int fd,int pad,u32 offset1,u32 offset2,u32 len1,u32 len2",
    ("mips", "fallocate"): "int fd,int mode,u32 offset1,u32 offset2,u32 len1,u32 len2",
    ("mips", "pwrite64"): "unsigned int fd,* buf,size_t count,u32 unused,u32 pos1,u32 pos2",
    ("mips", "pread64"): "unsigned int fd,* buf,size_t count,u32 unused,u32 pos1,u32 pos2",
    ("mips", "truncate64"): "* path,u32 pad,u32 len1,u32 len2",
    ("mips", "ftruncate64"): "unsigned int fd,u32 pad,u32 len1,u32 len2",
    ("mips", "pipe"): "",
    ("mips64", "pipe"): "",
    ("mipsn32", "pipe"): "",
    ("mips", "sigreturn"): "",
    ("mips", "rt_sigreturn"): "",
    ("mips64", "rt_sigreturn"): "",
    ("mipsn32", "rt_sigreturn"): "",
    ("arm", "breakpoint"): "",
    ("arm", "cacheflush"): "unsigned long start,unsigned long end,unsigned long flags",
    ("arm", "usr26"): "",
    ("arm", "usr32"): "",
    ("arm", "set_tls"): "unsigned long val",
    ("arm", "get_tls"): "",
    ("arm", "pciconfig_iobase"): "long which,unsigned long bus,unsigned long devfn",
}

# The same call on a 32-bit ABI, where a 64-bit word comes in two registers.
EXTRA_32 = {"lookup_dcookie": "u32 cookie64_lo,u32 cookie64_hi,* buf,size_t len"}

# Names that have a number and never had a handler in mainline on that ABI, or none since before 2.6.
NEVER = {
    "x86_64": "getpmsg putpmsg afs_syscall tuxcall security set_thread_area get_thread_area epoll_ctl_old epoll_wait_old vserver",
    "x32": "getpmsg putpmsg afs_syscall tuxcall security",
    "x86": "break stty gtty ftime prof lock mpx ulimit profil idle afs_syscall getpmsg putpmsg vserver",
    "arm": "vserver",
    "s390x": "afs_syscall getpmsg putpmsg idle timerfd",
    "s390": "afs_syscall getpmsg putpmsg idle timerfd ioperm",
    "ppc64": "afs_syscall break ftime getpmsg getrlimit gtty idle ioperm iopl lock modify_ldt mpx multiplexer oldfstat oldlstat "
    "oldolduname oldstat olduname prof profil putpmsg readdir select sigaction sigpending sigprocmask sigreturn sigsuspend stty "
    "sys_debug_setcontext tuxcall ulimit umount vm86",
    "ppc": "afs_syscall break ftime getpmsg gtty idle ioperm iopl lock modify_ldt mpx multiplexer prof profil putpmsg stty "
    "switch_endian tuxcall ulimit vm86",
    "mips": "afs_syscall break ftime getpmsg gtty idle ioperm iopl lock modify_ldt mpx prof profil putpmsg signal stty timerfd "
    "ulimit vm86 vserver",
    "mips64": "afs_syscall getpmsg putpmsg timerfd vserver",
    "mipsn32": "afs_syscall getpmsg putpmsg timerfd vserver",
}

# Further names people use, beside the man pages'.
ALIASES = {
    ("clone", "clone_flags"): ["flags"],
    ("clone", "newsp"): ["stack", "child_stack"],
    ("clone", "parent_tidptr"): ["parent_tid", "ptid"],
    ("clone", "child_tidptr"): ["child_tid", "ctid"],
    ("ia32_clone", "clone_flags"): ["flags"],
    ("ia32_clone", "newsp"): ["stack", "child_stack"],
    ("ia32_clone", "parent_tidptr"): ["parent_tid", "ptid"],
    ("ia32_clone", "child_tidptr"): ["child_tid", "ctid"],
    ("ia32_clone", "tls_val"): ["tls"],
    ("clone3", "uargs"): ["cl_args"],
    ("unshare", "unshare_flags"): ["flags"],
    ("ioctl", "cmd"): ["request", "op"],
    ("ioctl", "arg"): ["argp"],
    ("fcntl", "cmd"): ["op"],
    ("fcntl64", "cmd"): ["op"],
    ("keyctl", "option"): ["operation", "op"],
    ("prctl", "option"): ["op"],
    ("seccomp", "op"): ["operation"],
    ("seccomp", "uargs"): ["args"],
    ("ptrace", "request"): ["op"],
    ("arch_prctl", "option"): ["code", "op"],
    ("arch_prctl", "arg2"): ["addr"],
    ("futex", "op"): ["futex_op"],
    ("futex", "utime"): ["timeout"],
    ("futex_time32", "op"): ["futex_op"],
    ("futex_time32", "utime"): ["timeout"],
    ("personality", "personality"): ["persona"],
    ("mount", "flags"): ["mountflags"],
    ("mount", "type"): ["filesystemtype", "fstype"],
    ("madvise", "behavior"): ["advice"],
    ("process_madvise", "behavior"): ["advice"],
    ("reboot", "magic1"): ["magic"],
    ("semctl", "cmd"): ["op"],
    ("shmctl", "cmd"): ["op"],
    ("msgctl", "cmd"): ["op"],
    ("flock", "cmd"): ["operation", "op"],
    ("setns", "flags"): ["nstype"],
    ("mremap", "addr"): ["old_address"],
    ("mremap", "old_len"): ["old_size"],
    ("mremap", "new_len"): ["new_size"],
    ("mremap", "new_addr"): ["new_address"],
    ("exit", "error_code"): ["status"],
    ("exit_group", "error_code"): ["status"],
    ("quotactl", "cmd"): ["op"],
    ("quotactl_fd", "cmd"): ["op"],
    ("arm64_personality", "personality"): ["persona"],
    ("s390_personality", "personality"): ["persona"],
    ("ppc64_personality", "personality"): ["persona"],
    ("32_personality", "personality"): ["persona"],
}

# Declarations of the C library's wrapper, whose order or meaning is not the kernel's: no names are taken from them.
OTHER_ORDER = {"clone", "signalfd"}

# What a kernel name is called almost everywhere else, where no page says it.
USUAL = {
    "dfd": "dirfd",
    "olddfd": "olddirfd",
    "newdfd": "newdirfd",
    "filename": "pathname",
    "flag": "flags",
    "vec": "iov",
    "vlen": "iovcnt",
    "ufds": "fds",
    "n": "nfds",
    "which_clock": "clockid",
    "off": "offset",
    "umod": "module_image",
}


def kind(c_type):
    """The type code of a C type, or an error that names the type."""
    c_type = c_type.removeprefix("const ").strip()
    return "ptr" if "*" in c_type else KIND[c_type]


def pick(found, handler, folder):
    """The definition of a handler that an architecture uses: (variant, parameters), or None."""
    bodies = [body for body in found.get(handler, []) if body[0] == folder] or [
        body for body in found.get(handler, []) if body[0] == ""
    ]
    chosen = VARIANTS.get((handler, folder), VARIANTS.get((handler, "*")))
    if chosen and bodies and folder not in {body[0] for body in bodies if handler != "sys_pciconfig_iobase"}:
        variant, names = chosen
        for _, parameters in bodies:
            if [name for _, name in parameters] == names:
                return variant, parameters
        raise SystemExit(f"{handler} of {folder}: no body with {names}")
    distinct = {tuple((kind(c_type), name) for c_type, name in parameters) for _, parameters in bodies}
    if len(distinct) > 1:
        raise SystemExit(f"{handler} of {folder}: several bodies {distinct}")
    return ("", bodies[0][1]) if bodies else None


def halves(table, variant, parameters):
    """The parameters with each 64-bit one split in two, where the ABI's registers have 32 bits."""
    found = []
    for c_type, name in parameters:
        if c_type == DUAL:
            found += [("u32", name + half) for half in table.halves]
            variant = {"_lo": "", "_hi": "/big", "1": "/either"}[table.halves[0]]
        else:
            found.append((c_type, name))
    return variant, found


def extra(text):
    """Reads a line of EXTRA."""
    return [tuple(part.rsplit(" ", 1)) for part in text.split(",") if part]


def resolve(found, abi, name, entries):
    """The handler of a call and what it reads: (handler, parameters), or None when nothing ever read it."""
    if name in NEVER.get(abi, "").split():
        return None
    if TABLES[abi].bits == 32 and name in EXTRA_32:
        return name + "/32", extra(EXTRA_32[name])
    if (abi, name) in EXTRA_OF:
        return f"{name}/{abi}", extra(EXTRA_OF[abi, name])
    for entry in [entry.removeprefix("__") for entry in entries]:
        picked = pick(found, entry, TABLES[abi].folder)
        if picked and entry != "sys_ni_syscall":
            variant, parameters = halves(TABLES[abi], *picked)
            return entry.removeprefix("sys_").replace("compat_sys_", "compat_") + variant, parameters
    if name in EXTRA:
        return name, extra(EXTRA[name])
    raise SystemExit(f"{abi} {name} {entries}: no definition; add it to EXTRA or NEVER")


def aliases(pages, call, handler, parameters):
    """The man page's name of each parameter where it has another, as (position -> names)."""
    base = handler.removeprefix("compat_").split("/")[0]
    found = [list(ALIASES.get((base, name), [])) for _, name in parameters]
    for declaration in [] if call in OTHER_ORDER else declarations(pages, call):
        pointers = [role(handler, kind(c_type), name) == "pointer" for c_type, name in parameters]
        if [pointer for pointer, _ in declaration] == pointers:
            for names, (_, name) in zip(found, declaration):
                names.append(name)
    taken_by_kernel = {name for _, name in parameters}
    for names, (_, name) in zip(found, parameters):
        # recvmmsg's vlen counts messages, not parts of a buffer.
        if name in USUAL and not (name == "vlen" and "vec" not in taken_by_kernel):
            names.append(USUAL[name])
    taken = {name.lstrip("_") for _, name in parameters}
    result = []
    for names in found:
        kept = [name for name in dict.fromkeys(names) if name not in taken]
        taken.update(kept)
        result.append(kept)
    return result


def united(old, names, parameters):
    """Other names of each parameter from two calls with one handler, none of them twice."""
    if old is None:
        return names
    taken = {name.lstrip("_") for _, name in parameters} | {name for group in old for name in group}
    return [mine + [name for name in theirs if name not in taken] for mine, theirs in zip(old, names)]


def words(handler, parameters):
    """What a row says of each parameter: (name, type code, role)."""
    base = handler.removeprefix("compat_").split("/")[0]
    codes = [(name, READ_AS.get((base, name), kind(c_type))) for c_type, name in parameters]
    return [(name.lstrip("_"), code, role(handler, code, name)) for name, code in codes]


def line(handler, parameters, names):
    """One row of the data file: the handler, then a word for each parameter."""
    spelled = [":".join(word) + (":" + "|".join(other) if other else "") for word, other in zip(parameters, names)]
    return "\t".join([handler, *spelled])
