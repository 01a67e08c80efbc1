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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

/// The order of the two halves of a 64-bit argument in `seccomp_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Low word first.
    Little,
    /// High word first.
    Big,
}

struct Facts {
    abi: Abi,
    name: &'static str,
    token: u32,
    endian: Endian,
    /// Bits of a `long`: how wide an untyped argument is at the call.
    long_bits: u8,
    oci: &'static str,
    native: Abi,
}

/// `__AUDIT_ARCH_64BIT`, `__AUDIT_ARCH_LE` and `EM_*`: include/uapi/linux/audit.h, include/uapi/linux/elf-em.h.
const FACTS: &[Facts] = &[
    Facts {
        abi: Abi::X86_64,
        name: "x86_64",
        token: 0xc000_003e,
        endian: Endian::Little,
        long_bits: 64,
        oci: "SCMP_ARCH_X86_64",
        native: Abi::X86_64,
    },
    Facts {
        abi: Abi::X86,
        name: "x86",
        token: 0x4000_0003,
        endian: Endian::Little,
        long_bits: 32,
        oci: "SCMP_ARCH_X86",
        native: Abi::X86_64,
    },
    Facts {
        abi: Abi::X32,
        name: "x32",
        token: 0xc000_003e,
        endian: Endian::Little,
        long_bits: 32,
        oci: "SCMP_ARCH_X32",
        native: Abi::X86_64,
    },
    Facts {
        abi: Abi::Aarch64,
        name: "aarch64",
        token: 0xc000_00b7,
        endian: Endian::Little,
        long_bits: 64,
        oci: "SCMP_ARCH_AARCH64",
        native: Abi::Aarch64,
    },
];

impl Abi {
    /// Every ABI the tables know, in the order of the enum.
    pub const ALL: &'static [Self] = &[Self::X86_64, Self::X86, Self::X32, Self::Aarch64];

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

    /// Width of a `long` and of a pointer, in bits. On a 32-bit ABI the high words of the arguments are zero.
    #[must_use]
    pub fn long_bits(self) -> u8 {
        self.facts().long_bits
    }

    /// The name in OCI and Docker files.
    #[must_use]
    pub fn oci_name(self) -> &'static str {
        self.facts().oci
    }

    /// The ABI a kernel that runs this one calls its own.
    #[must_use]
    pub fn native(self) -> Self {
        self.facts().native
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
            Self::X86 | Self::Aarch64 => &[(0, u32::MAX)],
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

    /// Knows the language's names and the field's other common spellings (`amd64`, `i386`, `arm64`).
    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "amd64" => Ok(Self::X86_64),
            "i386" | "i686" => Ok(Self::X86),
            "arm64" => Ok(Self::Aarch64),
            _ => FACTS.iter().find(|facts| facts.name == name).map(|facts| facts.abi).ok_or(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_at_their_abi() {
        for (facts, abi) in FACTS.iter().zip(Abi::ALL) {
            assert_eq!(facts.abi, *abi);
            assert_eq!(facts.name.parse(), Ok(*abi));
        }
    }

    #[test]
    fn every_number_belongs_to_one_abi() {
        for nr in [0, 1, 511, X32_BIT - 1, X32_BIT, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let owner = Abi::of_call(Abi::X86_64.token(), nr);
            for abi in [Abi::X86_64, Abi::X32] {
                let inside = abi.numbers().iter().any(|&(low, high)| (low..=high).contains(&nr));
                assert_eq!(inside, owner == Some(abi), "{abi} {nr:#x}");
            }
        }
        assert_eq!(Abi::of_call(0x1234, 0), None);
    }
}
