//! What other repositories run: the GitHub action, the GitLab template and the pre-commit hooks, with the built callgate.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use saphyr_parser::{Event, Parser};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Need, have, root, told};

/// YAML as JSON values, enough of it for these files: every scalar is a string.
fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).expect(path);
    let mut events = Parser::new_from_str(&text).map(|event| event.unwrap_or_else(|error| panic!("{path}: {error}")).0);
    events.find(|event| matches!(event, Event::DocumentStart(_)));
    let first = events.next().expect("a document");
    value(first, &mut events)
}

fn value<'a>(event: Event<'a>, rest: &mut impl Iterator<Item = Event<'a>>) -> Value {
    match event {
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut list = Vec::new();
            loop {
                match rest.next().expect("an end") {
                    Event::SequenceEnd => return Value::Array(list),
                    event => list.push(value(event, rest)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut object = serde_json::Map::new();
            loop {
                match rest.next().expect("an end") {
                    Event::MappingEnd => return Value::Object(object),
                    Event::Scalar(key, ..) => {
                        let event = rest.next().expect("a value");
                        object.insert(key.into_owned(), value(event, rest));
                    }
                    event => panic!("a key that is no scalar: {event:?}"),
                }
            }
        }
        event => panic!("{event:?}"),
    }
}

/// A repository with one profile that has an error in it and one that hasn't.
fn repository() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("profiles")).expect("a folder");
    let profile =
        json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALOW"}]});
    fs::write(folder.path().join("profiles/wrong.json"), profile.to_string()).expect("a file");
    fs::write(folder.path().join("good.gate"), "arch: x86_64\ndeny: all\nallow: read, write, exit_group\n")
        .expect("a file");
    folder
}

fn bash(script: &str, folder: &Path, variables: &BTreeMap<String, String>) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_callgate")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    // As runners call it.
    let flags = ["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script];
    Command::new("bash").args(flags).current_dir(folder).envs(variables).env("PATH", path).output().expect("bash")
}

/// `${{ inputs.NAME }}` as the action's defaults, or as given.
fn expanded(text: &str, action: &Value, given: &[(&str, &str)]) -> String {
    let mut text = text.replace("${{ github.action_path }}", &root().join("ci/github").display().to_string());
    for (name, input) in action["inputs"].as_object().expect("inputs") {
        let set = given.iter().find(|(given, _)| given == name).map(|(_, value)| *value);
        let value = set.or(input["default"].as_str()).expect("a default");
        text = text.replace(&format!("${{{{ inputs.{name} }}}}"), value);
    }
    assert!(!text.contains("${{"), "{text}");
    text
}

#[test]
fn the_github_action_writes_a_report_and_then_fails() {
    if !have(&[Need::Tool("bash")]) {
        return;
    }
    let action = yaml("ci/github/action.yml");
    assert_eq!(action["runs"]["using"], "composite");
    let folder = repository();
    for (paths, succeeds) in [("good.gate --select FMT", true), (". --select FMT", false)] {
        let mut last = None;
        for step in action["runs"]["steps"].as_array().expect("steps") {
            let Some(script) = step["run"].as_str() else {
                assert_eq!(step["uses"], "github/codeql-action/upload-sarif@v3");
                assert_eq!(step["with"]["sarif_file"], "${{ inputs.sarif }}");
                continue;
            };
            assert_eq!(step["shell"], "bash", "composite steps name their shell");
            let variables = step["env"].as_object().expect("variables").iter();
            let variables = variables.map(|(name, value)| {
                (name.clone(), expanded(value.as_str().expect("text"), &action, &[("paths", paths)]))
            });
            let output = bash(script, folder.path(), &variables.collect());
            assert!(last.is_none_or(|succeeded| succeeded), "only the last step fails");
            last = Some(output.status.success());
            if !output.status.success() {
                assert_eq!(output.status.code(), Some(1), "{}", told(&output));
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(said.contains("::error file=profiles/wrong.json,line=1,"), "{}", told(&output));
            }
        }
        assert_eq!(last, Some(succeeds));
        let report = fs::read_to_string(folder.path().join("callgate.sarif")).expect("a report");
        let report: Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(report["version"], "2.1.0");
        fs::remove_file(folder.path().join("callgate.sarif")).expect("the report");
    }
}

#[test]
fn the_gitlab_job_writes_both_reports_and_then_fails() {
    if !have(&[Need::Tool("bash")]) {
        return;
    }
    let template = yaml("ci/gitlab/callgate-lint.yml");
    let folder = repository();
    let variables = template["variables"].as_object().expect("variables").iter();
    let mut variables: BTreeMap<String, String> =
        variables.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect();
    variables.insert("CALLGATE_ARGUMENTS".to_owned(), "--select FMT".to_owned());
    let job = &template["callgate-lint"];
    let scripts =
        [&job["before_script"], &job["script"]].map(|list| list.as_array().expect("a script").clone()).concat();
    for (index, line) in scripts.iter().enumerate() {
        let output = bash(line.as_str().expect("a line"), folder.path(), &variables);
        let expected = if index + 1 == scripts.len() { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{}", told(&output));
    }
    let reports = &job["artifacts"]["reports"];
    let quality = fs::read_to_string(folder.path().join(reports["codequality"].as_str().expect("a name")));
    let quality: Value = serde_json::from_str(&quality.expect("a report")).expect("JSON");
    assert_eq!(quality[0]["location"]["path"], "profiles/wrong.json");
    let cases = fs::read_to_string(folder.path().join(reports["junit"].as_str().expect("a name"))).expect("a report");
    assert!(cases.contains("<testsuite name=\"good.gate\" tests=\"1\" failures=\"0\">"), "{cases}");
}

#[test]
fn the_pre_commit_hooks_run() {
    if !have(&[Need::Tool("bash")]) {
        return;
    }
    let hooks = yaml(".pre-commit-hooks.yaml");
    let folder = repository();
    for hook in hooks.as_array().expect("hooks") {
        for key in ["id", "name", "entry", "language", "files"] {
            assert!(hook[key].is_string(), "{key}");
        }
        let entry = hook["entry"].as_str().expect("a command");
        let arguments = if entry == "callgate lint" { "--select FMT good.gate" } else { "good.gate" };
        let output = bash(&format!("{entry} {arguments}"), folder.path(), &BTreeMap::new());
        assert!(output.status.success(), "{}", told(&output));
    }
    let output = bash("callgate lint profiles/wrong.json", folder.path(), &BTreeMap::new());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
}
