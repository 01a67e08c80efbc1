//! Named constants: data/constants*.tsv and data/errno.tsv.

use std::sync::OnceLock;

use super::rows::{of_abi, rows, unsigned};
use crate::abi::Abi;

/// Name and value, sorted by name.
type Table = Vec<(&'static str, u64)>;

static CONSTANTS: [OnceLock<Table>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];
/// The same by value.
static BY_VALUE: [OnceLock<Vec<(u64, &'static str)>>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];
static ERRNOS: [OnceLock<Table>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];

/// The rows of a file that an ABI has, each as `value` reads it.
fn sorted(text: &'static str, value: impl Fn(&'static str, &[&'static str]) -> Option<u64>) -> Table {
    let mut table: Table = rows(text)
        .filter_map(|words| match words.as_slice() {
            [name, all, exceptions @ ..] => Some((*name, value(all, exceptions)?)),
            _ => None,
        })
        .collect();
    table.sort_unstable();
    table
}

fn find(table: &Table, name: &str) -> Option<u64> {
    table.binary_search_by_key(&name, |&(name, _)| name).ok().map(|at| table[at].1)
}

fn constant_of(abi: Abi, all: &'static str, exceptions: &[&'static str]) -> Option<u64> {
    let of = |abi| unsigned(of_abi(abi, all, exceptions));
    if abi != Abi::S390 {
        return of(abi);
    }
    // No compiler of today builds for 31 bits, so s390 has no column. Its headers are s390x's, and all they can tell apart
    // is the width of a long. A value that s390x shares with a 32-bit ABI doesn't depend on that: structures with longs are
    // as long as arm's, and with x86's looser alignment never longer. Other names are unknown on s390.
    let wide = of(Abi::S390x);
    wide.filter(|_| wide == of(Abi::X86) || wide == of(Abi::Arm))
}

/// The file with an ABI's constants: PowerPC and MIPS number ioctls otherwise, so nearly all of theirs differ.
fn constants_text(abi: Abi) -> &'static str {
    match abi {
        Abi::Ppc64le | Abi::Ppc64 | Abi::Ppc => include_str!("../../data/constants_powerpc.tsv"),
        Abi::Mips | Abi::Mipsel | Abi::Mips64 | Abi::Mips64el | Abi::Mipsn32 | Abi::Mipsn32el => {
            include_str!("../../data/constants_mips.tsv")
        }
        Abi::X86_64
        | Abi::X86
        | Abi::X32
        | Abi::Aarch64
        | Abi::Arm
        | Abi::Riscv64
        | Abi::Loongarch64
        | Abi::S390x
        | Abi::S390 => include_str!("../../data/constants.tsv"),
    }
}

fn constants(abi: Abi) -> &'static Table {
    CONSTANTS[abi as usize]
        .get_or_init(|| sorted(constants_text(abi), |all, exceptions| constant_of(abi, all, exceptions)))
}

/// Names of the C library for a number the kernel names otherwise (errno(3)).
const LIBRARY_ERRNOS: &[(&str, &str)] = &[("ENOTSUP", "EOPNOTSUPP")];

fn errnos(abi: Abi) -> &'static Table {
    // One header for both widths of s390 (arch/s390/include/uapi/asm/errno.h): 31 bits have no column of their own.
    let column = if abi == Abi::S390 { Abi::S390x } else { abi };
    let read = |all, exceptions: &[&'static str]| unsigned(of_abi(column, all, exceptions));
    ERRNOS[abi as usize].get_or_init(|| sorted(include_str!("../../data/errno.tsv"), read))
}

/// The value of a named constant, as the kernel's headers define it for an ABI.
///
/// It is the value C has after conversion to 64 bits: a negative one (`AT_FDCWD`, -100) has its high bits set, so a
/// parameter of 32 bits takes it when its low 32 bits, sign-extended, give the value back. Error numbers are apart
/// ([`errno`]). `O_LARGEFILE` is the kernel's bit on every ABI, though the C library's is 0 on 64-bit ones. On 31-bit s390
/// names whose value may depend on the width of a long (some ioctls, most of ptrace's own requests) are unknown.
#[must_use]
pub fn constant(abi: Abi, name: &str) -> Option<u64> {
    find(constants(abi), name)
}

/// The names [`constant`] knows on an ABI, sorted.
pub fn constant_names(abi: Abi) -> impl Iterator<Item = &'static str> {
    constants(abi).iter().map(|&(name, _)| name)
}

/// The names of the constants with a value, sorted; the value is as [`constant`] gives it.
pub fn constants_of(abi: Abi, value: u64) -> impl Iterator<Item = &'static str> {
    let by_value = BY_VALUE[abi as usize].get_or_init(|| {
        let mut by_value: Vec<_> = constants(abi).iter().map(|&(name, value)| (value, name)).collect();
        by_value.sort_unstable();
        by_value
    });
    let first = by_value.partition_point(|&(other, _)| other < value);
    by_value[first..].iter().take_while(move |&&(other, _)| other == value).map(|&(_, name)| name)
}

/// The number of an error, `ENOSYS`, `EWOULDBLOCK` and `ENOTSUP` included.
#[must_use]
pub fn errno(abi: Abi, name: &str) -> Option<u16> {
    let name = LIBRARY_ERRNOS.iter().find(|(library, _)| *library == name).map_or(name, |&(_, kernel)| kernel);
    find(errnos(abi), name).and_then(|value| u16::try_from(value).ok())
}

/// The kernel's names that [`errno`] knows on an ABI, sorted.
pub fn errno_names(abi: Abi) -> impl Iterator<Item = &'static str> {
    errnos(abi).iter().map(|&(name, _)| name)
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
