//! The calls a mean is taken over.

use crate::abi::Abi;
use crate::call::SyscallData;
use crate::tables;

/// How many numbers are measured: 0 to 469 on x86-64, as many from the first one on elsewhere. What Linux 6.18 has, and the
/// gaps between.
pub const MEASURED_NUMBERS: u32 = 470;

/// Each measured number of an ABI once, with its typical arguments.
pub fn typical_calls(abi: Abi) -> impl Iterator<Item = SyscallData> {
    let first = tables::calls(abi).next().map_or(0, |(nr, _)| nr);
    (first..first.saturating_add(MEASURED_NUMBERS)).map(move |nr| {
        let args = tables::name(abi, nr).map_or([0; 6], typical_arguments);
        SyscallData::new(abi.token(), nr, args)
    })
}

/// Arguments with which a call is often made; zeros where nothing is known.
#[must_use]
pub fn typical_arguments(name: &str) -> [u64; 6] {
    let of = |words: &[u64]| std::array::from_fn(|index| words.get(index).copied().unwrap_or_default());
    match name {
        // A Unix stream socket, SOCK_CLOEXEC | SOCK_NONBLOCK.
        "socket" => of(&[1, 0x80801, 0]),
        // What fork() of glibc asks for.
        "clone" => of(&[0x0120_0011]),
        // A question, not a change.
        "personality" => of(&[0xffff_ffff]),
        // TCGETS: isatty().
        "ioctl" => of(&[1, 0x5401]),
        // F_GETFD.
        "fcntl" | "fcntl64" => of(&[3, 1]),
        // PR_SET_NAME.
        "prctl" => of(&[15]),
        // PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS.
        "mmap" | "mmap2" => of(&[0, 4096, 1, 0x22]),
        // FUTEX_WAKE_PRIVATE.
        "futex" | "futex_time64" => of(&[0, 129]),
        _ => [0; 6],
    }
}
