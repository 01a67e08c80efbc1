//! Named constants: data/constants.tsv and data/errno.tsv.

use std::sync::OnceLock;

use super::rows::{of_abi, rows, unsigned};
use crate::abi::Abi;

/// Name and value, sorted by name.
type Table = Vec<(&'static str, u64)>;

static CONSTANTS: [OnceLock<Table>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];
static ERRNOS: [OnceLock<Table>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];

/// The rows of a file that an ABI has.
fn sorted(abi: Abi, text: &'static str) -> Table {
    let mut table: Table = rows(text)
        .filter_map(|words| match words.as_slice() {
            [name, all, exceptions @ ..] => Some((*name, unsigned(of_abi(abi, all, exceptions))?)),
            _ => None,
        })
        .collect();
    table.sort_unstable();
    table
}

fn find(table: &Table, name: &str) -> Option<u64> {
    table.binary_search_by_key(&name, |&(name, _)| name).ok().map(|at| table[at].1)
}

fn constants(abi: Abi) -> &'static Table {
    CONSTANTS[abi as usize].get_or_init(|| sorted(abi, include_str!("../../data/constants.tsv")))
}

/// Names of the C library for a number the kernel names otherwise (errno(3)).
const LIBRARY_ERRNOS: &[(&str, &str)] = &[("ENOTSUP", "EOPNOTSUPP")];

fn errnos(abi: Abi) -> &'static Table {
    ERRNOS[abi as usize].get_or_init(|| sorted(abi, include_str!("../../data/errno.tsv")))
}

/// The value of a named constant, as the kernel's headers define it for an ABI.
///
/// It is the value C has after conversion to 64 bits: a negative one (`AT_FDCWD`, -100) has its high bits set, so a
/// parameter of 32 bits takes it when its low 32 bits, sign-extended, give the value back. Error numbers are apart
/// ([`errno`]). `O_LARGEFILE` is the kernel's bit on every ABI, though the C library's is 0 on 64-bit ones.
#[must_use]
pub fn constant(abi: Abi, name: &str) -> Option<u64> {
    find(constants(abi), name)
}

/// The names [`constant`] knows on an ABI, sorted.
pub fn constant_names(abi: Abi) -> impl Iterator<Item = &'static str> {
    constants(abi).iter().map(|&(name, _)| name)
}

/// The number of an error, `ENOSYS`, `EWOULDBLOCK` and `ENOTSUP` included.
#[must_use]
pub fn errno(abi: Abi, name: &str) -> Option<u16> {
    let name = LIBRARY_ERRNOS.iter().find(|(library, _)| *library == name).map_or(name, |&(_, kernel)| kernel);
    find(errnos(abi), name).and_then(|value| u16::try_from(value).ok())
}

/// The name of an error number; of two names the usual one (`EAGAIN`, not `EWOULDBLOCK`).
#[must_use]
pub fn errno_name(abi: Abi, number: u16) -> Option<&'static str> {
    const SECOND: &[&str] = &["EWOULDBLOCK", "EDEADLOCK"];
    let mut names = errnos(abi).iter().filter(|&&(_, value)| value == u64::from(number)).map(|&(name, _)| name);
    let first = names.next()?;
    // EDEADLOCK is a number of its own on some architectures.
    Some(if SECOND.contains(&first) { names.next().unwrap_or(first) } else { first })
}
