//! GitLab's code quality report (docs.gitlab.com, "Code Quality": `description`, `check_name`, `fingerprint`, `severity`,
//! `location.path`, `location.lines.begin`).

use callgate_grammar::{Label, Severity};
use serde_json::{Value, json};

use super::{Places, in_full};
use crate::checked::Checked;
use crate::fingerprint::hash;

/// An array with an object a finding that counts.
#[must_use]
pub fn gitlab(files: &[Checked]) -> String {
    let mut issues: Vec<Value> = Vec::new();
    for file in files {
        let places = Places::new(file);
        let path = file.name.strip_prefix("./").unwrap_or(&file.name);
        let mut issue = |name: &str, severity: Severity, labels: &[Label], description: String, fingerprint: String| {
            let place = labels.first().and_then(|label| places.of(label.span));
            let (path, line) = match &place {
                Some(place) => (place.file.strip_prefix("./").unwrap_or(&place.file), place.line),
                None => (path, 1),
            };
            issues.push(json!({
                "description": description,
                "check_name": name,
                "fingerprint": fingerprint,
                "severity": match severity {
                    Severity::Error => "critical",
                    Severity::Warning => "major",
                    Severity::Note => "info",
                },
                "location": {"path": path, "lines": {"begin": line}},
            }));
        };
        for one in file.findings.iter().filter(|one| one.counts()) {
            let found = &one.finding;
            // Across files a name has to be its own too.
            issue(found.rule.id, found.severity, &found.labels, in_full(found), hash(&[path, &one.fingerprint]));
        }
        for error in &file.not_understood {
            let at = error.labels.first().map_or(0, |label| label.span.start).to_string();
            let fingerprint = hash(&[path, error.code, &error.message, &at]);
            issue(error.code, error.severity, &error.labels, error.message.clone(), fingerprint);
        }
    }
    format!("{:#}\n", Value::Array(issues))
}
