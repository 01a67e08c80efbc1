//! Which level of a diagram is which bit of a call.
//!
//! arch, nr, the arguments, the instruction pointer, each most significant bit first: filters dispatch in this order, and
//! a range of words is then a narrow diagram.

use super::diagram::Level;
use crate::call::SyscallData;

/// The levels of `seccomp_data.arch` start here.
const ARCH: Level = 0;
/// The levels of `seccomp_data.nr` start here.
const NR: Level = 32;
/// The levels of the arguments start here.
const ARGS: Level = 64;
/// The levels of `seccomp_data.instruction_pointer` start here.
const INSTRUCTION_POINTER: Level = ARGS + 6 * 64;

/// The order of the arguments in the levels, the same for all functions of one store.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// `place[arg]`: how many arguments stand before it.
    place: [u8; 6],
}

impl Layout {
    /// The arguments in their own order.
    pub(super) const PLAIN: Self = Self { place: [0, 1, 2, 3, 4, 5] };

    /// The arguments in this order; those not named follow in their own.
    pub(super) fn with_order(first: &[u8]) -> Self {
        let mut place = [0; 6];
        let rest = (0..6).filter(|arg| !first.contains(arg));
        for (position, arg) in (0..).zip(first.iter().copied().filter(|&arg| arg < 6).chain(rest)) {
            place[usize::from(arg)] = position;
        }
        Self { place }
    }

    /// The levels of `arch`, most significant bit first.
    pub(super) fn arch() -> [Option<Level>; 32] {
        std::array::from_fn(|index| Some(ARCH + index as Level))
    }

    /// The levels of `nr`, most significant bit first.
    pub(super) fn nr() -> [Option<Level>; 32] {
        std::array::from_fn(|index| Some(NR + index as Level))
    }

    /// The levels of the bits of an argument that are in the mask, most significant first; the others read as zero. There
    /// is no argument past the sixth: it reads as zero.
    pub(super) fn arg(self, arg: u8, mask: u64) -> [Option<Level>; 64] {
        let Some(&place) = self.place.get(usize::from(arg)) else { return [None; 64] };
        let start = ARGS + Level::from(place) * 64;
        std::array::from_fn(|index| (mask >> (63 - index) & 1 == 1).then_some(start + index as Level))
    }

    /// The levels of `instruction_pointer`, most significant bit first.
    pub(super) fn instruction_pointer() -> [Option<Level>; 64] {
        std::array::from_fn(|index| Some(INSTRUCTION_POINTER + index as Level))
    }

    /// The argument and the bit of it that this level tests.
    pub(super) fn arg_bit(self, level: Level) -> Option<(usize, u64)> {
        let inside = level.checked_sub(ARGS)?;
        let arg = self.place.iter().position(|&place| Level::from(place) == inside / 64)?;
        Some((arg, 1 << (63 - inside % 64)))
    }

    /// Sets the bit of this level in a call.
    pub(super) fn set(self, data: &mut SyscallData, level: Level) {
        match (level, self.arg_bit(level)) {
            (_, Some((arg, bit))) => data.args[arg] |= bit,
            (ARCH..NR, _) => data.arch |= 1 << (NR - 1 - level),
            (NR..ARGS, _) => data.nr |= 1 << (ARGS - 1 - level),
            _ => data.instruction_pointer |= 1 << (INSTRUCTION_POINTER + 63 - level),
        }
    }
}
