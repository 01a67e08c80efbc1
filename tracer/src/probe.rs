//! Asks the running kernel what a filter does to a call, without ever making the call.
//!
//! A forked child first loads an outer filter that answers every call with ERRNO([`PASSED`]), then the filter under
//! test. The kernel runs both and takes the most severe action; of two equally severe ones, the data of the filter
//! loaded last (`seccomp_run_filters`, kernel/seccomp.c). So:
//!
//! * what the filter under test kills or traps is killed or trapped;
//! * its ERRNO ties with the outer one and, loaded last, wins: its errno comes back;
//! * everything less severe (notify, trace, log, allow) loses to the outer ERRNO: [`PASSED`] comes back.
//!
//! Nothing is executed, whatever the number and the arguments. One exception is the kernel's: in newer ones the numbers of
//! uretprobe and uprobe bypass every filter on x86-64 (`seccomp_uprobe_exception`); they come out as
//! [`Outcome::Signalled`] or [`Outcome::Ran`] or with an errno of their own.
//!
//! Calls are made from a second thread of the child, so that killing the thread and killing the process look different.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, Ordering::SeqCst};

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, op};
use callgate_compiler::call::SyscallData;
use nix::errno::Errno;
use nix::sys::prctl;

use crate::seccomp::Filter;
use crate::shared::SharedWords;

/// The errno that stands for "the filter under test let it through". It has no name; a filter that returns it itself
/// can't be told apart.
pub const PASSED: u16 = 4077;

/// The last argument of the one call the outer filter lets through: the seccomp(2) that loads the filter under test.
const COOKIE: u32 = 0xca11_9a7e;

/// What the kernel did to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something less severe than an errno: notify, trace, log or allow.
    Passed,
    /// It returned this errno, unexecuted.
    Errno(u16),
    /// SIGSYS came, with this `si_errno`.
    Trapped(u16),
    /// The calling thread is gone; its process lives.
    ThreadKilled,
    /// The process was killed with SIGSYS.
    ProcessKilled,
    /// The process died of another signal: the call bypassed the filters, or the kernel has no such entry (i386).
    Signalled(i32),
    /// It returned a value that only an executed call returns: it bypassed the filters.
    Ran,
}

impl Outcome {
    /// How a filter that takes this action on a call shows itself.
    #[must_use]
    pub fn of(action: Action) -> Self {
        match action {
            Action::KillProcess => Self::ProcessKilled,
            Action::KillThread => Self::ThreadKilled,
            Action::Trap(data) => Self::Trapped(data),
            Action::Errno(errno) => Self::Errno(errno),
            Action::Notify | Action::Trace(_) | Action::Log | Action::Allow => Self::Passed,
        }
    }
}

/// Why the kernel couldn't be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The machine can't make a call through this ABI.
    #[error("this machine can't make a call with architecture token {0:#x}")]
    ForeignAbi(u32),
    /// The 32-bit entry has 32-bit registers.
    #[error("argument {0:#x} is wider than the 32 bits of an i386 call")]
    WideArgument(u64),
    /// The program is empty or too long.
    #[error("the kernel takes no filter of {0} instructions")]
    Length(usize),
    /// The child couldn't load a filter.
    #[error("the child couldn't load the filter: {0}")]
    Load(Errno),
    /// The child ended in a way that no filter explains.
    #[error("the child ended with wait status {0:#x} before any call")]
    Child(i32),
    /// fork, mmap or waitpid failed.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The words the child and its parent share; the results of the calls follow.
mod word {
    pub(super) const IN_FLIGHT: usize = 0;
    pub(super) const FINISHED: usize = 1;
    pub(super) const TRAPPED: usize = 2;
    pub(super) const TRAP_DATA: usize = 3;
    pub(super) const LOAD_ERROR: usize = 4;
    pub(super) const RESULTS: usize = 5;
}

/// No call made yet.
const NONE: i64 = -1;

/// What happens to each of `calls` under `program`. The program's flags don't matter, and the instruction pointer of a
/// call is the child's own.
///
/// # Errors
///
/// When a call can't be made on this machine, or the kernel doesn't take the program.
pub fn observe(program: &Program, calls: &[SyscallData]) -> Result<Vec<Outcome>, ProbeError> {
    observe_stack(std::slice::from_ref(program), calls)
}

/// What happens to each of `calls` with all of `programs` loaded, the first one first, as [`observe`] sees it. Every program but
/// the last must let seccomp(2) through, or the next one can't be loaded.
///
/// # Errors
///
/// As [`observe`].
pub fn observe_stack(programs: &[Program], calls: &[SyscallData]) -> Result<Vec<Outcome>, ProbeError> {
    for call in calls {
        entry_of(call)?;
    }
    let inner =
        programs.iter().map(|program| Filter::new(program).ok_or(ProbeError::Length(program.instructions.len())));
    let inner = inner.collect::<Result<Vec<_>, _>>()?;
    let outer = Filter::new(&refuse_all_but_the_load()).ok_or(ProbeError::Length(0))?;
    let shared = SharedWords::new(word::RESULTS + calls.len()).map_err(io::Error::from)?;
    let mut stack = vec![0_u128; 16 * 1024].into_boxed_slice();
    let mut outcomes = Vec::with_capacity(calls.len());
    while outcomes.len() < calls.len() {
        for control in &shared[..word::RESULTS] {
            control.store(0, SeqCst);
        }
        shared[word::IN_FLIGHT].store(NONE, SeqCst);
        let mut job = Job { outer: &outer, inner: &inner, calls, first: outcomes.len(), shared: &shared };
        // SAFETY: the child goes on with async-signal-safe calls alone and never returns.
        let child = Errno::result(unsafe { libc::fork() }).map_err(io::Error::from)?;
        if child == 0 {
            become_the_probe(&mut job, &mut stack);
        }
        let mut status = 0;
        // SAFETY: `status` is a valid place for one status.
        while Errno::result(unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) })
            .map_or_else(|errno| errno == Errno::EINTR, |_| false)
        {}
        let in_flight = shared[word::IN_FLIGHT].load(SeqCst);
        let load_error = i32::try_from(shared[word::LOAD_ERROR].load(SeqCst)).unwrap_or_default();
        if load_error != 0 {
            return Err(ProbeError::Load(Errno::from_raw(load_error)));
        }
        let Ok(in_flight) = usize::try_from(in_flight) else { return Err(ProbeError::Child(status)) };
        let finished = shared[word::FINISHED].load(SeqCst) != 0;
        let returned = in_flight + usize::from(finished);
        let results = &shared[word::RESULTS..];
        outcomes.extend(results[outcomes.len()..returned].iter().map(|result| returned_outcome(result.load(SeqCst))));
        if !finished {
            outcomes.push(death_outcome(status, &shared));
        }
    }
    Ok(outcomes)
}

fn returned_outcome(result: i64) -> Outcome {
    match u16::try_from(-result) {
        Ok(PASSED) => Outcome::Passed,
        Ok(errno) if errno <= callgate_compiler::action::MAX_ERRNO => Outcome::Errno(errno),
        _ => Outcome::Ran,
    }
}

fn death_outcome(status: i32, shared: &SharedWords) -> Outcome {
    if shared[word::TRAPPED].load(SeqCst) != 0 {
        return Outcome::Trapped(u16::try_from(shared[word::TRAP_DATA].load(SeqCst)).unwrap_or(u16::MAX));
    }
    if !libc::WIFSIGNALED(status) {
        return Outcome::ThreadKilled;
    }
    match libc::WTERMSIG(status) {
        libc::SIGSYS => Outcome::ProcessKilled,
        signal => Outcome::Signalled(signal),
    }
}

/// Answers every call with [`PASSED`], but for seccomp(2) with the cookie.
fn refuse_all_but_the_load() -> Program {
    let load = |k| Instruction { code: op::LD | op::W | op::ABS, jt: 0, jf: 0, k };
    let unless = |k: u32, jf| Instruction { code: op::JMP | op::JEQ | op::K, jt: 0, jf, k };
    let ret = |action: Action| Instruction { code: op::RET | op::K, jt: 0, jf: 0, k: action.ret() };
    let seccomp = u32::try_from(libc::SYS_seccomp).unwrap_or(u32::MAX);
    Program::new(vec![
        load(4),
        unless(NATIVE.token(), 5),
        load(0),
        unless(seccomp, 3),
        load(16 + 8 * 5),
        unless(COOKIE, 1),
        ret(Action::Allow),
        ret(Action::Errno(PASSED)),
    ])
}

struct Job<'parent> {
    outer: &'parent Filter,
    inner: &'parent [Filter],
    calls: &'parent [SyscallData],
    first: usize,
    shared: &'parent SharedWords,
}

/// Where the child's SIGSYS handler finds the shared words.
static SHARED: AtomicPtr<AtomicI64> = AtomicPtr::new(ptr::null_mut());

/// In the forked child: starts the thread that makes the calls, and outlives it when only the thread is killed.
fn become_the_probe(job: &mut Job<'_>, stack: &mut [u128]) -> ! {
    SHARED.store(job.shared.as_ptr().cast_mut(), SeqCst);
    let thread_lives = AtomicI32::new(1);
    // SAFETY: all of it is the child's own: its dispositions, its memory. The thread shares this process's memory, which
    // lives until the process ends; its stack is `stack`, used by nothing else, and 16-byte aligned at its top. The kernel
    // clears `thread_lives` and wakes its waiters when the thread ends (CLONE_CHILD_CLEARTID).
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = trapped as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, ptr::null_mut());
        libc::signal(libc::SIGILL, libc::SIG_DFL);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        let mut unblocked: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut unblocked);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const unblocked, ptr::null_mut());
        // No core files.
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        let thread = libc::clone(
            make_the_calls,
            stack.as_mut_ptr_range().end.cast(),
            libc::CLONE_VM
                | libc::CLONE_FS
                | libc::CLONE_FILES
                | libc::CLONE_SIGHAND
                | libc::CLONE_THREAD
                | libc::CLONE_SYSVSEM
                | libc::CLONE_CHILD_CLEARTID,
            ptr::from_mut(job).cast(),
            ptr::null_mut::<libc::pid_t>(),
            ptr::null_mut::<libc::c_void>(),
            thread_lives.as_ptr(),
        );
        if thread < 0 {
            fail(job, Errno::last());
        }
        while thread_lives.load(SeqCst) != 0 {
            libc::syscall(libc::SYS_futex, thread_lives.as_ptr(), libc::FUTEX_WAIT, 1, ptr::null::<libc::timespec>());
        }
        libc::_exit(0)
    }
}

extern "C" fn make_the_calls(job: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `become_the_probe` passes its job, which lives as long as the process.
    let job = unsafe { &*job.cast::<Job<'_>>() };
    if let Err(errno) = prctl::set_no_new_privs() {
        fail(job, errno);
    }
    for filter in std::iter::once(job.outer).chain(job.inner) {
        if let Err(errno) = filter.load(0, [0, 0, COOKIE.into()]) {
            fail(job, errno);
        }
    }
    let results = &job.shared[word::RESULTS..];
    for ((index, call), result) in (0_i64..).zip(job.calls).zip(results).skip(job.first) {
        job.shared[word::IN_FLIGHT].store(index, SeqCst);
        let returned = match entry_of(call) {
            Ok(entry) => entry(call),
            Err(_) => i64::MAX,
        };
        result.store(returned, SeqCst);
    }
    job.shared[word::FINISHED].store(1, SeqCst);
    die()
}

fn fail(job: &Job<'_>, errno: Errno) -> ! {
    job.shared[word::LOAD_ERROR].store((errno as i32).into(), SeqCst);
    die()
}

/// The SIGSYS handler: returning from it would take a call, so it says what came and dies.
extern "C" fn trapped(_signal: libc::c_int, info: *const libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a siginfo, and `SHARED` points to at least `word::RESULTS` words since before the handler
    // was installed.
    let (data, shared) = unsafe { ((*info).si_errno, std::slice::from_raw_parts(SHARED.load(SeqCst), word::RESULTS)) };
    shared[word::TRAP_DATA].store(data.into(), SeqCst);
    shared[word::TRAPPED].store(1, SeqCst);
    die()
}

/// Ends the process without a system call: the filter may refuse `exit_group`, and the kernel may not.
pub(crate) fn die() -> ! {
    // SAFETY: an undefined instruction raises SIGILL, whose default ends the process; nothing runs after it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("ud2", options(noreturn))
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("udf #0", options(noreturn))
    }
}

type Entry = fn(&SyscallData) -> i64;

/// The machine instruction that makes this call.
fn entry_of(call: &SyscallData) -> Result<Entry, ProbeError> {
    if call.arch == NATIVE.token() {
        return Ok(native_call);
    }
    #[cfg(target_arch = "x86_64")]
    if call.arch == Abi::X86.token() {
        return match call.args.iter().find(|&&word| word > u32::MAX.into()) {
            Some(&word) => Err(ProbeError::WideArgument(word)),
            None => Ok(i386_call),
        };
    }
    Err(ProbeError::ForeignAbi(call.arch))
}

/// The ABI whose token a plain system call of this process carries.
#[cfg(target_arch = "x86_64")]
const NATIVE: Abi = Abi::X86_64;
/// The ABI whose token a plain system call of this process carries.
#[cfg(target_arch = "aarch64")]
const NATIVE: Abi = Abi::Aarch64;

#[cfg(target_arch = "x86_64")]
fn native_call(call: &SyscallData) -> i64 {
    let result;
    // SAFETY: the outer filter answers the call, so whatever the words say, nothing is executed and no memory touched;
    // the kernel changes rax, rcx and r11 alone.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") u64::from(call.nr) => result,
            in("rdi") call.args[0],
            in("rsi") call.args[1],
            in("rdx") call.args[2],
            in("r10") call.args[3],
            in("r8") call.args[4],
            in("r9") call.args[5],
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// int 0x80: the i386 entry, which a 64-bit process may use too.
#[cfg(target_arch = "x86_64")]
fn i386_call(call: &SyscallData) -> i64 {
    let words =
        [u64::from(call.nr), call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]];
    let result: u64;
    // SAFETY: as for `native_call`. rbx and rbp, which the compiler keeps for itself, are put back; older kernels clear r8
    // to r11. `words` holds the seven words that are read.
    unsafe {
        std::arch::asm!(
            "push rbx",
            "push rbp",
            "mov ebx, [rax + 8]",
            "mov ecx, [rax + 16]",
            "mov edx, [rax + 24]",
            "mov esi, [rax + 32]",
            "mov edi, [rax + 40]",
            "mov ebp, [rax + 48]",
            "mov eax, [rax]",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            inlateout("rax") words.as_ptr() => result,
            out("rcx") _,
            out("rdx") _,
            out("rsi") _,
            out("rdi") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
        );
    }
    // eax, sign-extended: an errno is negative in 32 bits.
    i64::from((result & 0xffff_ffff).cast_signed() as i32)
}

#[cfg(target_arch = "aarch64")]
fn native_call(call: &SyscallData) -> i64 {
    let result;
    // SAFETY: the outer filter answers the call, so whatever the words say, nothing is executed and no memory touched;
    // the kernel changes x0 alone.
    unsafe {
        std::arch::asm!(
            "svc #0",
            in("x8") u64::from(call.nr),
            inlateout("x0") call.args[0] => result,
            in("x1") call.args[1],
            in("x2") call.args[2],
            in("x3") call.args[3],
            in("x4") call.args[4],
            in("x5") call.args[5],
        );
    }
    result
}
