//! The number tables of ABIs that [`Abi`] doesn't have yet: their shape.

use std::collections::{BTreeMap, BTreeSet};

use crate::abi::Abi;
use crate::tables::rows::rows;

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
