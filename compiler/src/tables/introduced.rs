//! The kernel that introduced each call: data/introduced.tsv.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use callgate_grammar::tree::Version;

use super::numbers;
use super::rows::{of_abi, rows};
use crate::abi::Abi;

struct Row {
    all: &'static str,
    exceptions: Vec<&'static str>,
}

fn table() -> &'static BTreeMap<&'static str, Row> {
    static TABLE: OnceLock<BTreeMap<&'static str, Row>> = OnceLock::new();
    TABLE.get_or_init(|| {
        rows(include_str!("../../data/introduced.tsv"))
            .filter_map(|words| match words.as_slice() {
                [name, all, _source, exceptions @ ..] => Some((*name, Row { all, exceptions: exceptions.to_vec() })),
                _ => None,
            })
            .collect()
    })
}

/// Reads `6.12` and `2.6.28`; of the latter the first two numbers count.
fn version(word: &str) -> Option<Version> {
    let mut numbers = word.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next()?.ok()?;
    Some(Version { major, minor })
}

/// The first mainline kernel with a call on an ABI; `None` when the ABI has no such call.
///
/// A call an ABI got later than others did has its own version (`socket` on x86: 4.3), and no call is older than the
/// kernel that brought the ABI. All of 2.6.0 to 2.6.39 is 2.6; a call whose age is unknown is older than 2.6 and says so.
#[must_use]
pub fn introduced(abi: Abi, name: &str) -> Option<Version> {
    numbers::entry(abi, name)?;
    let row = table().get(name)?;
    version(of_abi(abi, row.all, &row.exceptions))
}
