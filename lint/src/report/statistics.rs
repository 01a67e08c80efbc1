//! Findings counted, by rule and by file: for people as tables, for programs as one JSON object.

use std::collections::BTreeMap;
use std::fmt::Write;

use callgate_grammar::Severity;
use serde_json::{Value, json};

use crate::checked::Checked;
use crate::finding::Safety;
use crate::rule::Rule;

/// What stands for the rule of what couldn't be understood.
const NOT_UNDERSTOOD: &str = "not-understood";

/// How many findings that count there are in these files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// By rule: the most frequent first, then by id.
    pub rules: Vec<RuleCount>,
    /// By file, in the files' order, those without findings too.
    pub files: Vec<FileCount>,
}

/// The findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCount {
    /// Which; `None` for what couldn't be understood.
    pub rule: Option<&'static Rule>,
    /// In how many files.
    pub files: usize,
    /// How many.
    pub count: Count,
}

/// The findings in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCount {
    /// Its name.
    pub name: String,
    /// How many.
    pub count: Count,
    /// By rule's id, those with findings.
    pub rules: BTreeMap<&'static str, usize>,
}

/// Findings by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
    /// Those of all three that `--fix` would be rid of.
    pub fixable: usize,
    /// Those that someone decided to live with, which are in none of the others.
    pub suppressed: usize,
    /// Those that an earlier report has, likewise.
    pub known: usize,
}

impl Count {
    /// Every finding that counts.
    #[must_use]
    pub fn findings(self) -> usize {
        self.errors + self.warnings + self.notes
    }

    fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        } += 1;
    }

    fn json(self) -> Value {
        json!({
            "findings": self.findings(),
            "errors": self.errors,
            "warnings": self.warnings,
            "notes": self.notes,
            "fixable": self.fixable,
            "suppressed": self.suppressed,
            "known": self.known,
        })
    }
}

impl Statistics {
    /// Counts them.
    #[must_use]
    pub fn of(files: &[Checked]) -> Self {
        let mut rules: BTreeMap<&'static str, RuleCount> = BTreeMap::new();
        let files = files.iter().map(|file| of_file(file, &mut rules)).collect();
        let mut rules: Vec<_> = rules.into_values().collect();
        rules.sort_by_key(|one| std::cmp::Reverse(one.count.findings()));
        Self { rules, files }
    }

    /// `{"rules": [{"rule", "name", "files", "findings", …}], "files": [{"file", "findings", …, "rules": {"EXP001": 2}}]}`. What
    /// couldn't be understood has the rule null and, among a file's rules, the name `not-understood`.
    #[must_use]
    pub fn json(&self) -> String {
        let rule = |one: &RuleCount| {
            let named = json!({
                "rule": one.rule.map(|rule| rule.id),
                "name": one.rule.map_or(NOT_UNDERSTOOD, |rule| rule.name),
                "files": one.files,
            });
            merged(named, one.count)
        };
        let file = |one: &FileCount| merged(json!({"file": one.name, "rules": one.rules}), one.count);
        let all = json!({
            "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        });
        format!("{all:#}\n")
    }

    /// Two tables: by rule; and by file, when there are several.
    #[must_use]
    pub fn text(&self) -> String {
        let found: Vec<_> = self.rules.iter().filter(|one| one.count.findings() > 0).collect();
        let mut text = String::new();
        if found.is_empty() {
            return text;
        }
        text.push_str("findings  files  rule    severity  name\n");
        for one in found {
            let (id, name) = one.rule.map_or(("-", NOT_UNDERSTOOD), |rule| (rule.id, rule.name));
            let (findings, worst) = (one.count.findings(), worst(one.count));
            let _ = write!(text, "{findings:>8}  {:>5}  {id:<6}  {worst:<8}  {name}", one.files);
            if one.count.fixable > 0 {
                let _ = write!(text, " ({} by --fix)", one.count.fixable);
            }
            text.push('\n');
        }
        if self.files.len() > 1 {
            text.push_str("\nfindings  file\n");
            for one in &self.files {
                let _ = writeln!(text, "{:>8}  {}{}", one.count.findings(), one.name, listed(&one.rules));
            }
        }
        text
    }
}

/// The worst severity that a rule's findings have.
fn worst(count: Count) -> &'static str {
    match (count.errors, count.warnings) {
        (0, 0) => "note",
        (0, _) => "warning",
        _ => "error",
    }
}

/// `: EXP001 2, RUL003 1`
fn listed(rules: &BTreeMap<&'static str, usize>) -> String {
    let shown: Vec<_> = rules.iter().map(|(id, count)| format!("{id} {count}")).collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

fn merged(mut object: Value, count: Count) -> Value {
    if let (Some(object), Value::Object(count)) = (object.as_object_mut(), count.json()) {
        object.extend(count);
    }
    object
}

fn of_file(file: &Checked, rules: &mut BTreeMap<&'static str, RuleCount>) -> FileCount {
    let mut own: BTreeMap<&'static str, (Option<&'static Rule>, Count)> = BTreeMap::new();
    for one in &file.findings {
        let count = &mut own.entry(one.finding.rule.id).or_insert((Some(one.finding.rule), Count::default())).1;
        if one.counts() {
            count.add(one.finding.severity);
            count.fixable += usize::from(one.finding.fixes.first().is_some_and(|fix| fix.safety == Safety::Safe));
        } else if one.suppressed.is_some() {
            count.suppressed += 1;
        } else {
            count.known += 1;
        }
    }
    for error in &file.not_understood {
        own.entry(NOT_UNDERSTOOD).or_default().1.add(error.severity);
    }
    let mut all = Count::default();
    for (id, (rule, count)) in &own {
        let of_rule = rules.entry(id).or_insert(RuleCount { rule: *rule, files: 0, count: Count::default() });
        of_rule.files += usize::from(count.findings() > 0);
        for sum in [&mut of_rule.count, &mut all] {
            sum.errors += count.errors;
            sum.warnings += count.warnings;
            sum.notes += count.notes;
            sum.fixable += count.fixable;
            sum.suppressed += count.suppressed;
            sum.known += count.known;
        }
    }
    let rules = own.iter().map(|(id, (_, count))| (*id, count.findings())).filter(|(_, count)| *count > 0).collect();
    FileCount { name: file.name.clone(), count: all, rules }
}
