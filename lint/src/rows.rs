//! The shape of the data files: `#` lines say where the facts come from, every other line is a row of words between tabs.

/// The rows of a data file that have this many words. A test holds every row to it.
pub(crate) fn rows<const WORDS: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; WORDS]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

/// Reads the first two numbers of `6.12`, `6.1.36` and `6.5-rc3`.
pub(crate) fn version(word: &str) -> Option<callgate_grammar::tree::Version> {
    let mut numbers = word.split(['.', '-']).map(str::parse);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(callgate_grammar::tree::Version { major, minor })
}
