//! seccomp(2), thinly.

use callgate_compiler::action::Action;
use callgate_compiler::bpf::{MAX_INSTRUCTIONS, Program, op};
use nix::errno::Errno;

/// A program laid out as seccomp(2) takes it.
pub(crate) struct Filter {
    instructions: Vec<libc::sock_filter>,
    /// At most [`MAX_INSTRUCTIONS`].
    len: u16,
}

impl Filter {
    /// Lays the program out; `None` when it is empty or longer than the kernel takes.
    pub(crate) fn new(program: &Program) -> Option<Self> {
        let len = program.instructions.len();
        if len == 0 || len > MAX_INSTRUCTIONS {
            return None;
        }
        let instructions = program
            .instructions
            .iter()
            .map(|instruction| libc::sock_filter {
                code: instruction.code,
                jt: instruction.jt,
                jf: instruction.jf,
                k: instruction.k,
            })
            .collect();
        Some(Self { instructions, len: u16::try_from(len).ok()? })
    }

    /// The filter of one instruction that does `action` to every call.
    pub(crate) fn always(action: Action) -> Self {
        let ret = libc::sock_filter { code: op::RET | op::K, jt: 0, jf: 0, k: action.ret() };
        Self { instructions: vec![ret], len: 1 }
    }

    /// Loads it into the calling thread (all threads with TSYNC). Makes one system call and allocates nothing.
    ///
    /// What comes back is 0, the listener's descriptor with `NEW_LISTENER`, or with TSYNC the id of a thread that couldn't
    /// take the filter, in which case none took it.
    ///
    /// The three words after seccomp(2)'s own arguments are `spare`; the kernel ignores them.
    pub(crate) fn load(&self, flags: libc::c_ulong, spare: [u64; 3]) -> Result<libc::c_long, Errno> {
        let program = libc::sock_fprog { len: self.len, filter: self.instructions.as_ptr().cast_mut() };
        // SAFETY: `program` describes `len` instructions that live until the call returns; the kernel only reads them.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
                spare[0],
                spare[1],
                spare[2],
            )
        };
        Errno::result(result)
    }
}

/// Whether the kernel knows a filter flag. It looks at the flags before it reads the program, and there is none here:
/// EFAULT says yes, EINVAL no (`seccomp_set_mode_filter`, kernel/seccomp.c).
pub(crate) fn knows_flag(bit: libc::c_ulong) -> bool {
    // SAFETY: the null program is never read from user space by the kernel without a check; nothing can be loaded.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, bit, std::ptr::null::<libc::sock_fprog>())
    };
    Errno::result(result) != Err(Errno::EINVAL)
}

/// Whether the kernel knows an action; one that it doesn't know kills the process (`__seccomp_filter`). Kernels before
/// 4.14 can't say, and are taken to know.
pub(crate) fn knows_action(action: Action) -> bool {
    let ret = action.ret() & 0xffff_0000;
    // SAFETY: the kernel reads one u32, which lives until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const ret) };
    Errno::result(result) != Err(Errno::EOPNOTSUPP)
}
