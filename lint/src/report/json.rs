//! One JSON object a finding, one a line.

use callgate_grammar::{Diagnostic, Label};
use serde_json::{Value, json};

use super::{Place, Places, level};
use crate::checked::{Checked, Reported, Since};
use crate::finding::{Fix, Safety};

/// Every finding of these files, one object a line, those that are suppressed and known too; then what couldn't be understood,
/// with `rule` null and `code`.
#[must_use]
pub fn json(files: &[Checked]) -> String {
    let mut text = String::new();
    for file in files {
        let places = Places::new(file);
        let findings = file.findings.iter().map(|one| finding(file, one, &places));
        let errors = file.not_understood.iter().map(|error| not_understood(file, error, &places));
        for object in findings.chain(errors) {
            text.push_str(&object.to_string());
            text.push('\n');
        }
    }
    text
}

fn finding(file: &Checked, one: &Reported, places: &Places<'_>) -> Value {
    let found = &one.finding;
    json!({
        "file": file.name,
        "rule": found.rule.id,
        "name": found.rule.name,
        "severity": level(found.severity),
        "message": found.message,
        "places": found.labels.iter().map(|label| labelled(label, places)).collect::<Vec<_>>(),
        "witness": found.witness.as_ref().map(|witness| json!({
            "arch": witness.abi.name(),
            "syscall": witness.name(),
            "nr": witness.nr,
            "args": witness.args,
            "shown": witness.to_string(),
        })),
        "notes": found.notes,
        "help": found.help,
        "fixes": found.fixes.iter().map(|fix| fixed(fix, places)).collect::<Vec<_>>(),
        "fingerprint": one.fingerprint,
        "suppressed": one.suppressed.as_ref().map(|by| json!({
            "in": if by.in_source { "file" } else { "configuration" },
            "reason": by.reason,
        })),
        "baseline": one.since.map(|since| match since {
            Since::New => "new",
            Since::Unchanged => "unchanged",
        }),
    })
}

fn not_understood(file: &Checked, error: &Diagnostic, places: &Places<'_>) -> Value {
    json!({
        "file": file.name,
        "rule": null,
        "code": error.code,
        "severity": level(error.severity),
        "message": error.message,
        "places": error.labels.iter().map(|label| labelled(label, places)).collect::<Vec<_>>(),
        "notes": error.notes,
        "help": error.help,
    })
}

/// A place, null where it is in no file, with what stands there.
fn labelled(label: &Label, places: &Places<'_>) -> Value {
    let mut object = places.of(label.span).map_or_else(|| json!({"file": null}), |place| of_place(&place));
    object["text"] = label.text.clone().into();
    object
}

fn of_place(place: &Place) -> Value {
    json!({
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    })
}

fn fixed(fix: &Fix, places: &Places<'_>) -> Value {
    let edits = fix.edits.iter().filter_map(|edit| {
        let mut object = of_place(&places.of(edit.span)?);
        object["insert"] = edit.text.clone().into();
        Some(object)
    });
    json!({"title": fix.title, "safe": fix.safety == Safety::Safe, "edits": edits.collect::<Vec<_>>()})
}
