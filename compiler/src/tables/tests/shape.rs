//! Every row can be read, every call has what a call must have.

use std::collections::BTreeSet;

use crate::abi::{Abi, HighHalf, X32_BIT};
use crate::condition::Width;
use crate::tables::{self, Role, numbers, rows::rows};

/// By table, the numbers that no mainline kernel ever gave a handler on that ABI, so nothing reads an argument. (On ppc64
/// most belong to ppc; arch/powerpc/kernel/syscalls/syscall.tbl has `sys_ni_syscall` there.)
const NEVER: &[(&str, &str)] = &[
    (
        "x86_64",
        "getpmsg putpmsg afs_syscall tuxcall security set_thread_area get_thread_area epoll_ctl_old epoll_wait_old vserver",
    ),
    ("x32", "getpmsg putpmsg afs_syscall tuxcall security"),
    ("x86", "break stty gtty ftime prof lock mpx ulimit profil idle afs_syscall getpmsg putpmsg vserver"),
    ("aarch64", ""),
    ("arm", "vserver"),
    ("riscv64", ""),
    ("loongarch64", ""),
    ("s390x", "idle afs_syscall getpmsg putpmsg timerfd"),
    ("s390", "ioperm idle afs_syscall getpmsg putpmsg timerfd"),
    (
        "ppc64",
        "break oldstat umount oldfstat stty gtty ftime prof lock mpx ulimit oldolduname sigaction sigsuspend sigpending getrlimit select oldlstat readdir profil ioperm olduname iopl idle vm86 sigreturn modify_ldt sigprocmask afs_syscall getpmsg putpmsg multiplexer tuxcall sys_debug_setcontext",
    ),
    (
        "ppc",
        "break stty gtty ftime prof lock mpx ulimit profil ioperm iopl idle vm86 modify_ldt afs_syscall getpmsg putpmsg multiplexer tuxcall switch_endian",
    ),
    (
        "mips",
        "break stty gtty ftime prof signal lock mpx ulimit profil ioperm iopl idle vm86 modify_ldt afs_syscall getpmsg putpmsg vserver timerfd",
    ),
    ("mips64", "getpmsg putpmsg afs_syscall vserver timerfd"),
    ("mipsn32", "getpmsg putpmsg afs_syscall vserver timerfd"),
];

#[test]
fn names_and_numbers_are_one_to_one() {
    for &abi in Abi::ALL {
        let calls: Vec<_> = tables::calls(abi).collect();
        assert_eq!(calls.len(), rows(numbers::text(abi)).count(), "{abi}: a row can't be read");
        assert!(calls.is_sorted_by(|left, right| left.0 < right.0), "{abi}");
        for (number, name) in calls {
            assert_eq!(tables::number(abi, name), Some(number), "{abi} {name}");
            assert_eq!(tables::name(abi, number), Some(name), "{abi} {number}");
            assert_eq!(number & X32_BIT != 0, abi == Abi::X32);
            assert!(tables::names().binary_search(&name).is_ok());
        }
    }
    assert!(tables::names().is_sorted_by(|left, right| left < right));
    assert_eq!(tables::number(Abi::X86_64, "no_such_call"), None);
    assert_eq!(tables::name(Abi::X86_64, 400), None);
}

#[test]
fn every_call_has_a_prototype() {
    for &abi in Abi::ALL {
        let &(_, never) = NEVER.iter().find(|(table, _)| *table == abi.table()).unwrap();
        let without: BTreeSet<_> =
            tables::calls(abi).map(|(_, name)| name).filter(|name| tables::prototype(abi, name).is_none()).collect();
        assert_eq!(without, never.split_whitespace().collect(), "{abi}");
    }
}

#[test]
fn every_word_of_the_prototypes_is_read() {
    let text = include_str!("../../../data/prototypes.tsv");
    let counts: std::collections::BTreeMap<_, _> = rows(text).map(|words| (words[0], words.len() - 1)).collect();
    let mut used = BTreeSet::new();
    for &abi in Abi::ALL {
        for entry in numbers::entries(abi).iter().filter(|entry| entry.handler != "-") {
            let read = tables::prototype(abi, entry.name).map(<[_]>::len);
            assert_eq!(read, counts.get(entry.handler).copied(), "{abi} {}", entry.name);
            used.insert(entry.handler);
        }
    }
    assert_eq!(used, counts.into_keys().collect(), "a handler no call leads to");
}

#[test]
fn prototypes_are_sound() {
    for &abi in Abi::ALL {
        for (_, call) in tables::calls(abi) {
            let parameters = tables::prototype(abi, call).unwrap_or_default();
            assert!(parameters.len() <= 6, "{abi} {call}");
            let mut names = BTreeSet::new();
            for (at, parameter) in (0..).zip(parameters) {
                for name in parameter.aliases.iter().copied().chain([parameter.name]) {
                    assert!(!name.is_empty() && names.insert(name), "{abi} {call}: {name} twice");
                    assert_eq!(tables::parameter(abi, call, name), Some((at, parameter)), "{abi} {call} {name}");
                }
                assert!(
                    abi.high_half() == HighHalf::Argument || parameter.width == Width::W32,
                    "{abi} {call} {}: a register has 32 bits",
                    parameter.name
                );
                assert!(parameter.role != Role::Pointer || !parameter.signed || abi.long_bits() == 32, "{abi} {call}");
                assert_eq!(parameter.bits == 64, parameter.width == Width::W64);
            }
        }
    }
}

#[test]
fn every_call_was_introduced_once() {
    for &abi in Abi::ALL {
        for (_, name) in tables::calls(abi) {
            let version = tables::introduced(abi, name);
            assert!(version.is_some_and(|version| (1..=7).contains(&version.major)), "{abi} {name}: {version:?}");
        }
    }
}

#[test]
fn constants_can_all_be_read() {
    for text in [
        include_str!("../../../data/constants.tsv"),
        include_str!("../../../data/constants_powerpc.tsv"),
        include_str!("../../../data/constants_mips.tsv"),
        include_str!("../../../data/errno.tsv"),
    ] {
        let mut seen = BTreeSet::new();
        for words in rows(text) {
            assert!(seen.insert(words[0]), "{} twice", words[0]);
            for value in words[1..].iter().map(|word| word.split_once(':').map_or(*word, |(_, value)| value)) {
                assert!(value == "-" || super::super::rows::unsigned(value).is_some(), "{words:?}");
            }
            for (table, _) in words[2..].iter().filter_map(|word| word.split_once(':')) {
                assert!(Abi::ALL.iter().any(|abi| abi.table() == table), "{words:?}");
            }
        }
    }
    for &abi in Abi::ALL {
        assert!(tables::constant_names(abi).all(|name| tables::constant(abi, name).is_some()));
    }
}
