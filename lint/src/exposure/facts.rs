//! What is known to have been wrong: data/vulnerabilities.tsv.

use std::fmt;
use std::sync::OnceLock;

use callgate_compiler::lower::target::capability;
use callgate_grammar::tree::Version;

use super::trigger::{Trigger, trigger};
use crate::rows::{rows, version};

/// A capability that the kernel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Without `CAP_`.
    pub capability: &'static str,
    /// Held in a user namespace of one's own is enough.
    pub own: bool,
}

/// The kernels that are said to have something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernels {
    /// As the data file writes them; `-` for none.
    text: &'static str,
    /// First and last, both of them wrong.
    ranges: Vec<(Version, Version)>,
}

/// Something that was wrong in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vulnerability {
    /// CVE numbers, or what people call it, one or more.
    pub names: Vec<&'static str>,
    /// What is wrong, in a few words.
    pub what: &'static str,
    /// What must all be there.
    pub triggers: Vec<&'static Trigger>,
    /// The capabilities that the kernel asks for, all of them.
    pub needs: Vec<Need>,
    /// Which kernels have it.
    pub kernels: Kernels,
    /// Where that is written.
    pub source: &'static str,
}

impl Kernels {
    /// Whether a kernel is among them. Of a version the first two numbers count: a stable series is in when any of it was.
    /// `None` where no kernel is named.
    #[must_use]
    pub fn on(&self, kernel: Version) -> Option<bool> {
        (!self.ranges.is_empty()).then(|| self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&kernel)))
    }

    /// The ranges, or `None` where the data has a word that it can't read.
    fn read(text: &'static str) -> Option<Self> {
        let words = text.split(' ').filter(|word| *word != "-");
        Some(Self { text, ranges: words.map(range).collect::<Option<_>>()? })
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Reads `5.8..6.6`, both wrong, and `5.8..<6.7`, the latter right. A release candidate is before its release, so a range that
/// ends with one ends with the release before.
fn range(word: &str) -> Option<(Version, Version)> {
    let (first, last) = word.split_once("..")?;
    let (last, fixed) = last.strip_prefix('<').map_or((last, false), |last| (last, true));
    let end = version(last)?;
    let before = fixed || last.contains("-rc");
    Some((version(first)?, if before { previous(end) } else { end }))
}

/// The release before one. The 3.x series ended with 3.19, 4.x with 4.20, 5.x and 6.x with 19 (git tags of Linux).
fn previous(release: Version) -> Version {
    match release {
        Version { major, minor: 0 } => {
            let minor = match major {
                3 => 6,
                5 => 20,
                _ => 19,
            };
            Version { major: major - 1, minor }
        }
        Version { major, minor } => Version { major, minor: minor - 1 },
    }
}

impl Vulnerability {
    /// The first name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// Every row, in the file's order: by age of the first name.
#[must_use]
pub fn vulnerabilities() -> &'static [Vulnerability] {
    static KNOWN: OnceLock<Vec<Vulnerability>> = OnceLock::new();
    KNOWN.get_or_init(|| rows(include_str!("../../data/vulnerabilities.tsv")).filter_map(read).collect())
}

/// A row; `None` when a word in it isn't known, which a test keeps from happening.
fn read([names, what, triggers, needs, kernels, source]: [&'static str; 6]) -> Option<Vulnerability> {
    Some(Vulnerability {
        names: names.split(' ').collect(),
        what,
        triggers: triggers.split(' ').map(trigger).collect::<Option<_>>()?,
        needs: needs.split(' ').filter(|word| *word != "-").map(need).collect::<Option<_>>()?,
        kernels: Kernels::read(kernels)?,
        source,
    })
}

fn need(word: &'static str) -> Option<Need> {
    let (name, place) = word.split_once('@')?;
    Some(Need { capability: capability(name)?, own: place == "own" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let lines = include_str!("../../data/vulnerabilities.tsv").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(vulnerabilities().len(), lines.count());
        for one in vulnerabilities() {
            assert!(!one.what.is_empty() && !one.source.is_empty(), "{}", one.name());
            // A range of candidates alone is one of no release.
            let ordered = one.kernels.ranges.iter().all(|(first, last)| previous(*first) <= *last);
            assert!(ordered, "{}: {}", one.name(), one.kernels);
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = vulnerabilities().iter().flat_map(|one| &one.names).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_fix_is_not_affected_and_a_candidate_is_before_its_release() {
        let on = |text, major, minor| Kernels::read(text).unwrap().on(Version { major, minor });
        assert_eq!(on("5.8..6.6", 6, 6), Some(true));
        assert_eq!(on("5.8..6.6", 6, 7), Some(false));
        assert_eq!(on("2.6.22-rc1..<4.9-rc2", 4, 9), Some(false));
        assert_eq!(on("2.6.22-rc1..<4.9-rc2", 4, 8), Some(true));
        assert_eq!(on("3.16-rc1..<6.0-rc1", 5, 19), Some(true));
        assert_eq!(on("3.16-rc1..<6.0-rc1", 6, 0), Some(false));
        assert_eq!(on("6.6.1..6.6.53 5.15.1..5.15.99", 6, 6), Some(true));
        assert_eq!(on("6.6.1..6.6.53", 6, 7), Some(false));
        assert_eq!(on("-", 6, 6), None);
    }
}
