//! ptrace(2), thinly: signals stay numbers, because real-time signals have to be passed on too.

use std::ptr;

use libc::{c_int, c_long, c_uint, pid_t};
use nix::errno::Errno;

/// A call as it stands at its entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// `AUDIT_ARCH_*` of the ABI it was made through.
    pub(super) arch: u32,
    /// The number.
    pub(super) nr: u32,
    /// The argument words.
    pub(super) args: [u64; 6],
}

/// `PTRACE_SYSCALL_INFO_ENTRY` (include/uapi/linux/ptrace.h).
const AT_ENTRY: u8 = 1;

fn request(request: c_uint, task: pid_t, address: usize, data: usize) -> Result<c_long, Errno> {
    // SAFETY: of the requests in this file, only those that pass a pointer make the kernel write to this process's memory,
    // and each of them passes one to a place of the right size.
    Errno::result(unsafe {
        libc::ptrace(
            request,
            task,
            ptr::without_provenance_mut::<libc::c_void>(address),
            ptr::without_provenance_mut::<libc::c_void>(data),
        )
    })
}

/// Becomes the tracer of a task and of all it starts, and kills them if this process dies.
pub(super) fn seize(task: pid_t) -> Result<(), Errno> {
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_EXITKILL;
    request(libc::PTRACE_SEIZE, task, 0, usize::try_from(options).unwrap_or_default()).map(drop)
}

/// Makes a task stop.
pub(super) fn interrupt(task: pid_t) -> Result<(), Errno> {
    request(libc::PTRACE_INTERRUPT, task, 0, 0).map(drop)
}

/// Lets a stopped task run to the next entry or exit of a call, and gives it a signal (0: none).
pub(super) fn run_to_call(task: pid_t, signal: c_int) -> Result<(), Errno> {
    request(libc::PTRACE_SYSCALL, task, 0, usize::try_from(signal).unwrap_or_default()).map(drop)
}

/// Leaves a task stopped by job control as it is, until it is continued.
pub(super) fn listen(task: pid_t) -> Result<(), Errno> {
    request(libc::PTRACE_LISTEN, task, 0, 0).map(drop)
}

/// Stops tracing a stopped task, and gives it a signal (0: none).
pub(super) fn detach(task: pid_t, signal: c_int) -> Result<(), Errno> {
    request(libc::PTRACE_DETACH, task, 0, usize::try_from(signal).unwrap_or_default()).map(drop)
}

/// The call a task stands at the entry of; `None` at the exit of one.
pub(super) fn entry(task: pid_t) -> Result<Option<Entry>, Errno> {
    // SAFETY: every field is a number, for which zero is a value.
    let mut information: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the size that it is given.
    Errno::result(unsafe {
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, task, size_of::<libc::ptrace_syscall_info>(), &raw mut information)
    })?;
    if information.op != AT_ENTRY {
        return Ok(None);
    }
    // SAFETY: at an entry the kernel has filled in this member of the union.
    let call = unsafe { information.u.entry };
    // The number's low 32 bits are all that system call entry looks at.
    Ok(Some(Entry { arch: information.arch, nr: (call.nr & 0xffff_ffff) as u32, args: call.args }))
}

/// The word at an address of a stopped task's memory.
pub(super) fn word_at(task: pid_t, address: u64) -> Result<u64, Errno> {
    let address = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    // The word itself is the result, so -1 is one too: the error alone tells.
    Errno::clear();
    // SAFETY: nothing is written to this process's memory.
    let word = unsafe { libc::ptrace(libc::PTRACE_PEEKDATA, task, address, 0) };
    match Errno::last_raw() {
        0 => Ok(word.cast_unsigned()),
        errno => Err(Errno::from_raw(errno)),
    }
}
