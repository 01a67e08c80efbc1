"""What a parameter is for. Selectors and flags are what a recorder keeps, so this table is read with care."""

FD = set(
    "fd dfd fildes oldfd newfd epfd in_fd out_fd fd_in fd_out fdin fdout ufd pidfd mountdirfd from_dfd to_dfd olddfd newdfd "
    "fs_fd kernel_fd initrd_fd group_fd ruleset_fd fanotify_fd mqdes max_fd neighbor_fd".split()
)
FLAGS = set(
    "flags flag at_flags prot options msgflg semflg shmflg oflag clone_flags unshare_flags swap_flags attr_flags "
    "event_f_flags mask mask_lo mask_hi mask1 mask2".split()
)
SELECTOR = set(
    "cmd op option request family type protocol level optname whence which resource advice behavior policy how call opcode "
    "command function_code origin advise number func magic1 magic2 personality clockid which_clock rule_type attr".split()
)
SIZE = set(
    "count len size usize bufsiz nbytes length plen sigsetsize addrlen addr_len msgsz bytecount sz argsz bufsize sizemask "
    "len_in old_len new_len cmdline_len optlen gidsetsize msg_len rseq_len len_lo len_hi len_low len_high length_lo length_hi "
    "nbytes_lo nbytes_hi n_low n_hi len1 len2 lenhigh lenlow nbytes1 nbytes2 nhigh nlow bytes ctx_size cpusetsize".split()
)
OFFSET = set(
    "offset pos off pgoff poslo poshi pos_l pos_h pos_low pos_high pos_lo pos_hi offset_lo offset_hi offset_low offset_high "
    "off_lo off_hi off_low off_hi off_4k offset1 offset2 pos1 pos2 offhigh offlow high low".split()
)
PID = set("pid tgid upid pid1 pid2 pgid".split())
POINTER = set("addr start new_addr brk newsp tls tls_val shmaddr msgp uptr end mmio_addr".split())
COUNT = set(
    "nr nr_events vlen maxevents nfds n nsems nsops liovcnt riovcnt nr_segs nr_segments nr_pages nr_wake nr_requeue "
    "nr_futexes nr_args nr_mnt_ids nr_ns_ids maxnode min_nr to_submit min_complete entries num backlog pair_count".split()
)
ID = set("user group uid gid ruid euid suid rgid egid sgid id".split())

# Where a name says something else than elsewhere: (handler without compat_ and variant, parameter) -> role.
OVERRIDES = {
    ("access", "mode"): "flags",
    ("faccessat", "mode"): "flags",
    ("faccessat2", "mode"): "flags",
    ("fallocate", "mode"): "flags",
    ("ia32_fallocate", "mode"): "flags",
    ("aarch32_fallocate", "mode"): "flags",
    ("s390_fallocate", "mode"): "flags",
    ("s390_truncate64", "high"): "size",
    ("s390_truncate64", "low"): "size",
    ("s390_ftruncate64", "high"): "size",
    ("s390_ftruncate64", "low"): "size",
    ("s390_ipc", "ptr"): "pointer",
    ("s390_runtime_instr", "signum"): "signal",
    ("cacheflush", "cache"): "flags",
    ("mbind", "mode"): "selector",
    ("set_mempolicy", "mode"): "selector",
    ("umask", "mask"): "mode",
    ("futex_wait", "mask"): "value",
    ("futex_wake", "mask"): "value",
    ("sigsuspend", "mask"): "value",
    ("ssetmask", "newmask"): "value",
    ("rseq", "sig"): "value",
    ("getrusage", "who"): "selector",
    ("setpriority", "who"): "id",
    ("getpriority", "who"): "id",
    ("ioprio_set", "who"): "id",
    ("ioprio_get", "who"): "id",
    ("getrandom", "len"): "size",
    ("ptrace", "addr"): "pointer",
    ("ptrace", "data"): "pointer",
    ("kexec_load", "entry"): "pointer",
    ("ioperm", "from"): "value",
    ("iopl", "level"): "value",
    ("select", "n"): "count",
    ("socketcall", "call"): "selector",
    ("ipc", "ptr"): "pointer",
    ("lsm_get_self_attr", "attr"): "selector",
    ("lsm_set_self_attr", "attr"): "selector",
    ("capget", "header"): "pointer",
    ("vm86", "cmd"): "selector",
    ("vm86", "arg"): "pointer",
    ("signal", "handler"): "pointer",
    ("perf_event_open", "cpu"): "value",
    ("get_robust_list", "pid"): "pid",
    ("fsconfig", "aux"): "value",
    ("pidfd_getfd", "fd"): "fd",
    ("epoll_create", "size"): "count",
    ("eventfd", "count"): "value",
    ("eventfd2", "count"): "value",
    ("mknod", "dev"): "value",
    ("fadvise64", "len"): "size",
    ("clone", "stack_size"): "size",
    ("close_range", "max_fd"): "fd",
    ("remap_file_pages", "size"): "size",
    ("waitid", "upid"): "pid",
    ("fcntl", "arg"): "value",
    ("quotactl", "id"): "id",
    ("add_key", "ringid"): "value",
    ("request_key", "destringid"): "value",
}


def role(handler, kind, name):
    """The role of a parameter; `kind` is the data files' type code."""
    call = handler.removeprefix("compat_").split("/")[0]
    if (call, name) in OVERRIDES:
        return OVERRIDES[call, name]
    if kind == "ptr" or name in POINTER:
        return "pointer"
    if name == "sig":
        return "signal"
    if name == "mode":
        return "mode"
    for names, found in (
        (FD, "fd"),
        (FLAGS, "flags"),
        (SELECTOR, "selector"),
        (SIZE, "size"),
        (OFFSET, "offset"),
        (PID, "pid"),
        (COUNT, "count"),
        (ID, "id"),
    ):
        if name in names:
            return found
    return "value"
