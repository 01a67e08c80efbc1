//! System calls that aya has no function for.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::time::{ClockId, clock_gettime};

use super::layout::Mark;

/// `enum bpf_cmd`, include/uapi/linux/bpf.h.
#[derive(Clone, Copy)]
enum Command {
    MapUpdateElement = 2,
    ObjectGetInformation = 15,
}

/// The part of `union bpf_attr` that element commands read.
#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The part of `union bpf_attr` that `BPF_OBJ_GET_INFO_BY_FD` reads.
#[repr(C)]
struct Information {
    descriptor: u32,
    length: u32,
    information: u64,
}

/// Gives the task behind `pidfd` its value in a map of task storage, whose key is a pidfd.
pub(super) fn update_task_storage(map: BorrowedFd<'_>, pidfd: BorrowedFd<'_>, mark: Mark) -> io::Result<()> {
    let key: libc::c_int = pidfd.as_raw_fd();
    let attributes = Element {
        map: map.as_raw_fd().cast_unsigned(),
        padding: 0,
        key: &raw const key as u64,
        value: &raw const mark as u64,
        flags: 0,
    };
    // SAFETY: the kernel reads four bytes of key and, the map's value size, four bytes of mark, and writes nothing.
    unsafe { bpf(Command::MapUpdateElement, &attributes) }
}

/// How often the kernel skipped the program because it was running on that CPU already.
///
/// Before 5.12 the kernel doesn't say; it has nothing to say either, since it runs programs on tracepoints with preemption
/// disabled.
pub(super) fn recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    /// Where `struct bpf_prog_info` has `recursion_misses`, in words.
    const RECURSION_MISSES: usize = 26;
    // As long as the structure up to there. The kernel fills what it knows, and reads zeros: no arrays are asked for.
    let mut information = [0_u64; RECURSION_MISSES + 1];
    let attributes = Information {
        descriptor: program.as_raw_fd().cast_unsigned(),
        length: size_of_val(&information) as u32,
        information: information.as_mut_ptr() as u64,
    };
    // SAFETY: the kernel reads and writes at most `length` bytes at `information`; the null pointers in it come with
    // lengths of 0.
    unsafe { bpf(Command::ObjectGetInformation, &attributes) }?;
    Ok(information[RECURSION_MISSES])
}

/// bpf(2).
///
/// # Safety
///
/// `attributes` must be the part of `union bpf_attr` that `command` uses, without padding, and the addresses in it good for
/// what `command` does with them.
unsafe fn bpf<Attributes>(command: Command, attributes: &Attributes) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of` bytes of attributes; the rest is the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command as libc::c_long, attributes, size_of::<Attributes>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until no CPU is inside a program that was attached before the call.
///
/// membarrier(2)'s global command is `synchronize_rcu()` (kernel/sched/membarrier.c), which waits for every section with
/// preemption disabled. Where it isn't to be had (`nohz_full`), a call that is being counted this instant may lack its
/// argument values; that can only be one of a descendant that the user chose not to wait for.
pub(super) fn wait_for_running_programs() {
    /// include/uapi/linux/membarrier.h
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: membarrier takes no pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
}

/// `CLOCK_MONOTONIC`, which is `bpf_ktime_get_ns`'s clock, in nanoseconds; 0 when there is none.
pub(super) fn monotonic() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0))
    })
}
