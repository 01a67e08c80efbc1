//! The number tables of ABIs that [`Abi`] doesn't have yet: their shape.

use std::collections::{BTreeMap, BTreeSet};

use crate::abi::Abi;
use crate::tables::rows::{rows, unsigned};

/// Every table that no [`Abi`] reads yet.
pub(super) const TABLES: &[(&str, &str)] = &[
    ("arm", include_str!("../../../data/numbers/arm.tsv")),
    ("riscv64", include_str!("../../../data/numbers/riscv64.tsv")),
    ("loongarch64", include_str!("../../../data/numbers/loongarch64.tsv")),
    ("s390x", include_str!("../../../data/numbers/s390x.tsv")),
    ("s390", include_str!("../../../data/numbers/s390.tsv")),
    ("ppc64", include_str!("../../../data/numbers/ppc64.tsv")),
    ("ppc", include_str!("../../../data/numbers/ppc.tsv")),
    ("mips", include_str!("../../../data/numbers/mips.tsv")),
    ("mips64", include_str!("../../../data/numbers/mips64.tsv")),
    ("mipsn32", include_str!("../../../data/numbers/mipsn32.tsv")),
];

/// The text of one of these tables.
pub(super) fn text(table: &str) -> &'static str {
    TABLES.iter().find(|(name, _)| *name == table).unwrap_or_else(|| panic!("no table {table}")).1
}

#[test]
fn names_and_numbers_are_one_to_one() {
    let handlers: BTreeMap<_, _> =
        rows(include_str!("../../../data/prototypes.tsv")).map(|words| (words[0], words.len() - 1)).collect();
    let introduced: BTreeSet<_> = rows(include_str!("../../../data/introduced.tsv")).map(|words| words[0]).collect();
    for &(abi, text) in TABLES {
        assert!(abi.parse::<Abi>().is_err(), "{abi} has an Abi now: it belongs to the tests of Abi::ALL");
        let rows: Vec<_> = rows(text).collect();
        let numbers: Vec<u32> = rows.iter().map(|words| words[0].parse().unwrap()).collect();
        assert!(numbers.is_sorted_by(|left, right| left < right), "{abi}");
        let names: BTreeSet<_> = rows.iter().map(|words| words[1]).collect();
        assert_eq!(names.len(), rows.len(), "{abi}: a name twice");
        for words in rows {
            assert!(introduced.contains(words[1]), "{abi} {} has no version", words[1]);
            let parameters = handlers.get(words[2]);
            assert!(words[2] == "-" || parameters.is_some_and(|&count| count <= 6), "{abi} {words:?}");
        }
    }
}

/// What a data file of constants says of an ABI.
fn constant(text: &'static str, abi: &str, name: &str) -> Option<u64> {
    let words = rows(text).find(|words| words[0] == name)?;
    let own = words[2..].iter().find_map(|word| word.strip_prefix(abi)?.strip_prefix(':'));
    unsigned(own.unwrap_or(words[1]))
}

#[test]
fn constants_of_other_architectures() {
    let generic = include_str!("../../../data/constants.tsv");
    let powerpc = include_str!("../../../data/constants_powerpc.tsv");
    let mips = include_str!("../../../data/constants_mips.tsv");
    let errno = include_str!("../../../data/errno.tsv");
    for (text, abi, name, value) in [
        (generic, "arm", "O_DIRECTORY", Some(0o40_000)),
        (generic, "arm", "AT_FDCWD", Some(0xffff_ffff_ffff_ff9c)),
        (generic, "arm", "F_GETLK64", Some(12)),
        (generic, "riscv64", "O_DIRECTORY", Some(0o200_000)),
        (generic, "riscv64", "TCGETS", Some(0x5401)),
        (generic, "loongarch64", "O_DIRECTORY", Some(0o200_000)),
        (generic, "loongarch64", "ARCH_SET_FS", None),
        (generic, "s390x", "MAP_32BIT", None),
        (generic, "s390x", "CLONE_NEWUSER", Some(0x1000_0000)),
        (powerpc, "ppc64", "TCGETS", Some(0x402c_7413)),
        (powerpc, "ppc64", "O_DIRECTORY", Some(0o40_000)),
        (powerpc, "ppc", "FS_IOC_GETFLAGS", Some(0x4004_6601)),
        (mips, "mips", "SOCK_STREAM", Some(2)),
        (mips, "mips64", "SOCK_DGRAM", Some(1)),
        (mips, "mips", "TCGETS", Some(0x540d)),
        (mips, "mips64", "SOL_SOCKET", Some(0xffff)),
        (mips, "mipsn32", "O_CREAT", Some(0x100)),
        (mips, "mips", "MAP_ANONYMOUS", Some(0x800)),
        (mips, "mips", "SIGRTMAX", Some(128)),
        (errno, "mips", "ENOSYS", Some(89)),
        (errno, "mipsn32", "ENOSYS", Some(89)),
        (errno, "ppc64", "EDEADLOCK", Some(58)),
        (errno, "s390x", "ENOSYS", Some(38)),
    ] {
        assert_eq!(constant(text, abi, name), value, "{abi} {name}");
    }
}
