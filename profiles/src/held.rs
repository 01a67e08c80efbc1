//! Which parameters a derived policy holds to the values that were seen.
//!
//! [`Arguments::Safe`] takes only those whose value decides what power the call is, and comes from the program's text. Others
//! depend on what happens to happen: which operations of futex a lock needs is a matter of who comes first, and a policy that
//! holds them to one run's breaks in another (a Python program did, at the third start). [`Arguments::All`] takes every
//! selector and every set of flags that a recorder keeps, futex's by the kinds in `derive/condition.rs`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How far arguments are held to the values seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arguments {
    /// Calls are allowed whole.
    #[default]
    None,
    /// The selectors and flags that decide what power a call is: socket families, ioctl and fcntl commands, namespaces,
    /// protections of memory.
    Safe,
    /// Every selector and every set of flags.
    All,
}

impl Arguments {
    /// Every choice with the name that `--args` takes.
    pub const ALL: &'static [(Self, &'static str)] = &[(Self::None, "none"), (Self::Safe, "safe"), (Self::All, "all")];

    /// Whether the parameter is held to the values seen, if it is a selector or a set of flags.
    #[must_use]
    pub fn hold(self, call: &str, parameter: &str) -> bool {
        match self {
            Self::None => false,
            Self::Safe => is_held(call, parameter),
            Self::All => true,
        }
    }
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(choice, _)| choice == self).map_or("", |&(_, name)| name);
        f.write_str(name)
    }
}

/// No choice of arguments has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "arguments can't be held `{name}`\n  next: there are none, safe (what decides power) and all (every selector and flag)"
)]
pub struct UnknownArguments {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Arguments {
    type Err = UnknownArguments;

    fn from_str(name: &str) -> Result<Self, UnknownArguments> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|&(choice, _)| choice).ok_or_else(|| UnknownArguments { name: name.to_owned() })
    }
}

/// Call, and its parameters that [`Arguments::Safe`] holds. Sorted.
const HELD: &[(&str, &[&str])] = &[
    ("arch_prctl", &["option"]),
    ("bpf", &["cmd"]),
    ("clone", &["clone_flags"]),
    ("fcntl", &["cmd"]),
    ("fcntl64", &["cmd"]),
    ("ioctl", &["cmd"]),
    ("keyctl", &["option"]),
    ("mmap", &["prot"]),
    ("mmap2", &["prot"]),
    ("mprotect", &["prot"]),
    ("personality", &["personality"]),
    ("pkey_mprotect", &["prot"]),
    ("prctl", &["option"]),
    ("ptrace", &["request"]),
    ("seccomp", &["op"]),
    ("setns", &["flags"]),
    ("setsockopt", &["level", "optname"]),
    ("socket", &["family", "type", "protocol"]),
    ("socketpair", &["family", "type", "protocol"]),
    ("unshare", &["unshare_flags"]),
];

fn is_held(call: &str, parameter: &str) -> bool {
    HELD.binary_search_by_key(&call, |(name, _)| name).is_ok_and(|at| HELD[at].1.contains(&parameter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_compiler::abi::Abi;
    use callgate_compiler::tables::{self, Role};

    #[test]
    fn what_is_held_is_known() {
        assert!(HELD.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (call, parameters) in HELD {
            for parameter in *parameters {
                let known = Abi::ALL.iter().find_map(|&abi| tables::parameter(abi, call, parameter));
                let (_, found) = known.unwrap_or_else(|| panic!("{call}({parameter})"));
                assert_eq!(found.name, *parameter, "{call}: the recorder uses the first name");
                assert!(matches!(found.role, Role::Selector | Role::Flags), "{call}({parameter})");
            }
        }
    }

    #[test]
    fn choices_are_found_by_name() {
        for &(choice, name) in Arguments::ALL {
            assert_eq!(name.parse(), Ok(choice));
            assert_eq!(choice.to_string(), name);
        }
        assert!("some".parse::<Arguments>().unwrap_err().to_string().contains("next: there are none, safe"));
    }

    #[test]
    fn each_choice_holds_what_the_one_before_holds() {
        assert!(!Arguments::None.hold("socket", "family"));
        assert!(Arguments::Safe.hold("socket", "family") && !Arguments::Safe.hold("openat", "flags"));
        assert!(Arguments::All.hold("socket", "family") && Arguments::All.hold("openat", "flags"));
    }
}
