//! Which arguments of which calls are worth keeping: selectors and flags, never pointers.
//!
//! A selector (the family of `socket`, the request of `ioctl`) or a set of flags has few values in one program, and a
//! policy can allow just these. A pointer can't be judged by a filter at all (time of check, time of use), and lengths,
//! offsets and descriptors differ from run to run.

use callgate_compiler::abi::Abi;

/// The kept arguments of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Bit N: argument N is kept.
    pub(crate) kept: u8,
    /// Bit N: the kernel reads only the low 32 bits of argument N, so only these are kept.
    pub(crate) narrow: u8,
}

impl Kept {
    /// Each kept argument's index (0 to 5) and whether only its low 32 bits count.
    pub(crate) fn indices(self) -> impl Iterator<Item = (u8, bool)> {
        (0..6).filter(move |index| self.kept >> index & 1 == 1).map(move |index| (index, self.narrow >> index & 1 == 1))
    }
}

/// (x86_64 number, x86 number, kept, narrow), -1 where the ABI has no such call.
const KEPT: &[(i64, i64, u8, u8)] = &[
    (41, 359, 0b111, 0b111),
    (56, 120, 1, 0),
    (16, 54, 0b10, 0b10),
    (157, 172, 1, 1),
    (72, 221, 0b10, 0b10),
    (-1, 55, 0b10, 0b10),
    (135, 136, 1, 1),
    (10, 125, 0b100, 0b000),
    (9, 192, 0b1100, 0b0000),
    (-1, 102, 1, 1),
    (53, 360, 0b111, 0b111),
    (272, 310, 1, 0),
    (54, 366, 0b110, 0b110),
    (202, 240, 0b10, 0b10),
];

/// What to keep of call `nr` of `abi`; nothing for a call without selectors and flags, or an unknown number.
pub(crate) fn kept(abi: Abi, nr: u32) -> Kept {
    KEPT.iter()
        .find(|&&(x86_64, x86, ..)| match abi {
            Abi::X86_64 => x86_64 == i64::from(nr),
            Abi::X86 => x86 == i64::from(nr),
            Abi::X32 | Abi::Aarch64 => false,
        })
        .map_or(Kept::default(), |&(_, _, kept, narrow)| Kept { kept, narrow })
}
