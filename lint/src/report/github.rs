//! GitHub's workflow commands: annotations of a run's log
//! (docs.github.com, "Workflow commands for GitHub Actions": `error`, `warning`, `notice`).

use callgate_grammar::{Label, Severity};

use super::{Places, in_full};
use crate::checked::Checked;

/// A line a finding that counts.
#[must_use]
pub fn github(files: &[Checked]) -> String {
    let mut text = String::new();
    for file in files {
        let places = Places::new(file);
        for one in file.findings.iter().filter(|one| one.counts()) {
            let found = &one.finding;
            let title = format!("{} {}", found.rule.id, found.rule.name);
            command(&mut text, file, &places, found.severity, &found.labels, &title, &in_full(found));
        }
        for error in &file.not_understood {
            command(&mut text, file, &places, error.severity, &error.labels, error.code, &error.message);
        }
    }
    text
}

fn command(
    text: &mut String,
    file: &Checked,
    places: &Places<'_>,
    severity: Severity,
    labels: &[Label],
    title: &str,
    message: &str,
) {
    let name = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = labels.first().and_then(|label| places.of(label.span));
    let mut properties = vec![("file", place.as_ref().map_or(&file.name, |place| &place.file).clone())];
    if let Some(place) = place {
        properties.push(("line", place.line.to_string()));
        properties.push(("endLine", place.end_line.to_string()));
        // Columns are of one line only.
        if place.line == place.end_line {
            properties.push(("col", place.column.to_string()));
            properties.push(("endColumn", place.end_column.to_string()));
        }
    }
    properties.push(("title", title.to_owned()));
    let properties: Vec<_> = properties.into_iter().map(|(key, value)| format!("{key}={}", property(&value))).collect();
    text.push_str(&format!("::{name} {}::{}\n", properties.join(","), data(message)));
}

/// As @actions/core escapes the message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As @actions/core escapes a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
