//! What a filter is shown of a call.

/// `struct seccomp_data` (include/uapi/linux/seccomp.h), 64 bytes, in the calling machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SyscallData {
    /// The number, with bit 30 set for x32.
    pub nr: u32,
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
    /// Where the call was made.
    pub instruction_pointer: u64,
    /// The six argument words.
    pub args: [u64; 6],
}

impl SyscallData {
    /// A call as it matters to a policy: the instruction pointer, which no policy looks at, is zero.
    #[must_use]
    pub fn new(arch: u32, nr: u32, args: [u64; 6]) -> Self {
        Self { nr, arch, instruction_pointer: 0, args }
    }
}
