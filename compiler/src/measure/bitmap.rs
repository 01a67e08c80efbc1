//! Which calls a kernel lets through without running the filter, and why not the others.

use std::fmt;

use callgate_grammar::tree::Version;

use crate::abi::Abi;
use crate::action::Action;
use crate::bpf::{ConstantEnd, Program, constant_end, offset};
use crate::tables;

/// Why the kernel runs the filter on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncached {
    /// The kernel is older than 5.11 and keeps no bitmap.
    OldKernel,
    /// Kernels keep no bitmap for the calls of this ABI.
    NoBitmap,
    /// The call ends in this action whatever its arguments. Only a plain allow is cached.
    Action(Action),
    /// An allow whose data bits aren't zero, which the kernel doesn't take for one.
    AllowWithData(u16),
    /// The filter looks at this argument (0 to 5) first.
    Argument(u8),
    /// The filter looks at the instruction pointer.
    InstructionPointer,
    /// The filter uses an instruction that the kernel's look doesn't understand, at this position, counted from 0.
    Instruction(usize),
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldKernel => f.write_str("kernels before 5.11 cache nothing"),
            Self::NoBitmap => f.write_str("the kernel caches nothing for this ABI"),
            Self::Action(action) => write!(f, "ends in {action}; only allow is cached"),
            Self::AllowWithData(data) => write!(f, "ends in allow with data {data}; only a plain allow is cached"),
            Self::Argument(argument) => write!(f, "argument {argument} decides"),
            Self::InstructionPointer => f.write_str("the filter looks at the instruction pointer"),
            Self::Instruction(position) => {
                write!(f, "the kernel can't see past instruction {position}, which isn't of the kinds it follows")
            }
        }
    }
}

/// The first kernel with the bitmap of constant actions: `seccomp_cache_prepare_bitmap`, kernel/seccomp.c.
pub const BITMAP_SINCE: Version = Version { major: 5, minor: 11 };

/// Calls of x86-64 that are let through whatever the filter says (`seccomp_is_const_allow`, kernel/seccomp.c): uretprobe since
/// "seccomp: passthrough uretprobe systemcall without filtering", uprobe since `seccomp_uprobe_exception`. Older stable
/// kernels have got the first one too.
const EXCEPTIONS: [(u32, Version); 2] =
    [(335, Version { major: 6, minor: 14 }), (336, Version { major: 6, minor: 18 })];

/// Whether kernels keep a bitmap for the calls of this ABI: those whose arch/*/include/asm/seccomp.h (Linux 6.18) defines
/// `SECCOMP_ARCH_NATIVE` or `SECCOMP_ARCH_COMPAT` as its token. MIPS defines neither; x32 numbers are past the end of the bitmap.
#[must_use]
pub fn has_bitmap(abi: Abi) -> bool {
    match abi {
        Abi::X86_64
        | Abi::X86
        | Abi::Aarch64
        | Abi::Arm
        | Abi::Riscv64
        | Abi::Loongarch64
        | Abi::S390x
        | Abi::S390
        | Abi::Ppc64le
        | Abi::Ppc64
        | Abi::Ppc => true,
        Abi::X32 | Abi::Mips | Abi::Mipsel | Abi::Mips64 | Abi::Mips64el | Abi::Mipsn32 | Abi::Mipsn32el => false,
    }
}

/// Whether a kernel of this version lets a call of its tables through without running the filter, alone in its stack.
///
/// # Errors
/// Why not. Of several reasons, the one nearest to the kernel.
pub fn cached(program: &Program, abi: Abi, nr: u32, kernel: Version) -> Result<(), Uncached> {
    if kernel < BITMAP_SINCE {
        return Err(Uncached::OldKernel);
    }
    if !has_bitmap(abi) {
        return Err(Uncached::NoBitmap);
    }
    let excepted = |&(number, since): &(u32, Version)| number == nr && kernel >= since;
    if abi == Abi::X86_64 && EXCEPTIONS.iter().any(excepted) && tables::name(abi, nr).is_some() {
        return Ok(());
    }
    match constant_end(program, abi.token(), nr) {
        ConstantEnd::Allow => Ok(()),
        ConstantEnd::Returns(ret) => Err(match Action::from_ret(ret) {
            Action::Allow => Uncached::AllowWithData((ret & 0xffff) as u16),
            action => Uncached::Action(action),
        }),
        ConstantEnd::Loads(at) => Err(match at.checked_sub(offset::ARGUMENTS) {
            Some(bytes) => Uncached::Argument((bytes / 8) as u8),
            None => Uncached::InstructionPointer,
        }),
        ConstantEnd::Opcode { position, .. } => Err(Uncached::Instruction(position)),
        ConstantEnd::PastTheEnd => Err(Uncached::Instruction(program.instructions.len())),
    }
}
