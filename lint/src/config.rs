//! `callgate.toml`: what a repository asks of its profiles.
//!
//! ```toml
//! [lint]
//! select = ["RUL", "ARG", "SIB"]
//! ignore = ["ARG003"]
//! fail-on = "warning"
//! engine = "docker"
//! kernel = "6.1"
//! libseccomp = "2.5.5"
//! arch = ["x86_64", "aarch64"]
//! cap = ["SYS_PTRACE"]
//! exclude = ["vendor/**"]
//!
//! [lint.per-file-ignores]
//! "tests/**" = ["EXP"]
//!
//! [[suppress]]
//! file = "profiles/*.json"
//! rule = "EXP010"
//! call = "unshare"
//! reason = "the sandbox makes its own user namespaces"
//! ```
//!
//! Paths are relative to the folder the file is in.

use std::collections::BTreeMap;
use std::ops::Range;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::finding::Finding;
use crate::rule::Rule;
use crate::select::{Selector, UnknownRule, selected};

/// What is wrong with a `callgate.toml`.
#[derive(Clone, Debug, Error)]
pub enum ConfigError {
    /// It isn't TOML, or has a key or a value that isn't one.
    #[error("{0}\n  next: docs/lint.md shows every key")]
    Form(String),
    /// It names a rule that isn't one.
    #[error(transparent)]
    Rule(#[from] UnknownRule),
    /// A pattern of file names that isn't one.
    #[error(
        "`{pattern}` is no pattern of file names: {why}\n  next: write `profiles/*.json` or `tests/**`, relative to the folder of the file"
    )]
    Pattern {
        /// As written.
        pattern: String,
        /// Why.
        why: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    lint: Settings,
    #[serde(default)]
    suppress: Vec<Spanned<Entry>>,
}

/// The settings under `[lint]`; the command line's come before them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The rules that are asked, instead of those that are by default.
    #[serde(default)]
    pub select: Vec<String>,
    /// Those that aren't.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// From which severity on a finding fails the command.
    pub fail_on: Option<String>,
    /// Whose reading counts.
    pub engine: Option<String>,
    /// The kernel.
    pub kernel: Option<String>,
    /// The release of libseccomp below the engine.
    pub libseccomp: Option<String>,
    /// The capabilities.
    pub cap: Option<Vec<String>>,
    /// The ABIs.
    #[serde(default)]
    pub arch: Vec<String>,
    /// Files that are passed over in folders.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// More rules that aren't asked, by pattern of file names.
    #[serde(default)]
    pub per_file_ignores: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    rule: String,
    call: Option<String>,
    reason: Option<String>,
}

/// An entry of `[[suppress]]`.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// Which files, as written.
    pub file: String,
    /// Which rules, as written.
    pub rule: String,
    /// Which call; without it, all.
    pub call: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The entry's bytes in the configuration.
    pub span: Range<usize>,
    files: GlobMatcher,
    rules: Selector,
}

impl Sidecar {
    /// Whether it is about files of this name, relative to the configuration's folder.
    #[must_use]
    pub fn is_about(&self, path: &str) -> bool {
        self.files.is_match(path)
    }

    /// Whether it names this rule.
    #[must_use]
    pub fn names(&self, rule: &Rule) -> bool {
        self.rules.takes(rule)
    }

    /// Whether it is about this finding of a file that it [is about](Self::is_about); `words` are those under the main place.
    #[must_use]
    pub fn covers(&self, finding: &Finding, words: &str) -> bool {
        let is_word = |text: &str, call: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == call)
        };
        self.names(finding.rule)
            && self.call.as_deref().is_none_or(|call| {
                finding.witness.as_ref().is_some_and(|witness| witness.name() == call)
                    || is_word(words, call)
                    || is_word(&finding.message, call)
            })
    }
}

/// A `callgate.toml`, read.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What stands under `[lint]`.
    pub settings: Settings,
    /// What stands under `[[suppress]]`, in order.
    pub suppress: Vec<Sidecar>,
    excluded: Vec<GlobMatcher>,
    per_file: Vec<(GlobMatcher, Vec<Selector>)>,
    select: Vec<Selector>,
    ignore: Vec<Selector>,
}

impl Config {
    /// Reads the text of a `callgate.toml`.
    ///
    /// # Errors
    /// When it isn't one: every key, rule and pattern is checked.
    pub fn read(text: &str) -> Result<Self, ConfigError> {
        let file: File =
            toml::from_str(text).map_err(|error| ConfigError::Form(error.to_string().trim_end().to_owned()))?;
        let mut suppress = Vec::new();
        for entry in file.suppress {
            let span = entry.span();
            let Entry { file, rule, call, reason } = entry.into_inner();
            let (files, rules) = (pattern(&file)?, Selector::new(&rule)?);
            let reason = reason.filter(|reason| !reason.trim().is_empty());
            suppress.push(Sidecar { file, rule, call, reason, span, files, rules });
        }
        let mut per_file = Vec::new();
        for (files, rules) in &file.lint.per_file_ignores {
            per_file.push((pattern(files)?, Selector::list(rules)?));
        }
        Ok(Self {
            suppress,
            excluded: file.lint.exclude.iter().map(|text| pattern(text)).collect::<Result<_, _>>()?,
            per_file,
            select: Selector::list(&file.lint.select)?,
            ignore: Selector::list(&file.lint.ignore)?,
            settings: file.lint,
        })
    }

    /// Puts the command line's choice of rules before the file's: a list of rules to ask replaces the file's, what isn't to be
    /// asked is added.
    pub fn choose(&mut self, select: Vec<Selector>, ignore: Vec<Selector>) {
        if !select.is_empty() {
            self.select = select;
        }
        self.ignore.extend(ignore);
    }

    /// The rules for a file of this name.
    #[must_use]
    pub fn rules_for(&self, path: &str) -> Vec<&'static Rule> {
        let more = self.per_file.iter().filter(|(files, _)| files.is_match(path)).flat_map(|(_, rules)| rules);
        let ignore: Vec<_> = self.ignore.iter().chain(more).cloned().collect();
        selected(&self.select, &ignore)
    }

    /// Whether a file of this name is passed over in folders.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        self.excluded.iter().any(|files| files.is_match(path))
    }
}

fn pattern(text: &str) -> Result<GlobMatcher, ConfigError> {
    Glob::new(text)
        .map(|glob| glob.compile_matcher())
        .map_err(|error| ConfigError::Pattern { pattern: text.to_owned(), why: error.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn every_key_is_checked() {
        for (wrong, says) in [
            ("[lint]\nselekt = []", "unknown field `selekt`"),
            ("[lint]\nignore = [\"XYZ\"]", "no rule is called `XYZ`"),
            ("[lint.per-file-ignores]\n\"a[\" = []", "no pattern of file names"),
            ("[[suppress]]\nfile = \"a\"", "missing field `rule`"),
            ("[[suppress]]\nfile = \"a\"\nrule = \"NO\"", "no rule is called `NO`"),
        ] {
            let error = Config::read(wrong).expect_err(wrong).to_string();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }

    #[test]
    fn files_have_ignores_of_their_own() {
        let config =
            Config::read("[lint]\nselect = [\"EXP\", \"RUL\"]\n[lint.per-file-ignores]\n\"tests/**\" = [\"EXP\"]\n");
        let config = config.expect("a configuration");
        let families = |path| config.rules_for(path).iter().map(|rule| rule.family()).collect::<Vec<_>>();
        assert!(families("a.gate").contains(&"EXP"));
        assert!(!families("tests/deep/a.gate").contains(&"EXP"));
        assert!(families("tests/deep/a.gate").contains(&"RUL"));
    }
}
