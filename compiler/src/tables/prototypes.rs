//! What each call reads: data/prototypes.tsv.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::numbers;
use super::rows::rows;
use crate::abi::{Abi, HighHalf};
use crate::condition::Width;

/// What a parameter is for.
///
/// A recorder keeps the values of [`Role::Selector`] and [`Role::Flags`]; a condition on a [`Role::Pointer`] is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// An address, whatever its C type says (`mmap`'s `unsigned long addr` too).
    Pointer,
    /// A file descriptor.
    Fd,
    /// A set of bits with names: open flags, protections, mount flags, access modes.
    Flags,
    /// One of a set of named values that picks what the call does: a command, an option, an address family, a clock.
    Selector,
    /// A number of bytes.
    Size,
    /// A place in a file, or half of one.
    Offset,
    /// A process, thread or process group.
    Pid,
    /// A signal.
    Signal,
    /// Permission bits of a file.
    Mode,
    /// A user, a group, or what `which` says it is.
    Id,
    /// A number of things that are not bytes.
    Count,
    /// Anything else.
    Value,
}

/// One parameter of a call on an ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The kernel's name, without the underscore some have in front.
    pub name: &'static str,
    /// The word a condition compares.
    pub width: Width,
    /// How many low bits the kernel looks at: 16, 32 or 64. Less than [`Parameter::width`] only where it is 16: file
    /// modes (`umode_t`) and the 16-bit user and group ids of x86.
    pub bits: u8,
    /// Whether the kernel reads a signed number. Pointers are unsigned.
    pub signed: bool,
    /// What it is for.
    pub role: Role,
    /// Other accepted names, the man page's first where it has another.
    pub aliases: Vec<&'static str>,
}

type Calls = BTreeMap<&'static str, Vec<Parameter>>;

static CALLS: [OnceLock<Calls>; Abi::ALL.len()] = [const { OnceLock::new() }; Abi::ALL.len()];

/// How wide the registers are that a handler gets. Those of x32 and MIPS n32 are whole: most of their calls run the 64-bit
/// ABI's handlers, and the compat types of the others are 32 bits wide by themselves
/// (`arch/x86/include/asm/syscall_wrapper.h`, `arch/mips/kernel/syscalls/syscall_n32.tbl`).
fn register_bits(abi: Abi) -> u8 {
    if abi.high_half() == HighHalf::Argument { 64 } else { 32 }
}

fn role(word: &str) -> Option<Role> {
    Some(match word {
        "pointer" => Role::Pointer,
        "fd" => Role::Fd,
        "flags" => Role::Flags,
        "selector" => Role::Selector,
        "size" => Role::Size,
        "offset" => Role::Offset,
        "pid" => Role::Pid,
        "signal" => Role::Signal,
        "mode" => Role::Mode,
        "id" => Role::Id,
        "count" => Role::Count,
        "value" => Role::Value,
        _ => return None,
    })
}

/// Reads `name:type:role:other|other`.
fn parameter_of(abi: Abi, word: &'static str) -> Option<Parameter> {
    let mut parts = word.split(':');
    let name = parts.next()?;
    let (bits, signed) = match parts.next()? {
        "u16" => (16, false),
        "s32" => (32, true),
        "u32" => (32, false),
        "s64" => (64, true),
        "u64" => (64, false),
        "sl" => (register_bits(abi), true),
        "ul" | "ptr" => (register_bits(abi), false),
        _ => return None,
    };
    let role = role(parts.next()?)?;
    let aliases = parts.next().map_or_else(Vec::new, |others| others.split('|').collect());
    let width = if bits == 64 { Width::W64 } else { Width::W32 };
    Some(Parameter { name, width, bits, signed, role, aliases })
}

/// The rows of the data file by handler.
fn handlers() -> &'static BTreeMap<&'static str, Vec<&'static str>> {
    static HANDLERS: OnceLock<BTreeMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    HANDLERS.get_or_init(|| {
        rows(include_str!("../../data/prototypes.tsv"))
            .filter_map(|words| words.split_first().map(|(handler, parameters)| (*handler, parameters.to_vec())))
            .collect()
    })
}

fn calls(abi: Abi) -> &'static Calls {
    CALLS[abi as usize].get_or_init(|| {
        let mut calls = Calls::new();
        for entry in numbers::entries(abi) {
            if let Some(words) = handlers().get(entry.handler) {
                calls.insert(entry.name, words.iter().filter_map(|word| parameter_of(abi, word)).collect());
            }
        }
        calls
    })
}

/// The parameters of a call in the order of its argument words, as the kernel reads them on that ABI.
///
/// A call that takes none has an empty slice. `None`: the ABI has no such call, or only its number, because no mainline
/// kernel ever gave it a handler there (`tuxcall`, `break`).
#[must_use]
pub fn prototype(abi: Abi, name: &str) -> Option<&'static [Parameter]> {
    calls(abi).get(name).map(Vec::as_slice)
}

/// A parameter of a call by the kernel's name, the man page's, or another usual one, with its position (0 to 5).
///
/// `arg0` to `arg5` are not names.
#[must_use]
pub fn parameter(abi: Abi, call: &str, name: &str) -> Option<(u8, &'static Parameter)> {
    (0..).zip(prototype(abi, call)?).find(|(_, parameter)| parameter.name == name || parameter.aliases.contains(&name))
}
