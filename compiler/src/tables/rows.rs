//! The data files' shape: `#` lines say where the facts come from, every other line is a row of tab-separated words.

use crate::abi::Abi;

/// The rows of a data file, each as its words.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

/// Reads `0x10` and `16`.
pub(super) fn unsigned(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

/// What a row says of an ABI: the word after its table's name and a colon if the row has one, else what it says of all.
pub(super) fn of_abi(abi: Abi, all: &'static str, exceptions: &[&'static str]) -> &'static str {
    exceptions
        .iter()
        .find_map(|word| word.split_once(':').filter(|(name, _)| *name == abi.table()))
        .map_or(all, |(_, own)| own)
}
