//! Which arguments of which calls are worth keeping: selectors and flags, never pointers.
//!
//! A selector (the family of `socket`, the request of `ioctl`) or a set of flags has few values in one program, and a
//! policy can allow just these. A pointer can't be judged by a filter at all (time of check, time of use), and lengths,
//! offsets and descriptors differ from run to run.

use callgate_compiler::abi::Abi;
use callgate_compiler::tables::{self, Role};

/// A kept argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Which of the six, 0 to 5.
    pub(crate) index: u8,
    /// The kernel reads only the low 32 bits, so only these are kept.
    pub(crate) narrow: bool,
}

/// What to keep of call `nr` of `abi`; nothing for a call without selectors and flags, or an unknown number.
pub(crate) fn kept(abi: Abi, nr: u32) -> impl Iterator<Item = Kept> {
    let prototype = tables::name(abi, nr).and_then(|name| tables::prototype(abi, name)).unwrap_or_default();
    (0..6)
        .zip(prototype)
        .filter(|(_, parameter)| matches!(parameter.role, Role::Selector | Role::Flags))
        .map(|(index, parameter)| Kept { index, narrow: parameter.bits <= 32 })
}

/// The values to keep of one call with these argument words: index (0 to 5) and value.
pub(crate) fn values(abi: Abi, nr: u32, args: [u64; 6]) -> impl Iterator<Item = (u8, u64)> {
    kept(abi, nr).map(move |Kept { index, narrow }| {
        let word = args[usize::from(index)];
        (index, if narrow { word & u64::from(u32::MAX) } else { word })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_and_flags_are_kept_and_nothing_else() {
        let kept = |nr| kept(Abi::X86_64, nr).map(|kept| (kept.index, kept.narrow)).collect::<Vec<_>>();
        assert_eq!(kept(0), [], "read");
        assert_eq!(kept(41), [(0, true), (1, true), (2, true)], "socket");
        assert_eq!(kept(16), [(1, true)], "ioctl");
        assert_eq!(kept(56), [(0, true)], "clone");
        assert_eq!(kept(9), [(2, false), (3, false)], "mmap");
        assert_eq!(kept(10_000), [], "no call");
    }

    #[test]
    fn no_pointer_is_kept() {
        for &abi in Abi::ALL {
            for (nr, name) in tables::calls(abi) {
                let prototype = tables::prototype(abi, name).unwrap_or_default();
                assert!(
                    kept(abi, nr).all(|kept| prototype[usize::from(kept.index)].role != Role::Pointer),
                    "{abi} {name}"
                );
            }
        }
    }

    #[test]
    fn values_are_as_wide_as_the_kernel_reads_them() {
        let args = [3, 0xffff_ffff_0000_5401, 0, 0, 0, 0];
        assert_eq!(values(Abi::X86_64, 16, args).collect::<Vec<_>>(), [(1, 0x5401)]);
    }
}
