//! Letting through what was learned before: such a call costs nothing, and isn't counted.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, MAX_INSTRUCTIONS, Program, op};
use callgate_compiler::tables;

use crate::arguments::kept;
use crate::seccomp::Filter;

/// Offsets of `nr` and `arch` in `struct seccomp_data`, include/uapi/linux/seccomp.h.
const NR: u32 = 0;
const ARCH: u32 = 4;

/// This machine's own ABI.
#[cfg(target_arch = "x86_64")]
const NATIVE: Option<Abi> = Some(Abi::X86_64);
#[cfg(target_arch = "aarch64")]
const NATIVE: Option<Abi> = Some(Abi::Aarch64);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const NATIVE: Option<Abi> = None;

/// The filter that asks about every call but these; `None` when it would ask about all.
///
/// Only this machine's own calls are let through. Still asked about is execve, by which the command starts, and what has arguments
/// worth keeping: a call that isn't seen may have new ones. An allow that the number alone decides is one look-up in the
/// kernel's bitmap (since 5.11), however long the list.
pub(super) fn filter(learned: &BTreeSet<(Abi, u32)>) -> Option<Filter> {
    let native = NATIVE?;
    let starts = |nr| tables::name(native, nr).is_some_and(|name| matches!(name, "execve" | "execveat"));
    let through = learned.iter().filter(|&&(abi, nr)| abi == native && !starts(nr) && kept(abi, nr).next().is_none());
    let ret = |action: Action| Instruction { code: op::RET | op::K, jt: 0, jf: 0, k: action.ret() };
    let load = |k| Instruction { code: op::LD | op::W | op::ABS, jt: 0, jf: 0, k };
    let equal = |jt, jf, k| Instruction { code: op::JMP | op::JEQ | op::K, jt, jf, k };
    let mut instructions = vec![load(ARCH), equal(1, 0, native.token()), ret(Action::Notify), load(NR)];
    let head = instructions.len();
    // The last instruction asks about the rest.
    for &(_, nr) in through.take((MAX_INSTRUCTIONS - head - 1) / 2) {
        instructions.extend([equal(0, 1, nr), ret(Action::Allow)]);
    }
    if instructions.len() == head {
        return None;
    }
    instructions.push(ret(Action::Notify));
    Filter::new(&Program::new(instructions))
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_nothing_to_keep_is_let_through() {
        let learned = |numbers: &[(Abi, u32)]| filter(&numbers.iter().copied().collect()).is_some();
        assert!(learned(&[(Abi::X86_64, 39)]), "getpid");
        assert!(!learned(&[(Abi::X86_64, 59), (Abi::X86_64, 322)]), "what starts programs");
        assert!(!learned(&[(Abi::X86_64, 41)]), "socket has a family");
        assert!(!learned(&[(Abi::X86, 20)]), "another ABI's getpid");
        let every: BTreeSet<_> = (0..10_000).map(|nr| (Abi::X86_64, nr)).collect();
        assert!(filter(&every).is_some(), "however many there are, the filter is one that the kernel takes");
    }
}
