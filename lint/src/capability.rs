//! Which capabilities the kernel asks for, by call: data/capabilities.tsv. A profile is one lock, the kernel's own check
//! another.

use std::sync::OnceLock;

use callgate_compiler::lower::target::capability;
use callgate_compiler::outcome::Undecided;
use callgate_grammar::tree::Version;

use crate::meaning::Meaning;
use crate::rows::{rows, version};

/// The ways to a user namespace of one's own. The flags of clone3 lie behind a pointer, where no filter sees them.
pub(crate) const USER_NAMESPACE: [&str; 3] =
    ["unshare(flags has CLONE_NEWUSER)", "clone(flags has CLONE_NEWUSER)", "clone3"];

/// What is left of a call for a process without the capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: the kernel refuses it.
    Refused,
    /// All of it, where the host is set so.
    Setting(&'static str),
    /// A part of it.
    Less(&'static str),
}

/// The kernel's own check of a call.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) call: &'static str,
    /// Any of these.
    capabilities: Vec<Doing>,
    /// Held in a user namespace of one's own is enough.
    pub(crate) own: bool,
    since: Option<Version>,
    pub(crate) left: Left,
}

/// A capability that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doing {
    name: &'static str,
    /// The last kernel for which it does; `None`: every one.
    through: Option<Version>,
}

impl Doing {
    /// Reads `SYS_ADMIN..6.6`.
    fn read(word: &str) -> Option<Self> {
        let (name, through) = word.split_once("..").map_or((word, None), |(name, last)| (name, version(last)));
        Some(Self { name: capability(name)?, through })
    }
}

/// How a process stands to the kernel's check of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standing {
    /// The kernel asks for nothing, or for what the process holds.
    Held,
    /// It can make itself a user namespace where it holds what is asked for.
    Obtainable(&'static Asked),
    /// It lacks what is asked for.
    Lacking(&'static Asked),
}

impl Asked {
    /// `CAP_BPF or CAP_SYS_ADMIN`, on a kernel.
    pub(crate) fn names(&self, kernel: Version) -> String {
        let names: Vec<_> = self.on(kernel).map(|name| format!("CAP_{name}")).collect();
        names.join(" or ")
    }

    /// The capabilities that do on a kernel.
    fn on(&self, kernel: Version) -> impl Iterator<Item = &'static str> {
        let counts = move |one: &&Doing| one.through.is_none_or(|last| kernel <= last);
        self.capabilities.iter().filter(counts).map(|one| one.name)
    }
}

/// Every row, in the file's order.
pub(crate) fn asked() -> &'static [Asked] {
    static ASKED: OnceLock<Vec<Asked>> = OnceLock::new();
    ASKED.get_or_init(|| {
        rows(include_str!("../data/capabilities.tsv"))
            .map(|[call, capabilities, place, since, left, _source]| Asked {
                call,
                capabilities: capabilities.split(',').filter_map(Doing::read).collect(),
                own: place == "own",
                since: version(since),
                left: match left.split_once(": ") {
                    Some(("setting", what)) => Left::Setting(what),
                    Some((_, what)) => Left::Less(what),
                    None => Left::Refused,
                },
            })
            .collect()
    })
}

impl Meaning {
    /// How the target stands to the kernel's check of a call, written as the data file writes it.
    pub(crate) fn standing(&self, call: &str) -> Result<Standing, Undecided> {
        let asks = |row: &&Asked| row.call == call && row.since.is_none_or(|since| since <= self.kernel);
        let Some(row) = asked().iter().find(asks) else { return Ok(Standing::Held) };
        if row.on(self.kernel).any(|name| self.capabilities.contains(name)) {
            return Ok(Standing::Held);
        }
        for name in row.on(self.kernel).filter(|_| row.own) {
            if self.may_hold(name)? {
                return Ok(Standing::Obtainable(row));
            }
        }
        Ok(Standing::Lacking(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_whole() {
        let lines = include_str!("../data/capabilities.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(asked().len(), lines.count());
        for row in asked() {
            let written = include_str!("../data/capabilities.tsv")
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{}\t", row.call)))
                .expect("its line");
            let words: Vec<_> = written.split('\t').collect();
            let shown = |one: &Doing| {
                let through = one.through.map(|last| format!("..{}.{}", last.major, last.minor));
                format!("{}{}", one.name, through.unwrap_or_default())
            };
            let capabilities: Vec<_> = row.capabilities.iter().map(shown).collect();
            assert_eq!(capabilities.join(","), words[0], "{}", row.call);
            assert!(["own", "host"].contains(&words[1]), "{}", row.call);
            assert_eq!(row.since.is_none(), words[2] == "-", "{}", row.call);
            assert!(words[4].contains(".c"), "{}: its source", row.call);
            assert!(words[3] == "refused" || words[3].starts_with("setting: ") || words[3].starts_with("less: "));
        }
    }

    #[test]
    fn a_capability_does_through_its_last_kernel() {
        let row = asked().iter().find(|row| row.call == "syslog").expect("its row");
        let names = |minor| row.names(Version { major: 6, minor });
        assert_eq!((names(6), names(12)), ("CAP_SYSLOG or CAP_SYS_ADMIN".to_owned(), "CAP_SYSLOG".to_owned()));
    }

    #[test]
    fn no_call_has_two_rows() {
        let mut calls: Vec<_> = asked().iter().map(|row| row.call).collect();
        calls.sort_unstable();
        assert!(calls.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
