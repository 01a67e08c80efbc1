//! The releases of libseccomp: which calls each has names for, and what it makes of them.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_grammar::tree::Version;
use rustc_hash::FxHashMap;
use thiserror::Error;

/// A release of libseccomp, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Libseccomp {
    /// 2.5.0, whose table ends with Linux 5.8.
    V2_5_0,
    /// 2.5.1, with the same table.
    V2_5_1,
    /// 2.5.2, whose table ends with Linux 5.14.
    V2_5_2,
    /// 2.5.3: Linux 5.15.
    V2_5_3,
    /// 2.5.4: Linux 5.17.
    V2_5_4,
    /// Debian 12's 2.5.4 (2.5.4-1+deb12u1), whose table ends with Linux 6.7.
    Debian12,
    /// 2.5.5: Linux 6.7.
    V2_5_5,
    /// 2.5.6: Linux 6.13.
    V2_5_6,
    /// 2.6.0: Linux 6.13.
    V2_6_0,
    /// 2.6.1, and every call that callgate's tables have.
    Newest,
}

/// No release of libseccomp that callgate knows is called so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no libseccomp is called `{name}`\n  next: callgate knows {}", Libseccomp::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownLibseccomp {
    /// What was asked for.
    pub name: String,
}

impl Libseccomp {
    /// Every release, oldest first.
    pub const ALL: &'static [Self] = &[
        Self::V2_5_0,
        Self::V2_5_1,
        Self::V2_5_2,
        Self::V2_5_3,
        Self::V2_5_4,
        Self::Debian12,
        Self::V2_5_5,
        Self::V2_5_6,
        Self::V2_6_0,
        Self::Newest,
    ];

    /// The name the command line uses: the version, or `debian12`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V2_5_0 => "2.5.0",
            Self::V2_5_1 => "2.5.1",
            Self::V2_5_2 => "2.5.2",
            Self::V2_5_3 => "2.5.3",
            Self::V2_5_4 => "2.5.4",
            Self::Debian12 => "debian12",
            Self::V2_5_5 => "2.5.5",
            Self::V2_5_6 => "2.5.6",
            Self::V2_6_0 => "2.6.0",
            Self::Newest => "2.6.1",
        }
    }

    /// The number that a name has on an ABI, where it is known; calls that also go through a multiplexer have theirs.
    #[must_use]
    pub fn number(self, abi: Abi, call: &str) -> Option<u32> {
        tables::number(abi, call).filter(|_| self.knows(call) && !self.lacks(abi, call))
    }

    /// Whether a name is known. It doesn't matter which ABI has the call: libseccomp has one list of names for all.
    ///
    /// Each table has every call of its kernel and none that is newer, but for one name (`src/syscalls.csv` of the releases).
    #[must_use]
    pub fn knows(self, call: &str) -> bool {
        let Some(first) = first_version(call) else { return false };
        // The table of Linux 6.7 left this name of 6.4 out.
        let left_out = matches!(self, Self::Debian12 | Self::V2_5_5) && call == "riscv_hwprobe";
        self.last_kernel().is_none_or(|last| first <= last) && !left_out
    }

    /// The kernel that its table ends with; `None`: newer than callgate's tables.
    fn last_kernel(self) -> Option<Version> {
        let (major, minor) = match self {
            Self::V2_5_0 | Self::V2_5_1 => (5, 8),
            Self::V2_5_2 => (5, 14),
            Self::V2_5_3 => (5, 15),
            Self::V2_5_4 => (5, 17),
            Self::Debian12 | Self::V2_5_5 => (6, 7),
            Self::V2_5_6 | Self::V2_6_0 => (6, 13),
            Self::Newest => return None,
        };
        Some(Version { major, minor })
    }

    /// Calls that the table of the release's kernel has for an ABI and the release's own table lacks.
    fn lacks(self, abi: Abi, call: &str) -> bool {
        match call {
            "map_shadow_stack" => abi == Abi::X32 && matches!(self, Self::Debian12 | Self::V2_5_5),
            "memfd_secret" => matches!(abi, Abi::Riscv64 | Abi::S390 | Abi::S390x) && self <= Self::V2_5_4,
            _ => false,
        }
    }

    /// Whether rules about a call are added for its multiplexer too. MIPS and PowerPC came with 2.5.2 (CHANGELOG).
    pub(super) fn part_of(self, abi: Abi, call: &str) -> Option<(u32, u64, &'static tables::Part)> {
        let since = match abi {
            Abi::X86 | Abi::S390 | Abi::S390x => Self::V2_5_0,
            _ => Self::V2_5_2,
        };
        tables::part_of(abi, call).filter(|_| self >= since)
    }
}

impl fmt::Display for Libseccomp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Libseccomp {
    type Err = UnknownLibseccomp;

    fn from_str(name: &str) -> Result<Self, UnknownLibseccomp> {
        let found = Self::ALL.iter().copied().find(|one| one.name() == name);
        found.ok_or_else(|| UnknownLibseccomp { name: name.to_owned() })
    }
}

/// The kernel that first had a call, on whichever ABI; `None` for what is no call.
fn first_version(call: &str) -> Option<Version> {
    static FIRST: OnceLock<FxHashMap<&'static str, Version>> = OnceLock::new();
    let first = FIRST.get_or_init(|| {
        let of = |&name: &&'static str| Abi::ALL.iter().filter_map(|&abi| tables::introduced(abi, name)).min();
        tables::names().iter().filter_map(|name| Some((*name, of(name)?))).collect()
    });
    first.get(call).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_has_its_name_and_knows_what_older_ones_know() {
        for pair in Libseccomp::ALL.windows(2) {
            assert!(pair[0] < pair[1], "{} {}", pair[0], pair[1]);
            for name in tables::names() {
                let lost = pair[0].knows(name) && !pair[1].knows(name);
                assert!(!lost, "{} knows {name}, {} doesn't", pair[0], pair[1]);
            }
        }
        for &one in Libseccomp::ALL {
            assert_eq!(one.name().parse(), Ok(one));
        }
        assert!("2.4.4".parse::<Libseccomp>().is_err());
    }

    /// Each table's newest names, and the first it lacks (`src/syscalls.csv` of each release).
    #[test]
    fn tables_end_where_the_releases_do() {
        let first = |call: &str| Libseccomp::ALL.iter().find(|one| one.knows(call)).map(|one| one.name());
        for (call, release) in [
            ("faccessat2", Some("2.5.0")),
            ("epoll_pwait2", Some("2.5.2")),
            ("process_mrelease", Some("2.5.3")),
            ("futex_waitv", Some("2.5.4")),
            ("cachestat", Some("debian12")),
            ("riscv_hwprobe", Some("2.5.6")),
            ("mseal", Some("2.5.6")),
            ("open_tree_attr", Some("2.6.1")),
            ("no_such_call", None),
        ] {
            assert_eq!(first(call), release, "{call}");
        }
    }

    #[test]
    fn multiplexers_came_one_by_one() {
        let part = |one: Libseccomp, abi| one.part_of(abi, "socket").is_some();
        assert!(part(Libseccomp::V2_5_0, Abi::X86) && part(Libseccomp::V2_5_0, Abi::S390x));
        assert!(!part(Libseccomp::V2_5_1, Abi::Ppc64le) && part(Libseccomp::V2_5_2, Abi::Ppc64le));
    }
}
