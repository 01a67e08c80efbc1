//! The inputs: what each is, and a call that says what it really does.

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::{Program, assemble};

use crate::linear;
use crate::policies::resolved;

/// Which part of the page a case belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// One bad input for each of the checks of seccomp-tools.
    Theirs,
    /// Beside it: alike by name or text, and not the same.
    NearMiss,
    /// What the checks of seccomp-tools aren't about.
    Outside,
}

/// How a case is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// In the language, for these ABIs.
    Gate(&'static [Abi], &'static str),
    /// As instructions: what no policy compiles to.
    Asm(&'static str),
}

/// One input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) group: Group,
    /// What it is, a few words.
    pub(crate) what: &'static str,
    pub(crate) input: Input,
    /// Calls of which the first that runs shows what the filter lets through; when none does, the first shows that.
    pub(crate) calls: &'static [(Abi, &'static str)],
}

impl Case {
    /// The filter, as the kernel takes it. What is compared is two linters and no compiler, so policies are laid out plainly.
    pub(crate) fn program(&self) -> Program {
        match self.input {
            Input::Gate(abis, text) => {
                let policy = resolved(text, abis).unwrap_or_else(|| panic!("{}: the policy is wrong", self.what));
                linear::program(&policy)
            }
            Input::Asm(text) => assemble(text).unwrap_or_else(|error| panic!("{}: {error:?}", self.what)),
        }
    }

    /// As it stands on the page.
    pub(crate) fn text(&self) -> &'static str {
        match self.input {
            Input::Gate(_, text) | Input::Asm(text) => text,
        }
    }
}

const X: &[Abi] = &[Abi::X86_64];
const I: &[Abi] = &[Abi::X86_64, Abi::X86];
const A: Abi = Abi::X86_64;

const fn gate(
    group: Group,
    what: &'static str,
    abis: &'static [Abi],
    text: &'static str,
    calls: &'static [(Abi, &'static str)],
) -> Case {
    Case { group, what, input: Input::Gate(abis, text), calls }
}

const fn asm(group: Group, what: &'static str, text: &'static str, calls: &'static [(Abi, &'static str)]) -> Case {
    Case { group, what, input: Input::Asm(text), calls }
}

use Group::{NearMiss, Outside, Theirs};

/// Every case, in the page's order.
pub(crate) const CASES: &[Case] = &[
    asm(
        Theirs,
        "the token of the ABI is never looked at",
        "ld [0]\njeq #59, bad\nret #0x7fff0000\nbad: ret #0x80000000",
        &[(A, "execveat")],
    ),
    asm(
        Theirs,
        "calls of other ABIs are allowed",
        "ld [4]\njne #0xc000003e, other\nld [0]\njge #0x40000000, bad\njeq #0, other\nbad: ret #0x80000000\nother: ret #0x7fff0000",
        &[(A, "read")],
    ),
    asm(
        Theirs,
        "x32 isn't guarded",
        "ld [4]\njne #0xc000003e, bad\nld [0]\njeq #59, bad\njeq #322, bad\nret #0x7fff0000\nbad: ret #0x80000000",
        &[(Abi::X32, "execve")],
    ),
    gate(Theirs, "everything is allowed but a list", X, "allow: all\ndeny: ptrace", &[(A, "bpf")]),
    gate(
        Theirs,
        "a refused call's other name is open",
        X,
        "deny: all\nkill: execve\nallow: read, execveat",
        &[(A, "execveat")],
    ),
    gate(
        Theirs,
        "a file can be opened, read and written out",
        X,
        "deny: all\nallow: openat, read, write",
        &[(A, "openat")],
    ),
    gate(Theirs, "a dangerous call is allowed", X, "deny: all\nallow: read, ptrace", &[(A, "ptrace")]),
    asm(
        NearMiss,
        "x32 is guarded by a test of the bit",
        "ld [4]\njne #0xc000003e, bad\nld [0]\njset #0x40000000, bad\njeq #59, bad\njeq #322, bad\nret #0x7fff0000\nbad: ret #0x80000000",
        &[(Abi::X32, "execve")],
    ),
    gate(NearMiss, "everything is logged, which is to say run", X, "log: all\ndeny: ptrace", &[(A, "bpf")]),
    gate(
        NearMiss,
        "the refused call is refused for some arguments",
        X,
        "deny: all\nallow: read, openat(flags lacks O_CREAT), openat2",
        &[(A, "openat2")],
    ),
    gate(
        NearMiss,
        "the other name answers ENOSYS",
        X,
        "deny: all\nkill: execve\nerrno(ENOSYS): execveat\nallow: read",
        &[(A, "execveat")],
    ),
    gate(
        NearMiss,
        "files are opened for reading, and written to is the log",
        X,
        "deny: all\nallow: openat(flags & O_ACCMODE == O_RDONLY), read, write(fd == 2)",
        &[(A, "write")],
    ),
    gate(
        NearMiss,
        "sockets within the machine alone",
        X,
        "deny: all\nallow: read, socket(family == AF_UNIX)",
        &[(A, "socket(family == AF_ALG)"), (A, "socket(family == AF_INET)")],
    ),
    gate(
        Outside,
        "an ioctl is refused as a 64-bit word, and the kernel reads 32",
        X,
        "deny: all\nallow: ioctl(raw(arg1) != 0x5412)",
        &[(A, "ioctl(raw(arg1) == 0x100005412)")],
    ),
    gate(
        Outside,
        "a socket family is refused as a 64-bit word",
        X,
        "deny: all\nallow: socket(raw(arg0) != 38)",
        &[(A, "socket(raw(arg0) == 0x100000026)")],
    ),
    gate(
        Outside,
        "a pointer is compared",
        X,
        "deny: all\nallow: openat(raw(arg1) == 0x400000)",
        &[(A, "openat(raw(arg1) == 0x400000)")],
    ),
    gate(
        Outside,
        "clone's namespaces are refused, and clone3 is open",
        X,
        "deny: all\nallow: clone(flags lacks CLONE_NEWUSER), clone3",
        &[(A, "clone3")],
    ),
    gate(
        Outside,
        "unshare is refused, and clone makes namespaces",
        X,
        "deny: all\nkill: unshare\nerrno(ENOSYS): clone3\nallow: read, clone",
        &[(A, "clone(flags has CLONE_NEWUSER)")],
    ),
    gate(
        Outside,
        "clone3 answers EPERM, so that libc starts no thread",
        X,
        "deny: all\nallow: read, clone(flags lacks CLONE_NEWUSER)",
        &[(A, "clone3")],
    ),
    gate(
        Outside,
        "a socket family is refused, and socketcall is open",
        I,
        "deny: all\nallow: read, socketcall, socket(family == AF_UNIX)",
        &[(Abi::X86, "socketcall(call == SYS_SOCKET)")],
    ),
    gate(
        Outside,
        "shared memory is refused, and ipc is open",
        I,
        "deny: all\nkill: shmget, shmat\nallow: read, ipc",
        &[(Abi::X86, "ipc")],
    ),
    gate(
        Outside,
        "mount is refused, and the newer calls mount",
        X,
        "deny: all\nkill: mount, umount2\nallow: read, fsopen, fsconfig, fsmount, move_mount",
        &[(A, "move_mount")],
    ),
    gate(
        Outside,
        "memory isn't made executable by mprotect, and by pkey_mprotect it is",
        X,
        "deny: all\nallow: read, mprotect(prot lacks PROT_EXEC), pkey_mprotect",
        &[(A, "pkey_mprotect(prot has PROT_EXEC)")],
    ),
    gate(Outside, "kernel modules are loaded", X, "deny: all\nallow: init_module, finit_module", &[(A, "init_module")]),
    gate(Outside, "a new kernel is loaded", X, "deny: all\nallow: kexec_load", &[(A, "kexec_load")]),
    gate(Outside, "kernel memory is handled by userfaultfd", X, "deny: all\nallow: userfaultfd", &[(A, "userfaultfd")]),
    gate(Outside, "programs are loaded into the kernel", X, "deny: all\nallow: bpf", &[(A, "bpf")]),
    gate(
        Outside,
        "user namespaces are made",
        X,
        "deny: all\nallow: unshare",
        &[(A, "unshare(flags has CLONE_NEWUSER)")],
    ),
    gate(Outside, "files are opened by handle", X, "deny: all\nallow: open_by_handle_at", &[(A, "open_by_handle_at")]),
    gate(Outside, "a refusal that looks like success", X, "deny: all\nallow: read\nerrno(0): setuid", &[(A, "setuid")]),
    gate(
        Outside,
        "a supervisor decides, and decides on memory that changes",
        X,
        "deny: all\nallow: read\nnotify: openat",
        &[(A, "openat")],
    ),
    gate(Outside, "one of several threads dies", X, "kill-thread: all\nallow: read", &[(A, "write")]),
    gate(
        Outside,
        "what the runtime itself needs is refused",
        X,
        "deny: all\nallow: read, write, exit_group",
        &[(A, "execve")],
    ),
    asm(
        Outside,
        "the kernel refuses the program",
        "ld [4]\njne #0xc000003e, bad\nld [0]\nldx #4\ndiv #0\nbad: ret #0x80000000",
        &[(A, "read")],
    ),
    asm(
        Outside,
        "instructions that no call comes to",
        "ld [4]\njne #0xc000003e, bad\nld [0]\njge #0x40000000, bad\njeq #1, yes\nret #0x80000000\nld [16]\nbad: ret #0x80000000\nyes: ret #0x7fff0000",
        &[(A, "write")],
    ),
];
