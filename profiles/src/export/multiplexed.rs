//! The calls that do the work of several others on x86, s390, PowerPC and MIPS o32, and what libseccomp makes of that.
//!
//! libseccomp turns a rule on `socket` into two there, one for `socket` and one for `socketcall(SYS_SOCKET, …)`, the latter
//! without the condition on the first argument, because that place is taken (`abi_rule_add`, src/arch.c; measured on 2.5.4).
//! A rule on all of `socketcall` wins over them. Rules with conditions and different actions contradict each other there, and
//! libseccomp refuses the second (EEXIST), so that the container doesn't start.

/// The calls that others go through (net/socket.c, ipc/syscall.c), with those others.
pub(super) const MULTIPLEXERS: &[(&str, &[&str])] = &[
    (
        "socketcall",
        &[
            "accept",
            "accept4",
            "bind",
            "connect",
            "getpeername",
            "getsockname",
            "getsockopt",
            "listen",
            "recv",
            "recvfrom",
            "recvmmsg",
            "recvmsg",
            "send",
            "sendmmsg",
            "sendmsg",
            "sendto",
            "setsockopt",
            "shutdown",
            "socket",
            "socketpair",
        ],
    ),
    (
        "ipc",
        &[
            "msgctl",
            "msgget",
            "msgrcv",
            "msgsnd",
            "semctl",
            "semget",
            "semop",
            "semtimedop",
            "shmat",
            "shmctl",
            "shmdt",
            "shmget",
        ],
    ),
];

/// The call that also does the work of this one on the ABIs that have it.
pub(super) fn multiplexer(call: &str) -> Option<&'static str> {
    MULTIPLEXERS.iter().find(|(_, calls)| calls.contains(&call)).map(|&(multiplexer, _)| multiplexer)
}
