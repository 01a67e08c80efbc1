//! Errnos as the language writes them.

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

/// `errno(ENOSYS)`, by name when the number has one name on every ABI; `deny` for EPERM.
pub(crate) fn errno_verb(number: u64) -> String {
    let Ok(number) = u16::try_from(number) else { return format!("errno({number})") };
    let first = Abi::ALL.first().and_then(|&abi| tables::errno_name(abi, number));
    match first.filter(|name| Abi::ALL.iter().all(|&abi| tables::errno(abi, name) == Some(number))) {
        Some("EPERM") => "deny".to_owned(),
        Some(name) => format!("errno({name})"),
        None => format!("errno({number})"),
    }
}

/// Whether an ABI has this number for the name: MIPS numbers some errnos its own way.
pub(crate) fn is_errno(name: &str, number: u64) -> bool {
    Abi::ALL.iter().any(|&abi| tables::errno(abi, name).is_some_and(|errno| u64::from(errno) == number))
}

/// The same by name; `None` when no ABI knows it.
pub(crate) fn errno_verb_of(name: &str) -> Option<String> {
    let known = Abi::ALL.iter().any(|&abi| tables::errno(abi, name).is_some());
    known.then(|| if name == "EPERM" { "deny".to_owned() } else { format!("errno({name})") })
}
