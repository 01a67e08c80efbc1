use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::*;

#[test]
fn facts_stand_at_their_abi() {
    assert_eq!(FACTS.len(), Abi::ALL.len());
    let mut names = BTreeSet::new();
    for (facts, abi) in FACTS.iter().zip(Abi::ALL) {
        assert_eq!(facts.abi, *abi);
        for name in facts.also.iter().chain([&facts.name]) {
            assert_eq!(name.parse(), Ok(*abi));
            assert!(names.insert(*name), "{name} twice");
        }
        assert_eq!(serde_json::to_value(abi).unwrap(), facts.name);
        assert_eq!(serde_json::from_value::<Abi>(facts.name.into()).unwrap(), *abi);
        assert_eq!(abi.native().endian(), abi.endian());
        assert_eq!(abi.native().long_bits(), 64);
        assert_eq!(abi.high_half() == HighHalf::Argument, facts.token & 0x8000_0000 != 0, "{abi}: __AUDIT_ARCH_64BIT");
        assert_eq!(abi.endian() == Endian::Little, facts.token & 0x4000_0000 != 0, "{abi}: __AUDIT_ARCH_LE");
    }
    assert_eq!("sparc64".parse::<Abi>(), Err(()));
    let oci: BTreeSet<_> = Abi::ALL.iter().map(|abi| abi.oci_name()).collect();
    assert_eq!(oci.len(), Abi::ALL.len());
}

/// The names of include/uapi/linux/audit.h. x32 has none of its own, and s390 there is the 31-bit one.
const AUDIT_NAMES: &[(Abi, &str)] = &[
    (Abi::X86_64, "X86_64"),
    (Abi::X86, "I386"),
    (Abi::X32, "X86_64"),
    (Abi::Aarch64, "AARCH64"),
    (Abi::Arm, "ARM"),
    (Abi::Riscv64, "RISCV64"),
    (Abi::Loongarch64, "LOONGARCH64"),
    (Abi::S390x, "S390X"),
    (Abi::S390, "S390"),
    (Abi::Ppc64le, "PPC64LE"),
    (Abi::Ppc64, "PPC64"),
    (Abi::Ppc, "PPC"),
    (Abi::Mips, "MIPS"),
    (Abi::Mipsel, "MIPSEL"),
    (Abi::Mips64, "MIPS64"),
    (Abi::Mips64el, "MIPSEL64"),
    (Abi::Mipsn32, "MIPS64N32"),
    (Abi::Mipsn32el, "MIPSEL64N32"),
];

/// The value of each `#define NAME (A|B|…)` or `#define NAME number` of these headers.
fn defines(texts: &[String]) -> BTreeMap<String, u32> {
    let mut values: BTreeMap<String, u32> = BTreeMap::new();
    for line in texts.iter().flat_map(|text| text.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()) {
        let line = line.split("/*").next().unwrap_or_default();
        let Some((name, body)) = line.strip_prefix("#define ").and_then(|rest| rest.split_once([' ', '\t'])) else {
            continue;
        };
        let words: Option<Vec<u32>> = body
            .trim_matches(['(', ')', ' ', '\t'])
            .split('|')
            .map(|word| {
                let word = word.trim();
                let hex = word.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
                hex.or_else(|| word.parse().ok()).or_else(|| values.get(word).copied())
            })
            .collect();
        if let Some(words) = words {
            values.insert(name.to_owned(), words.into_iter().fold(0, |all, word| all | word));
        }
    }
    values
}

#[test]
fn tokens_are_the_headers() {
    let headers = ["/usr/include/linux/elf-em.h", "/usr/include/linux/audit.h"];
    let Ok(texts) = headers.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>() else {
        assert!(!std::env::var("CALLGATE_REQUIRE").is_ok_and(|value| value == "all"), "{headers:?} can't be read");
        eprintln!("skipped: tokens_are_the_headers: {headers:?} can't be read (needs linux-libc-dev)");
        return;
    };
    let values = defines(&texts);
    assert_eq!(AUDIT_NAMES.len(), Abi::ALL.len());
    for &(abi, name) in AUDIT_NAMES {
        assert_eq!(values.get(&format!("AUDIT_ARCH_{name}")), Some(&abi.token()), "{abi}");
    }
}

#[test]
fn machines() {
    let of = |machine: Abi| -> Vec<&str> {
        Abi::ALL.iter().filter(|abi| abi.native() == machine).map(|abi| abi.name()).collect()
    };
    assert_eq!(of(Abi::X86_64), ["x86_64", "x86", "x32"]);
    assert_eq!(of(Abi::Aarch64), ["aarch64", "arm"]);
    assert_eq!(of(Abi::S390x), ["s390x", "s390"]);
    assert_eq!(of(Abi::Ppc64), ["ppc64", "ppc"]);
    assert_eq!(of(Abi::Mips64), ["mips", "mips64", "mipsn32"]);
    assert_eq!(of(Abi::Mips64el), ["mipsel", "mips64el", "mipsn32el"]);
}

#[test]
fn every_number_belongs_to_one_abi() {
    for nr in [0, 1, 511, X32_BIT - 1, X32_BIT, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
        for token in FACTS.iter().map(|facts| facts.token) {
            let owner = Abi::of_call(token, nr);
            for abi in Abi::ALL.iter().copied().filter(|abi| abi.token() == token) {
                let inside = abi.numbers().iter().any(|&(low, high)| (low..=high).contains(&nr));
                assert_eq!(inside, owner == Some(abi), "{abi} {nr:#x}");
            }
        }
    }
    assert_eq!(Abi::of_call(0x1234, 0), None);
}
