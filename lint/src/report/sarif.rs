//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format").

use std::collections::BTreeSet;

use callgate_grammar::{Diagnostic, Label, Severity};
use serde_json::{Map, Value, json};

use super::{FINGERPRINT, Place, Places, in_full, level, uri};
use crate::checked::{Checked, Reported, Since};
use crate::finding::Fix;
use crate::rule::Rule;

/// The report: every finding, those that are suppressed and known too; the rules that were asked, with their pages; what couldn't
/// be understood as notifications. `version` is callgate's.
#[must_use]
pub fn sarif(files: &[Checked], rules: &[&'static Rule], version: &str) -> String {
    let found = files.iter().flat_map(|file| file.findings.iter().map(|one| one.finding.rule.id));
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id).chain(found).collect();
    let described: Vec<_> = crate::rules().iter().filter(|rule| ids.contains(rule.id)).collect();
    // The filters of one file are one artifact.
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut results = Vec::new();
    let mut notifications = Vec::new();
    for file in files {
        let places = Places::new(file);
        let result = |one| result(file, one, &places, &described);
        results.extend(file.findings.iter().map(result));
        notifications.extend(file.not_understood.iter().map(|error| notification(file, error, &places)));
    }
    let report = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "callgate",
                "version": version,
                "semanticVersion": version,
                "informationUri": "https://github.com/callgate/callgate",
                "rules": described.iter().map(|rule| described_rule(rule)).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notifications}],
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The folder callgate was run in."}}},
            "columnKind": "unicodeCodePoints",
            "artifacts": names.iter().map(|name| json!({"location": artifact(name)})).collect::<Vec<_>>(),
            "results": results,
        }],
    });
    format!("{report:#}\n")
}

fn described_rule(rule: &Rule) -> Value {
    let page = rule.page();
    let what = one_paragraph(page.section("What"));
    let text = format!("{what}\n\n{}", page.section("Why"));
    json!({
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": what},
        "fullDescription": {"text": text},
        "help": {"text": page.text, "markdown": page.text},
        "defaultConfiguration": {"enabled": rule.default, "level": level(rule.severity)},
        "properties": {"tags": ["security", "seccomp", rule.family()]},
    })
}

fn one_paragraph(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn result(file: &Checked, one: &Reported, places: &Places<'_>, described: &[&Rule]) -> Value {
    let found = &one.finding;
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| drop(object.insert(key.to_owned(), value));
    set("ruleId", found.rule.id.into());
    if let Some(index) = described.iter().position(|rule| rule.id == found.rule.id) {
        set("ruleIndex", index.into());
    }
    set("level", level(found.severity).into());
    set("message", json!({"text": in_full(found)}));
    set("locations", json!([location(file, found.labels.first(), places, None)]));
    set("partialFingerprints", json!({FINGERPRINT: one.fingerprint}));
    if found.labels.len() > 1 {
        let others = found.labels[1..].iter().enumerate();
        let related = others.map(|(index, label)| location(file, Some(label), places, Some(index + 1)));
        set("relatedLocations", related.collect());
        set("codeFlows", json!([flow(file, one, places)]));
    }
    let fixes: Vec<_> = found.fixes.iter().filter_map(|fix| fixed(fix, places)).collect();
    if !fixes.is_empty() {
        set("fixes", fixes.into());
    }
    // An empty list says that suppressions were looked for, which keeps consumers from guessing.
    set(
        "suppressions",
        one.suppressed
            .iter()
            .map(|by| {
                let kind = if by.in_source { "inSource" } else { "external" };
                match &by.reason {
                    Some(reason) => json!({"kind": kind, "status": "accepted", "justification": reason}),
                    None => json!({"kind": kind, "status": "accepted"}),
                }
            })
            .collect(),
    );
    if let Some(since) = one.since {
        set(
            "baselineState",
            match since {
                Since::New => "new",
                Since::Unchanged => "unchanged",
            }
            .into(),
        );
    }
    if let Some(witness) = &found.witness {
        let call =
            json!({"arch": witness.abi.name(), "nr": witness.nr, "args": witness.args, "shown": witness.to_string()});
        set("properties", json!({"witness": call}));
    }
    Value::Object(object)
}

/// How a call gets around what is written: the places that refuse it, then the one that lets it through, with the call.
fn flow(file: &Checked, one: &Reported, places: &Places<'_>) -> Value {
    let labels = one.finding.labels[1..].iter().chain(one.finding.labels.first());
    let last = one.finding.labels.len() - 1;
    let steps = labels.enumerate().map(|(index, label)| {
        let mut step = location(file, Some(label), places, None);
        if index == last
            && let Some(witness) = &one.finding.witness
        {
            step["message"] = json!({"text": witness.to_string()});
        }
        json!({"location": step})
    });
    json!({"threadFlows": [{"locations": steps.collect::<Vec<_>>()}]})
}

fn location(file: &Checked, label: Option<&Label>, places: &Places<'_>, id: Option<usize>) -> Value {
    let place = label.and_then(|label| places.of(label.span));
    let mut physical = json!({"artifactLocation": artifact(place.as_ref().map_or(&file.name, |place| &place.file))});
    if let Some(place) = &place {
        physical["region"] = region(place);
    }
    let mut location = json!({"physicalLocation": physical});
    if let Some(label) = label.filter(|label| !label.text.is_empty()) {
        location["message"] = json!({"text": label.text});
    }
    if let Some(id) = id {
        location["id"] = id.into();
    }
    location
}

fn artifact(name: &str) -> Value {
    let uri = uri(name);
    if uri.starts_with("file://") { json!({"uri": uri}) } else { json!({"uri": uri, "uriBaseId": "SRCROOT"}) }
}

fn region(place: &Place) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

fn fixed(fix: &Fix, places: &Places<'_>) -> Option<Value> {
    let mut file = None;
    let mut replacements = Vec::new();
    for edit in &fix.edits {
        let place = places.of(edit.span)?;
        let mut replacement = json!({"deletedRegion": region(&place)});
        if !edit.text.is_empty() {
            replacement["insertedContent"] = json!({"text": edit.text});
        }
        replacements.push(replacement);
        file = Some(place.file);
    }
    let change = json!({"artifactLocation": artifact(&file?), "replacements": replacements});
    Some(json!({"description": {"text": fix.title}, "artifactChanges": [change]}))
}

fn notification(file: &Checked, error: &Diagnostic, places: &Places<'_>) -> Value {
    json!({
        "level": if error.severity == Severity::Error { "error" } else { "warning" },
        "descriptor": {"id": error.code},
        "message": {"text": error.message},
        "locations": [location(file, error.labels.first(), places, None)],
    })
}
