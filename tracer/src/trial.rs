//! Tries filters on the running kernel: whether it takes them, how long that takes, and how long calls take under them.
//!
//! Everything happens in a forked child that ends without a system call, so the filters may refuse what they like. The calls
//! that are timed are a few harmless ones; they are executed when the filters let them.

use std::io;
use std::sync::atomic::Ordering::SeqCst;

use callgate_compiler::bpf::Program;
use nix::errno::Errno;
use nix::sys::prctl;

use crate::probe::die;
use crate::seccomp::Filter;
use crate::shared::SharedWords;

/// A call that does nothing but come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedCall {
    /// `getppid()`: no argument, so nothing an argument could decide.
    ParentId,
    /// `personality(0xffffffff)`: asks and changes nothing.
    Personality,
    /// `clone3(NULL, 0)`: EINVAL when it is let through.
    EmptyClone3,
    /// Number 500, which no kernel has: ENOSYS when it is let through.
    NoSuchCall,
}

impl TimedCall {
    fn number(self) -> libc::c_long {
        match self {
            Self::ParentId => libc::SYS_getppid,
            Self::Personality => libc::SYS_personality,
            Self::EmptyClone3 => libc::SYS_clone3,
            Self::NoSuchCall => 500,
        }
    }

    fn first_argument(self) -> libc::c_ulong {
        if self == Self::Personality { 0xffff_ffff } else { 0 }
    }
}

/// What the kernel made of some filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The nanoseconds of each seccomp(2) that was made, in order; shorter than the list of filters when one was refused.
    pub loads: Vec<u64>,
    /// Why the next filter of the list was refused.
    pub refused: Option<Errno>,
    /// Of each call, the nanoseconds that all repetitions took together. Empty when a filter was refused, and shorter than
    /// the list of calls when the filters ended the child.
    pub calls: Vec<u64>,
}

/// Why there was no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The program is empty or too long to be handed to the kernel.
    #[error("the kernel takes no filter of {0} instructions")]
    Length(usize),
    /// fork, mmap, waitpid, prctl failed.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The words the child and its parent share; the durations of loads and calls follow.
mod word {
    pub(super) const LOADED: usize = 0;
    pub(super) const ERROR: usize = 1;
    pub(super) const CALLED: usize = 2;
    pub(super) const DURATIONS: usize = 3;
}

/// Loads the filters in order into a child, with `no_new_privs`, until one is refused; if none is, makes each call so many
/// times in a row. Filters must let through seccomp(2) for those after them, and whoever wants times takes care that they
/// answer the calls.
///
/// # Errors
/// When no child could be had. That the kernel refuses a filter is an answer, not an error.
pub fn trial(filters: &[Program], calls: &[TimedCall], repetitions: u32) -> Result<Trial, TrialError> {
    let laid_out: Result<Vec<_>, _> =
        filters.iter().map(|filter| Filter::new(filter).ok_or(TrialError::Length(filter.instructions.len()))).collect();
    let laid_out = laid_out?;
    let shared = SharedWords::new(word::DURATIONS + filters.len() + calls.len()).map_err(io::Error::from)?;
    // SAFETY: the child goes on with async-signal-safe calls alone and never returns.
    let child = Errno::result(unsafe { libc::fork() }).map_err(io::Error::from)?;
    if child == 0 {
        become_the_trial(&laid_out, calls, repetitions, &shared);
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place for one status.
    while Errno::result(unsafe { libc::waitpid(child, &raw mut status, 0) })
        .map_or_else(|errno| errno == Errno::EINTR, |_| false)
    {}
    let read = |index: usize| shared[index].load(SeqCst).unsigned_abs();
    let count = |index: usize| usize::try_from(read(index)).unwrap_or(usize::MAX);
    let (loaded, called) = (count(word::LOADED).min(filters.len()), count(word::CALLED).min(calls.len()));
    let durations = |from: usize, count: usize| (from..from + count).map(|index| read(word::DURATIONS + index));
    let error = i32::try_from(read(word::ERROR)).unwrap_or_default();
    Ok(Trial {
        loads: durations(0, loaded).collect(),
        refused: (error != 0).then(|| Errno::from_raw(error)),
        calls: durations(filters.len(), called).collect(),
    })
}

/// In the forked child: no allocation, no lock, no way back.
fn become_the_trial(filters: &[Filter], calls: &[TimedCall], repetitions: u32, shared: &SharedWords) -> ! {
    // SAFETY: dispositions and flags of the child's own process. It ends by SIGILL, and leaves no core file.
    unsafe {
        libc::signal(libc::SIGILL, libc::SIG_DFL);
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
    }
    if let Err(errno) = prctl::set_no_new_privs() {
        shared[word::ERROR].store(errno as i64, SeqCst);
        die();
    }
    let durations = &shared[word::DURATIONS..];
    for (filter, duration) in filters.iter().zip(durations) {
        let before = nanoseconds();
        let loaded = filter.load(0, [0; 3]);
        let after = nanoseconds();
        if let Err(errno) = loaded {
            shared[word::ERROR].store(errno as i64, SeqCst);
            die();
        }
        duration.store(after - before, SeqCst);
        shared[word::LOADED].fetch_add(1, SeqCst);
    }
    for (&call, duration) in calls.iter().zip(&durations[filters.len()..]) {
        // The first ones find cold caches.
        repeat(call, repetitions / 8);
        let before = nanoseconds();
        repeat(call, repetitions);
        duration.store(nanoseconds() - before, SeqCst);
        shared[word::CALLED].fetch_add(1, SeqCst);
    }
    die()
}

fn repeat(call: TimedCall, repetitions: u32) {
    for _ in 0..repetitions {
        // SAFETY: each of these calls reads no memory of ours and changes nothing; see `TimedCall`.
        unsafe { libc::syscall(call.number(), call.first_argument(), 0_u64) };
    }
}

/// The monotonic clock. Read in the vDSO where the machine's clock allows it; elsewhere it is a call that the filters must let
/// through, and zero when they don't.
fn nanoseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid place for one time.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
