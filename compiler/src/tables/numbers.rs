//! System call numbers: data/numbers/*.tsv.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::rows::rows;
use crate::abi::Abi;

/// One call of an ABI.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// `seccomp_data.nr`.
    pub(super) number: u32,
    /// The name of the call.
    pub(super) name: &'static str,
    /// The kernel function that reads the arguments, as data/prototypes.tsv spells it.
    pub(super) handler: &'static str,
}

struct Table {
    by_number: Vec<Entry>,
    /// Where each name stands in `by_number`.
    by_name: FxHashMap<&'static str, usize>,
}

static TABLES: [OnceLock<Table>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];

pub(super) fn text(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_64 => include_str!("../../data/numbers/x86_64.tsv"),
        Abi::X86 => include_str!("../../data/numbers/x86.tsv"),
        Abi::X32 => include_str!("../../data/numbers/x32.tsv"),
        Abi::Aarch64 => include_str!("../../data/numbers/aarch64.tsv"),
        Abi::Arm => include_str!("../../data/numbers/arm.tsv"),
        Abi::Riscv64 => include_str!("../../data/numbers/riscv64.tsv"),
        Abi::Loongarch64 => include_str!("../../data/numbers/loongarch64.tsv"),
        Abi::S390x => include_str!("../../data/numbers/s390x.tsv"),
        Abi::S390 => include_str!("../../data/numbers/s390.tsv"),
        Abi::Ppc64le | Abi::Ppc64 => include_str!("../../data/numbers/ppc64.tsv"),
        Abi::Ppc => include_str!("../../data/numbers/ppc.tsv"),
        Abi::Mips | Abi::Mipsel => include_str!("../../data/numbers/mips.tsv"),
        Abi::Mips64 | Abi::Mips64el => include_str!("../../data/numbers/mips64.tsv"),
        Abi::Mipsn32 | Abi::Mipsn32el => include_str!("../../data/numbers/mipsn32.tsv"),
    }
}

fn read(words: &[&'static str]) -> Option<Entry> {
    let &[number, name, handler] = words else { return None };
    Some(Entry { number: number.parse().ok()?, name, handler })
}

fn table(abi: Abi) -> &'static Table {
    TABLES[abi as usize].get_or_init(|| {
        let mut by_number: Vec<_> = rows(text(abi)).filter_map(|words| read(&words)).collect();
        by_number.sort_unstable_by_key(|entry| entry.number);
        let by_name = by_number.iter().enumerate().map(|(at, entry)| (entry.name, at)).collect();
        Table { by_number, by_name }
    })
}

/// The calls of an ABI, ascending by number.
pub(super) fn entries(abi: Abi) -> &'static [Entry] {
    &table(abi).by_number
}

pub(super) fn entry(abi: Abi, name: &str) -> Option<&'static Entry> {
    let table = table(abi);
    table.by_name.get(name).map(|&at| &table.by_number[at])
}

/// The number of a call as `seccomp_data.nr` holds it: on x32 with bit 30 set. `None` when the ABI has no such call.
#[must_use]
pub fn number(abi: Abi, name: &str) -> Option<u32> {
    entry(abi, name).map(|entry| entry.number)
}

/// The call with a number of `seccomp_data.nr`.
#[must_use]
pub fn name(abi: Abi, nr: u32) -> Option<&'static str> {
    let table = entries(abi);
    table.binary_search_by_key(&nr, |entry| entry.number).ok().map(|at| table[at].name)
}

/// Every call of an ABI, ascending by number.
pub fn calls(abi: Abi) -> impl Iterator<Item = (u32, &'static str)> {
    entries(abi).iter().map(|entry| (entry.number, entry.name))
}

/// The names of the calls of all ABIs together, sorted, each once.
#[must_use]
pub fn names() -> &'static [&'static str] {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names: Vec<_> = Abi::ALL.iter().flat_map(|&abi| calls(abi)).map(|(_, name)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    })
}
