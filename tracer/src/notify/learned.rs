//! Letting through what was learned before: such a call costs nothing, and isn't counted.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, MAX_INSTRUCTIONS, Program, op};

use crate::arguments::kept;
use crate::seccomp::Filter;

/// Offsets of `nr` and `arch` in `struct seccomp_data`, include/uapi/linux/seccomp.h.
const NR: u32 = 0;
const ARCH: u32 = 4;

/// The filter that asks about every call but these; `None` when it would ask about all.
///
/// Only calls of `native` are let through. Still asked about is execve, by which the command starts, and what has arguments
/// worth keeping: a call that isn't seen may have new ones. An allow that the number alone decides is one look-up in the
/// kernel's bitmap (since 5.11), however long the list.
pub(super) fn filter(learned: &BTreeSet<(Abi, u32)>, native: Abi, execve: [i64; 2]) -> Option<Filter> {
    let through = learned.iter().filter(|&&(abi, nr)| {
        abi == native && !execve.contains(&i64::from(nr)) && kept(abi, nr).next().is_none()
    });
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
