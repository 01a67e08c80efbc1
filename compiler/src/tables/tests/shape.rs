//! Every row can be read, every call has what a call must have.

use std::collections::BTreeSet;

use crate::abi::{Abi, X32_BIT};
use crate::condition::Width;
use crate::tables::{self, Role, numbers, rows::rows};

/// Numbers that no mainline kernel ever gave a handler on that ABI, so nothing reads an argument.
const NEVER: &[(Abi, &str)] = &[
    (
        Abi::X86_64,
        "getpmsg putpmsg afs_syscall tuxcall security set_thread_area get_thread_area epoll_ctl_old epoll_wait_old vserver",
    ),
    (Abi::X32, "getpmsg putpmsg afs_syscall tuxcall security"),
    (Abi::X86, "break stty gtty ftime prof lock mpx ulimit profil idle afs_syscall getpmsg putpmsg vserver"),
    (Abi::Aarch64, ""),
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
    for &(abi, never) in NEVER {
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
    for words in super::wide::TABLES.iter().flat_map(|(_, text)| rows(text)).filter(|words| words[2] != "-") {
        used.insert(words[2]);
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
                    abi != Abi::X86 || parameter.width == Width::W32,
                    "x86 {call} {}: a register has 32 bits",
                    parameter.name
                );
                assert!(
                    parameter.role != Role::Pointer || !parameter.signed || abi == Abi::X86 || abi == Abi::X32,
                    "{abi} {call}"
                );
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
            for (abi, _) in words[2..].iter().filter_map(|word| word.split_once(':')) {
                let known = abi.parse::<Abi>().is_ok() || super::wide::TABLES.iter().any(|(name, _)| *name == abi);
                assert!(known, "{words:?}");
            }
        }
    }
    for &abi in Abi::ALL {
        assert!(tables::constant_names(abi).all(|name| tables::constant(abi, name).is_some()));
    }
}
