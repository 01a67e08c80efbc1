//! The filters of a living process.
//!
//! The kernel keeps every classic filter as it was loaded, for checkpoints, and hands it to a tracer
//! (`seccomp_get_filter`, kernel/seccomp.c, Linux 4.4 and later). The process is stopped for as long as that takes.

use std::ptr;

use callgate_compiler::bpf::{Instruction, MAX_INSTRUCTIONS, Program};
use libc::{c_int, c_long, c_uint, pid_t};
use nix::errno::Errno;
use thiserror::Error;

/// `PTRACE_SECCOMP_GET_FILTER` (include/uapi/linux/ptrace.h).
const GET_FILTER: c_uint = 0x420c;

/// `PTRACE_EVENT_STOP` (include/uapi/linux/ptrace.h): the stop that was asked for, as against one for a signal.
const EVENT_STOP: c_int = 128;

/// Why the filters of a process can't be had. Every message says what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FiltersError {
    /// There is no such process or thread.
    #[error("there is no process {0}\n  next: look for its number with ps or pgrep")]
    NoProcess(i32),
    /// It may not be traced: another user's, or traced by another already.
    #[error(
        "process {0} can't be traced\n  next: become root, and end a debugger or strace that traces it; /proc/sys/kernel/yama/ptrace_scope may forbid it too"
    )]
    NotTraceable(i32),
    /// The kernel shows filters to administrators only.
    #[error(
        "reading filters takes CAP_SYS_ADMIN in the initial user namespace\n  next: become root outside of containers"
    )]
    NotPermitted,
    /// The kernel shows filters only to a process that has none itself.
    #[error(
        "callgate runs under a filter itself, and the kernel shows filters to unconfined processes only\n  next: call it from outside of containers and sandboxes"
    )]
    Confined,
    /// The process is in strict mode (`SECCOMP_MODE_STRICT`), which has no filter.
    #[error(
        "process {0} is in seccomp's strict mode, which has no filter: read, write, exit and sigreturn are all it may call\n  next: there is nothing more to see"
    )]
    Strict(i32),
    /// The kernel can't.
    #[error(
        "this kernel keeps no filters to show (CONFIG_CHECKPOINT_RESTORE is off)\n  next: use a kernel that has it, or read the filter where it comes from"
    )]
    NotKept,
    /// One of them is no classic BPF program.
    #[error("filter {index} of process {pid} is no classic BPF program\n  next: look at another one with `--index`")]
    NotClassic {
        /// Of which process.
        pid: i32,
        /// Which, the first one loaded being 0.
        index: usize,
    },
    /// Anything else.
    #[error("process {pid} can't be looked at: {errno}\n  next: try again; it may have ended")]
    Failed {
        /// Which process.
        pid: i32,
        /// What the kernel said.
        errno: Errno,
    },
}

/// The filters of a process (or thread), the first one loaded first; the kernel runs all of them on each call. None for a
/// process without.
///
/// # Errors
/// See [`FiltersError`].
pub fn filters(pid: i32) -> Result<Vec<Program>, FiltersError> {
    match mode(&format!("/proc/{pid}/status")) {
        None => return Err(FiltersError::NoProcess(pid)),
        Some(0) => return Ok(Vec::new()),
        Some(1) => return Err(FiltersError::Strict(pid)),
        Some(_) => {}
    }
    let stopped = Stopped::new(pid)?;
    let mut filters = Vec::new();
    while let Some(program) = stopped.filter(filters.len())? {
        filters.push(program);
    }
    Ok(filters)
}

/// `Seccomp:` of a status file of /proc: 0 nothing, 1 strict mode, 2 filters (`proc_pid_status(5)`).
fn mode(status: &str) -> Option<u32> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Seccomp:"))?.trim().parse().ok()
}

/// A traced process that stands still. It goes on when this is dropped.
struct Stopped {
    pid: pid_t,
    /// What it was about to be told when it was stopped.
    signal: c_int,
}

fn request(request: c_uint, pid: pid_t, address: usize, data: *mut libc::c_void) -> Result<c_long, Errno> {
    // SAFETY: of the requests in this file, only GET_FILTER makes the kernel write to this process's memory, and it is given
    // null or a buffer as long as the filter that the kernel will write.
    Errno::result(unsafe { libc::ptrace(request, pid, ptr::without_provenance_mut::<libc::c_void>(address), data) })
}

impl Stopped {
    fn new(pid: pid_t) -> Result<Self, FiltersError> {
        let failed = |errno| match errno {
            Errno::ESRCH => FiltersError::NoProcess(pid),
            Errno::EPERM => FiltersError::NotTraceable(pid),
            errno => FiltersError::Failed { pid, errno },
        };
        // No options: should callgate die, the process lives on.
        request(libc::PTRACE_SEIZE, pid, 0, ptr::null_mut()).map_err(failed)?;
        // Traced from here on: detached whatever happens.
        let mut stopped = Self { pid, signal: 0 };
        request(libc::PTRACE_INTERRUPT, pid, 0, ptr::null_mut()).map_err(failed)?;
        let mut status = 0;
        loop {
            // SAFETY: `status` is a place for one status that lives until the call returns.
            match Errno::result(unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) }) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(failed(errno)),
                Ok(_) => break,
            }
        }
        if !libc::WIFSTOPPED(status) {
            return Err(FiltersError::NoProcess(pid));
        }
        // A signal that came first is passed on.
        if status >> 16 != EVENT_STOP {
            stopped.signal = libc::WSTOPSIG(status);
        }
        Ok(stopped)
    }

    /// One of the filters; `None` past the last.
    fn filter(&self, index: usize) -> Result<Option<Program>, FiltersError> {
        let pid = self.pid;
        let length = match request(GET_FILTER, pid, index, ptr::null_mut()) {
            Ok(length) => usize::try_from(length).unwrap_or_default(),
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::EACCES) if mode("/proc/self/status") != Some(0) => return Err(FiltersError::Confined),
            Err(Errno::EACCES) => return Err(FiltersError::NotPermitted),
            Err(Errno::EMEDIUMTYPE) => return Err(FiltersError::NotClassic { pid, index }),
            Err(Errno::EINVAL | Errno::EIO) => return Err(FiltersError::NotKept),
            Err(errno) => return Err(FiltersError::Failed { pid, errno }),
        };
        // A loaded filter doesn't change, and the kernel loads none longer than this.
        let mut instructions = vec![libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; length.max(MAX_INSTRUCTIONS)];
        request(GET_FILTER, pid, index, instructions.as_mut_ptr().cast())
            .map_err(|errno| FiltersError::Failed { pid, errno })?;
        instructions.truncate(length);
        let instructions = instructions.iter().map(|filter| Instruction {
            code: filter.code,
            jt: filter.jt,
            jf: filter.jf,
            k: filter.k,
        });
        Ok(Some(Program::new(instructions.collect())))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // The signal stands where other requests have a pointer. A process that is gone needs no detaching.
        let signal = usize::try_from(self.signal).unwrap_or_default();
        let _ = request(libc::PTRACE_DETACH, self.pid, 0, ptr::without_provenance_mut(signal));
    }
}
