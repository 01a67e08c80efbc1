//! The values seen of a parameter, as a condition.

use std::collections::BTreeSet;

use callgate_compiler::abi::Abi;
use callgate_compiler::condition::Width;
use callgate_compiler::tables::{self, Parameter, Role};

use crate::recording::Values;

/// A parameter seen with more values than this is not held to them.
pub(super) const MOST_VALUES: usize = 16;

/// What becomes of a parameter that is to be held to what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// This condition.
    To(String),
    /// Left free, with the reason.
    Free(String),
    /// Neither a selector nor flags (a pointer says nothing), or unknown to the tables.
    Never,
}

/// The values seen as a condition on the parameter.
pub(super) fn held(abi: Abi, call: &str, parameter: &str, values: &Values) -> Held {
    let Some((_, parameter)) = tables::parameter(abi, call, parameter) else { return Held::Never };
    if !matches!(parameter.role, Role::Selector | Role::Flags) {
        return Held::Never;
    }
    let Values::Seen(values) = values else { return Held::Free("more values than a recorder keeps".to_owned()) };
    let max = parameter.width.max();
    let values: BTreeSet<u64> = values.iter().map(|value| value & max).collect();
    if values.is_empty() {
        return Held::Never;
    }
    if parameter.role == Role::Flags {
        return flags(parameter, &values);
    }
    if let Some(condition) = futex(call, parameter, &values) {
        return Held::To(condition);
    }
    if values.len() > MOST_VALUES {
        return Held::Free(format!("{} values, and {MOST_VALUES} are the most it is held to", values.len()));
    }
    let set: Vec<String> = values.iter().map(|&value| number(value, parameter.width, parameter.signed)).collect();
    Held::To(match set.as_slice() {
        [one] => format!("{} == {one}", parameter.name),
        _ => format!("{} in {{{}}}", parameter.name, set.join(", ")),
    })
}

/// Any of the bits seen, in any combination: programs combine flags anew, and seldom take up new ones.
fn flags(parameter: &Parameter, values: &BTreeSet<u64>) -> Held {
    let max = parameter.width.max();
    match values.iter().fold(0, |bits, value| bits | value) {
        0 => Held::To(format!("{} == 0", parameter.name)),
        seen if seen == max => Held::Free("every flag there is".to_owned()),
        // `~` is the complement of a number without an end, which fits the parameter only while its top bit isn't taken.
        seen if seen > max / 2 => Held::To(format!("{} lacks {:#x}", parameter.name, max & !seen)),
        seen => Held::To(format!("{} lacks ~{seen:#x}", parameter.name)),
    }
}

/// The operations of futex(2) that wait and wake. Which of them a lock takes is a matter of who comes first, so seeing one is
/// seeing all; the ones that lend priority stand apart, and what is neither stays as it was seen. The values are those of
/// include/uapi/linux/futex.h, Linux 6.12.
const FUTEX_KINDS: [&[u64]; 2] = [&[0, 1, 3, 4, 5, 9, 10], &[6, 7, 8, 11, 12, 13]];

/// `~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)`, as far as an `int` goes: `FUTEX_CMD_MASK` of the same file.
const FUTEX_COMMAND: u64 = 0xffff_fe7f;

fn futex(call: &str, parameter: &Parameter, values: &BTreeSet<u64>) -> Option<String> {
    if !matches!(call, "futex" | "futex_time64") || parameter.name != "op" {
        return None;
    }
    let mut commands: BTreeSet<u64> = values.iter().map(|value| value & FUTEX_COMMAND).collect();
    for kind in FUTEX_KINDS {
        if kind.iter().any(|command| commands.contains(command)) {
            commands.extend(kind);
        }
    }
    let set: Vec<String> = commands.iter().map(|&command| number(command, parameter.width, false)).collect();
    Some(format!("{} & {FUTEX_COMMAND:#x} in {{{}}}", parameter.name, set.join(", ")))
}

/// A value as its parameter's type would have it: negative where the type is signed.
fn number(value: u64, width: Width, signed: bool) -> String {
    let half = width.max() / 2;
    if signed && value > half {
        format!("-{}", width.max() - value + 1)
    } else if value < 0x1000 {
        value.to_string()
    } else {
        format!("{value:#x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Unbounded;

    fn of(call: &str, parameter: &str, values: &[u64]) -> Held {
        held(Abi::X86_64, call, parameter, &Values::Seen(values.iter().copied().collect()))
    }

    #[test]
    fn selectors_become_sets_and_flags_masks() {
        let to = |text: &str| Held::To(text.to_owned());
        assert_eq!(of("socket", "family", &[2]), to("family == 2"));
        assert_eq!(of("socket", "family", &[1, 2]), to("family in {1, 2}"));
        assert_eq!(of("openat", "flags", &[0, 0x241]), to("flags lacks ~0x241"));
        assert_eq!(of("openat", "flags", &[0]), to("flags == 0"));
        assert_eq!(of("openat", "flags", &[0xffff_efff]), to("flags lacks 0x1000"));
        assert_eq!(of("mmap", "flags", &[u64::MAX - 1]), to("flags lacks 0x1"));
        assert_eq!(of("read", "buf", &[7]), Held::Never);
        assert_eq!(of("read", "nothing", &[7]), Held::Never);
    }

    #[test]
    fn too_much_is_left_free_with_a_reason() {
        let free = |held: Held| matches!(held, Held::Free(reason) if !reason.is_empty());
        assert!(!free(of("fcntl", "cmd", &(0..16).collect::<Vec<_>>())));
        assert!(free(of("fcntl", "cmd", &(0..17).collect::<Vec<_>>())));
        assert!(free(of("openat", "flags", &[u64::from(u32::MAX)])));
        assert!(free(held(Abi::X86_64, "fcntl", "cmd", &Values::Unbounded(Unbounded::Unbounded))));
    }

    /// One of the waiting and waking operations is all of them, private or not; FD (2) is neither kind.
    #[test]
    fn operations_of_futex_come_by_kind() {
        let plain = "op & 0xfffffe7f in {0, 1, 3, 4, 5, 9, 10}";
        assert_eq!(of("futex", "op", &[0x80]), Held::To(plain.to_owned()));
        assert_eq!(of("futex", "op", &[0x189, 1]), Held::To(plain.to_owned()));
        assert_eq!(of("futex", "op", &[0x86]), Held::To("op & 0xfffffe7f in {6, 7, 8, 11, 12, 13}".to_owned()));
        assert_eq!(of("futex", "op", &[2]), Held::To("op & 0xfffffe7f in {2}".to_owned()));
    }
}
