//! kafel's names of system calls: those of the kernel's handlers. The data is `kafel_names.tsv`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

static TEXT: &str = include_str!("../kafel_names.tsv");

/// What kafel calls otherwise on one ABI.
#[derive(Default)]
struct Renamed {
    /// kafel's name by the tables' name; `None` where kafel has no name.
    theirs: BTreeMap<&'static str, Option<&'static str>>,
    /// The tables' name by kafel's.
    ours: BTreeMap<&'static str, &'static str>,
}

fn renamed() -> &'static BTreeMap<Abi, Renamed> {
    static RENAMED: OnceLock<BTreeMap<Abi, Renamed>> = OnceLock::new();
    RENAMED.get_or_init(|| {
        let mut abis: BTreeMap<Abi, Renamed> = BTreeMap::new();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split('\t');
            let (Some(Ok(abi)), Some(our), Some(their)) =
                (words.next().map(str::parse::<Abi>), words.next(), words.next())
            else {
                continue;
            };
            let renamed = abis.entry(abi).or_default();
            let their = Some(their).filter(|name| *name != "-");
            renamed.theirs.insert(our, their);
            renamed.ours.extend(their.map(|their| (their, our)));
        }
        abis
    })
}

/// What the tables call the call that kafel calls `name` on an ABI; `None` when kafel has no such call there.
///
/// The tables of ABIs that the data says nothing about are taken to be kafel's own.
pub(crate) fn from_kafel(abi: Abi, name: &str) -> Option<&'static str> {
    let renamed = renamed().get(&abi);
    if let Some(our) = renamed.and_then(|renamed| renamed.ours.get(name)) {
        return Some(our);
    }
    // A call without a name in kafel today may get its usual one tomorrow.
    let taken = renamed.is_some_and(|renamed| matches!(renamed.theirs.get(name), Some(Some(_))));
    let nr = tables::number(abi, name).filter(|_| !taken)?;
    tables::name(abi, nr)
}

/// What kafel calls a call; `None` when it has no name for it.
pub(crate) fn to_kafel(abi: Abi, name: &'static str) -> Option<&'static str> {
    match renamed().get(&abi).and_then(|renamed| renamed.theirs.get(name)) {
        Some(theirs) => *theirs,
        None => Some(name),
    }
}

/// The ABIs whose calls the data has kafel's names of.
pub(crate) fn abis() -> impl Iterator<Item = Abi> {
    renamed().keys().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_come_back() {
        for abi in abis() {
            for (_, name) in tables::calls(abi) {
                if let Some(theirs) = to_kafel(abi, name) {
                    assert_eq!(from_kafel(abi, theirs), Some(name), "{abi}");
                }
            }
        }
        assert_eq!(to_kafel(Abi::X86_64, "stat"), Some("newstat"));
        assert_eq!(from_kafel(Abi::X86_64, "stat"), None);
        assert_eq!(from_kafel(Abi::X86, "getuid"), Some("getuid32"));
        assert_eq!(from_kafel(Abi::X86, "getuid16"), Some("getuid"));
        assert_eq!(from_kafel(Abi::Aarch64, "open"), None);
    }

    #[test]
    fn every_row_names_a_call_of_its_abi() {
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split('\t').collect();
            let [abi, name, _] = words[..] else { panic!("{line}") };
            assert!(tables::number(abi.parse().expect("an ABI"), name).is_some(), "{line}");
        }
    }
}
