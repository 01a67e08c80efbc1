//! Calls that carry others: data/multiplexers.tsv.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::rows::{rows, unsigned};
use super::{constants, numbers};
use crate::abi::Abi;

/// One call that another carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The call that carries it: `socketcall`, `ipc`.
    pub multiplexer: &'static str,
    /// The bits of the multiplexer's first argument that choose.
    pub mask: u32,
    /// The name of the value that chooses this one, `SYS_SOCKET`.
    pub selector: &'static str,
    /// What is carried.
    pub call: &'static str,
}

/// Every part of every multiplexer.
#[must_use]
pub fn parts() -> &'static [Part] {
    static PARTS: OnceLock<Vec<Part>> = OnceLock::new();
    PARTS.get_or_init(|| {
        rows(include_str!("../../data/multiplexers.tsv"))
            .filter_map(|words| {
                let [multiplexer, mask, selector, call] = *words.as_slice() else { return None };
                let mask = u32::try_from(unsigned(mask)?).ok()?;
                Some(Part { multiplexer, mask, selector, call })
            })
            .collect()
    })
}

/// How else an ABI makes this call: the multiplexer's number as `seccomp_data.nr` holds it, the value of its first
/// argument, and the part. `None` on ABIs without the multiplexer.
#[must_use]
pub fn part_of(abi: Abi, call: &str) -> Option<(u32, u64, &'static Part)> {
    static BY_CALL: OnceLock<FxHashMap<&'static str, &'static Part>> = OnceLock::new();
    let part = *BY_CALL.get_or_init(|| parts().iter().map(|part| (part.call, part)).collect()).get(call)?;
    Some((numbers::number(abi, part.multiplexer)?, constants::constant(abi, part.selector)?, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found() {
        assert_eq!(parts().len(), 32);
        for part in parts() {
            let (nr, value, found) = part_of(Abi::X86, part.call).unwrap();
            assert_eq!(numbers::name(Abi::X86, nr), Some(part.multiplexer));
            assert_eq!((found, value & !u64::from(part.mask)), (part, 0));
            assert_eq!(part_of(Abi::X86_64, part.call), None);
        }
        assert_eq!(part_of(Abi::X86, "sendmmsg").map(|(_, value, _)| value), Some(20));
        assert_eq!(part_of(Abi::X86, "shmctl").map(|(_, value, _)| value), Some(24));
    }
}
