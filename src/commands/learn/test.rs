//! What a test runner says of the test that it runs: in the environment, or in the test's arguments.

use std::env;
use std::ffi::OsString;

use callgate_profiles::recording::Run;

/// The test's name: what `CALLGATE_TEST` says, else what cargo-nextest or pytest says in the environment, else the one test
/// that the arguments pick (`--exact NAME` of Rust's harness, `-test.run=^NAME$` of Go's). `None` for a program of many tests.
pub(super) fn name(command: &[OsString]) -> Option<String> {
    name_of(|variable| env::var(variable).ok().filter(|value| !value.is_empty()), &words(command))
}

/// Whether cargo-nextest only asks which tests there are, which is no test.
pub(super) fn only_lists(command: &[OsString]) -> bool {
    env::var_os("NEXTEST").is_some() && lists(&words(command))
}

/// Notes the test in every row that has a witness and no test yet.
pub(super) fn mark(run: &mut Run, test: &str) {
    for first in run.rows.iter_mut().filter_map(|row| row.first.as_mut()) {
        first.test.get_or_insert_with(|| test.to_owned());
    }
}

fn words(command: &[OsString]) -> Vec<String> {
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn lists(words: &[String]) -> bool {
    words.iter().skip(1).any(|word| word == "--list")
}

fn name_of(variable: impl Fn(&str) -> Option<String>, words: &[String]) -> Option<String> {
    if let Some(name) = variable("CALLGATE_TEST") {
        return Some(name);
    }
    let exact = words.iter().position(|word| word == "--exact").and_then(|at| words.get(at + 1)).cloned();
    if let Some(binary) = variable("NEXTEST_BINARY_ID") {
        return variable("NEXTEST_TEST_NAME").or(exact).map(|test| format!("{binary} {test}"));
    }
    // `tests/test_notes.py::test_save (call)`
    if let Some(test) = variable("PYTEST_CURRENT_TEST") {
        return Some(test.rsplit_once(" (").map_or(test.as_str(), |(test, _)| test).to_owned());
    }
    exact.or_else(|| {
        let pattern = words.iter().find_map(|word| word.strip_prefix("-test.run="))?;
        let one = pattern.strip_prefix('^')?.strip_suffix('$')?;
        one.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| one.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(variables: &[(&str, &str)], words: &[&str]) -> Option<String> {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        name_of(variable, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn runners_say_which_test_it_is() {
        let nextest = ("NEXTEST_BINARY_ID", "notes::saving");
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(named(&[], &["notes"]), None);
        assert_eq!(named(&[], &["notes", "--exact", "saves", "--nocapture"]), some("saves"));
        assert_eq!(named(&[nextest], &["notes", "--exact", "saves"]), some("notes::saving saves"));
        assert_eq!(named(&[nextest, ("NEXTEST_TEST_NAME", "a::b")], &["notes"]), some("notes::saving a::b"));
        assert_eq!(named(&[("PYTEST_CURRENT_TEST", "t.py::test_a (call)")], &["sh"]), some("t.py::test_a"));
        assert_eq!(named(&[("CALLGATE_TEST", "mine"), nextest], &["notes"]), some("mine"));
        assert_eq!(named(&[], &["notes.test", "-test.run=^TestSave$"]), some("TestSave"));
        assert_eq!(named(&[], &["notes.test", "-test.run=^(TestA|TestB)$"]), None);
    }

    #[test]
    fn listing_is_no_test() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(lists(&words(&["notes", "--list", "--format", "terse"])));
        assert!(!lists(&words(&["notes", "--exact", "saves"])));
    }
}
