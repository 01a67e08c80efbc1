//! The ABIs a filter can speak for, and how each one looks to a filter.
//!
//! A filter sees an ABI as `seccomp_data.arch`, an `AUDIT_ARCH_*` token (include/uapi/linux/audit.h), and, where two
//! ABIs share a token, as a range of `seccomp_data.nr`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The bit that marks an x32 number (`__X32_SYSCALL_BIT`, arch/x86/include/uapi/asm/unistd.h).
pub const X32_BIT: u32 = 0x4000_0000;

/// A system call ABI: one table of numbers and one way to pass six arguments.
///
/// An ABI is a call convention and a byte order: the two orders of a machine that has both are two ABIs with one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Abi {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 32-bit x86, i386.
    X86,
    /// x86-64 registers with 32-bit pointers. Shares the token of [`Abi::X86_64`].
    X32,
    /// 64-bit Arm.
    Aarch64,
    /// 32-bit Arm, EABI, little endian.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit `LoongArch`.
    Loongarch64,
    /// 64-bit IBM Z.
    S390x,
    /// 31-bit IBM Z.
    S390,
    /// 64-bit `PowerPC`, little endian.
    Ppc64le,
    /// 64-bit `PowerPC`, big endian.
    Ppc64,
    /// 32-bit `PowerPC`, big endian.
    Ppc,
    /// 32-bit MIPS (o32), big endian. Numbers start at 4000.
    Mips,
    /// 32-bit MIPS (o32), little endian.
    Mipsel,
    /// 64-bit MIPS (n64), big endian. Numbers start at 5000.
    Mips64,
    /// 64-bit MIPS (n64), little endian.
    Mips64el,
    /// 64-bit MIPS registers with 32-bit pointers (n32), big endian. Numbers start at 6000.
    Mipsn32,
    /// 64-bit MIPS registers with 32-bit pointers (n32), little endian.
    Mipsn32el,
}

/// The order of the two halves of a 64-bit argument in `seccomp_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Low word first.
    Little,
    /// High word first.
    Big,
}

/// What the high half of an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HighHalf {
    /// The argument's own high bits: registers are 64 bits wide.
    Argument,
    /// Zero, always.
    Zero,
    /// Copies of bit 31, under a 64-bit kernel; zero under a 32-bit one.
    Sign,
}

struct Facts {
    abi: Abi,
    name: &'static str,
    /// What else it is called: by libseccomp, `uname -m`, Debian, Go and Rust.
    also: &'static [&'static str],
    token: u32,
    endian: Endian,
    /// Bits of a `long`: how wide an untyped argument is at the call.
    long_bits: u8,
    high_half: HighHalf,
    oci: &'static str,
    native: Abi,
    /// The name of the data files' rows about it.
    table: &'static str,
}

/// Tokens: `__AUDIT_ARCH_*`, include/uapi/linux/audit.h, and `EM_*`, include/uapi/linux/elf-em.h. OCI names: the runtime
/// specification's config-linux.md. Native ABIs: `archMap` of moby's profile, and for PowerPC arch/powerpc/Kconfig (`COMPAT`
/// is on in big-endian kernels). High halves: `syscall_get_arguments` in arch/*/include/asm/syscall.h.
#[rustfmt::skip]
const FACTS: &[Facts] = &[
    Facts { abi: Abi::X86_64, name: "x86_64", also: &["amd64"], token: 0xc000_003e, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_X86_64", native: Abi::X86_64, table: "x86_64" },
    Facts { abi: Abi::X86, name: "x86", also: &["i386", "i686", "386"], token: 0x4000_0003, endian: Endian::Little, long_bits: 32,
        high_half: HighHalf::Zero, oci: "SCMP_ARCH_X86", native: Abi::X86_64, table: "x86" },
    Facts { abi: Abi::X32, name: "x32", also: &[], token: 0xc000_003e, endian: Endian::Little, long_bits: 32,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_X32", native: Abi::X86_64, table: "x32" },
    Facts { abi: Abi::Aarch64, name: "aarch64", also: &["arm64"], token: 0xc000_00b7, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_AARCH64", native: Abi::Aarch64, table: "aarch64" },
    Facts { abi: Abi::Arm, name: "arm", also: &["armhf", "armel", "armv7l"], token: 0x4000_0028, endian: Endian::Little, long_bits: 32,
        high_half: HighHalf::Zero, oci: "SCMP_ARCH_ARM", native: Abi::Aarch64, table: "arm" },
    Facts { abi: Abi::Riscv64, name: "riscv64", also: &["riscv64gc"], token: 0xc000_00f3, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_RISCV64", native: Abi::Riscv64, table: "riscv64" },
    Facts { abi: Abi::Loongarch64, name: "loongarch64", also: &["loong64"], token: 0xc000_0102, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_LOONGARCH64", native: Abi::Loongarch64, table: "loongarch64" },
    Facts { abi: Abi::S390x, name: "s390x", also: &[], token: 0x8000_0016, endian: Endian::Big, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_S390X", native: Abi::S390x, table: "s390x" },
    Facts { abi: Abi::S390, name: "s390", also: &[], token: 0x0000_0016, endian: Endian::Big, long_bits: 32,
        high_half: HighHalf::Zero, oci: "SCMP_ARCH_S390", native: Abi::S390x, table: "s390" },
    Facts { abi: Abi::Ppc64le, name: "ppc64le", also: &["ppc64el", "powerpc64le"], token: 0xc000_0015, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_PPC64LE", native: Abi::Ppc64le, table: "ppc64" },
    Facts { abi: Abi::Ppc64, name: "ppc64", also: &["powerpc64"], token: 0x8000_0015, endian: Endian::Big, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_PPC64", native: Abi::Ppc64, table: "ppc64" },
    Facts { abi: Abi::Ppc, name: "ppc", also: &["powerpc"], token: 0x0000_0014, endian: Endian::Big, long_bits: 32,
        high_half: HighHalf::Zero, oci: "SCMP_ARCH_PPC", native: Abi::Ppc64, table: "ppc" },
    Facts { abi: Abi::Mips, name: "mips", also: &["mipso32"], token: 0x0000_0008, endian: Endian::Big, long_bits: 32,
        high_half: HighHalf::Sign, oci: "SCMP_ARCH_MIPS", native: Abi::Mips64, table: "mips" },
    Facts { abi: Abi::Mipsel, name: "mipsel", also: &["mipsle"], token: 0x4000_0008, endian: Endian::Little, long_bits: 32,
        high_half: HighHalf::Sign, oci: "SCMP_ARCH_MIPSEL", native: Abi::Mips64el, table: "mips" },
    Facts { abi: Abi::Mips64, name: "mips64", also: &["mipsn64"], token: 0x8000_0008, endian: Endian::Big, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_MIPS64", native: Abi::Mips64, table: "mips64" },
    Facts { abi: Abi::Mips64el, name: "mips64el", also: &["mipsel64", "mips64le"], token: 0xc000_0008, endian: Endian::Little, long_bits: 64,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_MIPSEL64", native: Abi::Mips64el, table: "mips64" },
    Facts { abi: Abi::Mipsn32, name: "mipsn32", also: &["mips64n32"], token: 0xa000_0008, endian: Endian::Big, long_bits: 32,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_MIPS64N32", native: Abi::Mips64, table: "mipsn32" },
    Facts { abi: Abi::Mipsn32el, name: "mipsn32el", also: &["mipsel64n32", "mips64eln32"], token: 0xe000_0008, endian: Endian::Little, long_bits: 32,
        high_half: HighHalf::Argument, oci: "SCMP_ARCH_MIPSEL64N32", native: Abi::Mips64el, table: "mipsn32" },
];

impl Abi {
    /// Every ABI the tables know, in the order of the enum.
    pub const ALL: &'static [Self] = &[
        Self::X86_64,
        Self::X86,
        Self::X32,
        Self::Aarch64,
        Self::Arm,
        Self::Riscv64,
        Self::Loongarch64,
        Self::S390x,
        Self::S390,
        Self::Ppc64le,
        Self::Ppc64,
        Self::Ppc,
        Self::Mips,
        Self::Mipsel,
        Self::Mips64,
        Self::Mips64el,
        Self::Mipsn32,
        Self::Mipsn32el,
    ];

    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// The name the language uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// `seccomp_data.arch` of a call made through this ABI.
    #[must_use]
    pub fn token(self) -> u32 {
        self.facts().token
    }

    /// Where the two halves of an argument stand.
    #[must_use]
    pub fn endian(self) -> Endian {
        self.facts().endian
    }

    /// Width of a `long` and of a pointer, in bits. What a filter sees above it: [`Abi::high_half`].
    #[must_use]
    pub fn long_bits(self) -> u8 {
        self.facts().long_bits
    }

    /// What the high half of an argument holds when a call is made through this ABI.
    #[must_use]
    pub fn high_half(self) -> HighHalf {
        self.facts().high_half
    }

    /// The name in OCI and Docker files.
    #[must_use]
    pub fn oci_name(self) -> &'static str {
        self.facts().oci
    }

    /// The ABI a 64-bit kernel that runs this one calls its own. ABIs with the same one are those of one machine.
    #[must_use]
    pub fn native(self) -> Self {
        self.facts().native
    }

    /// What the data files call it: both byte orders of MIPS and of 64-bit PowerPC have one table.
    pub(crate) fn table(self) -> &'static str {
        self.facts().table
    }

    /// The ABI of a call as a filter sees it; `None` when the tables don't know the token.
    ///
    /// x32 is every number from bit 30 up, except -1: that is the number a tracer sets to skip a call, and it goes to
    /// x86-64's own table so that a filter that kills x32 doesn't kill it (kernel/seccomp.c runs filters on it too).
    #[must_use]
    pub fn of_call(token: u32, nr: u32) -> Option<Self> {
        if token == Self::X86_64.token() {
            return Some(if (X32_BIT..u32::MAX).contains(&nr) { Self::X32 } else { Self::X86_64 });
        }
        FACTS.iter().find(|facts| facts.token == token).map(|facts| facts.abi)
    }

    /// The numbers of this ABI as inclusive ranges of `seccomp_data.nr`, the complement of its twin where it shares a token.
    #[must_use]
    pub fn numbers(self) -> &'static [(u32, u32)] {
        match self {
            Self::X86_64 => &[(0, X32_BIT - 1), (u32::MAX, u32::MAX)],
            Self::X32 => &[(X32_BIT, u32::MAX - 1)],
            _ => &[(0, u32::MAX)],
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Abi {
    type Err = ();

    /// Knows the language's names and the field's other common spellings (`amd64`, `arm64`, `mipsel64`).
    fn from_str(name: &str) -> Result<Self, ()> {
        let named = |facts: &&Facts| facts.name == name || facts.also.contains(&name);
        FACTS.iter().find(named).map(|facts| facts.abi).ok_or(())
    }
}

#[cfg(test)]
mod tests;
