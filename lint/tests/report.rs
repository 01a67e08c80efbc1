//! The formats of reports: SARIF against its schema, the others against what their readers take.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use callgate_compiler::lower::Groups;
use callgate_lint::{Baseline, Checked, Document, Reading, Rule, check, report, rules};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// A finding with a witness, a suppressed one, one with other labels if a rule makes such.
const POLICY: &str =
    "#[allow(EXP001, \"loads its own module\")]\nallow: init_module, finit_module, delete_module\nallow: all\n";
/// A finding in a file whose name needs to be escaped everywhere.
const NAME: &str = "über, 100%: a&b <c>.gate";

fn checked(name: &str, text: &str) -> Checked {
    let document = Document::of_text(name, text, &Groups::new(), Reading::default());
    check(&document, &all(), &[]).0
}

fn without_findings(name: &str) -> Checked {
    let document = Document::of_text(name, "arch: x86_64\nkill: all\n", &Groups::new(), Reading::default());
    check(&document, &[], &[]).0
}

fn all() -> Vec<&'static Rule> {
    rules().iter().collect()
}

fn files() -> Vec<Checked> {
    let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO", "naems": []}]}"#;
    vec![
        checked("profiles/a.gate", POLICY),
        checked(NAME, POLICY),
        checked("b.json", profile),
        without_findings("good.gate"),
        checked("broken.gate", "arch: nowhere\nallow read\n"),
    ]
}

/// The OASIS schema, which isn't callgate's to ship, as it stands in the sources of a crate that is made from it.
fn schema() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version=1", "--offline", "--locked", "--manifest-path"]).arg(manifest);
    let output = metadata.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let package =
        packages.filter(|package| package["name"] == "serde-sarif").find_map(|it| it["manifest_path"].as_str());
    let path = Path::new(package.expect("serde-sarif")).with_file_name("src").join("schema.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn sarif_is_valid_by_its_schema() {
    let mut schema = schema();
    // A regular expression of a dialect that the validator doesn't take. A report says no language.
    for of in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{of}/properties/language")).expect("a language");
        language.as_object_mut().expect("an object").remove("pattern");
    }
    assert!(schema["title"].as_str().is_some_and(|title| title.contains("2.1.0")), "{}", schema["title"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let baseline = Baseline::read(&report::sarif(&files()[..1], &all(), "1.0.0")).expect("a baseline");
    let mut known = files();
    baseline.mark(&mut known);
    let twice = [files(), files()].concat();
    for files in [Vec::new(), files(), known, twice] {
        let text = report::sarif(&files, &all(), "1.0.0");
        let value = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<_> =
            validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        serde_json::from_str::<serde_sarif::sarif::Sarif>(&text).expect("what others read SARIF with reads it");
    }
    // The test can fail.
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0", "runs": [{"tool": {}}]})));
}

/// What code scanning needs of a report, without the schema.
#[test]
fn sarif_has_what_its_readers_need() {
    let text = report::sarif(&files(), &all(), "1.0.0");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    let driver = &run["tool"]["driver"];
    let described = driver["rules"].as_array().expect("rules");
    assert_eq!(described.len(), rules().len());
    for rule in described {
        for key in ["id", "name"] {
            assert!(rule[key].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
        assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.contains("## Why")), "{rule}");
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
    }
    let results = run["results"].as_array().expect("results");
    assert!(results.len() > 4);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(described[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(result["message"]["text"].is_string());
        assert_eq!(result["partialFingerprints"][report::FINGERPRINT].as_str().map(str::len), Some(16));
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<'), "{uri}");
        if let Some(region) = location.get("region") {
            let [start, end] = ["startLine", "endLine"].map(|key| region[key].as_u64().expect("a line"));
            assert!(1 <= start && start <= end);
        }
        if let Some(flows) = result.get("codeFlows") {
            let steps = flows[0]["threadFlows"][0]["locations"].as_array().expect("steps");
            assert_eq!(steps.len(), result["relatedLocations"].as_array().expect("places").len() + 1);
        }
    }
    let suppressed: Vec<_> = results.iter().filter(|result| result["suppressions"][0]["kind"] == "inSource").collect();
    assert!(!suppressed.is_empty());
    assert!(suppressed.iter().all(|result| result["suppressions"][0]["justification"] == "loads its own module"));
}

#[test]
fn nothing_goes_unsaid_of_a_file_that_cant_be_read() {
    let file = checked("broken.gate", "arch: nowhere\nallow read\n");
    let errors = file.findings.iter().filter(|one| one.finding.severity == callgate_grammar::Severity::Error).count();
    assert!(errors + file.not_understood.len() > 0);
    let nothing = check(&Document::of_text("a", "allow read\n", &Groups::new(), Reading::default()), &[], &[]).0;
    assert!(!nothing.not_understood.is_empty(), "also when no rule is asked");
    let report: Value = serde_json::from_str(&report::sarif(&[nothing], &[], "1.0.0")).expect("JSON");
    assert!(report["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].is_string());
}

#[test]
fn json_is_one_object_a_finding() {
    let files = files();
    let text = report::json(&files);
    let findings = files.iter().map(|file| file.findings.len() + file.not_understood.len()).sum::<usize>();
    assert_eq!(text.lines().count(), findings);
    let mut fingerprints = BTreeMap::new();
    for line in text.lines() {
        let object: Value = serde_json::from_str(line).expect("JSON");
        assert!(object["file"].is_string() && object["message"].is_string(), "{object}");
        if let Some(fingerprint) = object["fingerprint"].as_str() {
            let key = (object["file"].to_string(), fingerprint.to_owned());
            assert!(fingerprints.insert(key, ()).is_none(), "each finding of a file has a name of its own: {object}");
        }
    }
    let suppressed = text.lines().filter(|line| line.contains("loads its own module")).count();
    assert!(suppressed > 0);
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let names = |text: &str| {
        let mut names: Vec<_> = checked("a", text).findings.into_iter().map(|one| one.fingerprint).collect();
        names.sort();
        names
    };
    let moved = format!("# a comment\n\n\n{POLICY}");
    assert_eq!(names(POLICY), names(&moved));
    let other = POLICY.replace("init_module, finit_module", "finit_module");
    assert_ne!(names(POLICY), names(&other));
}

#[test]
fn only_what_is_new_counts_beside_a_baseline() {
    let old = checked("a.gate", POLICY);
    let baseline = Baseline::read(&report::sarif(std::slice::from_ref(&old), &all(), "1.0.0")).expect("a baseline");
    let mut same = [checked("a.gate", &format!("# moved\n{POLICY}"))];
    assert_eq!(baseline.mark(&mut same), 0);
    assert!(same[0].findings.iter().all(|one| !one.counts()));
    let mut another = [checked("a.gate", &format!("{POLICY}allow: kexec_load\n")), checked("b.gate", POLICY)];
    baseline.mark(&mut another);
    assert!(another[1].findings.iter().any(callgate_lint::Reported::counts), "another file's are new");
    let mut none = [checked("a.gate", "arch: x86_64\nkill: all\nallow: read\n")];
    assert!(baseline.mark(&mut none) > 0, "what is gone is counted");
    assert!(Baseline::read("{}").is_err());
    assert!(Baseline::read("no JSON").is_err());
}

#[test]
fn github_takes_one_line_a_finding() {
    let text = report::github(&files());
    assert!(text.lines().count() > 3);
    for line in text.lines() {
        let (properties, message) = line.strip_prefix("::").and_then(|line| line.split_once("::")).expect("a command");
        assert!(["error ", "warning ", "notice "].iter().any(|name| properties.starts_with(name)), "{line}");
        assert!(properties.split(',').all(|property| property.matches('=').count() >= 1), "{line}");
        assert!(!message.is_empty());
    }
    assert!(text.contains("file=über%2C 100%25%3A a&b <c>.gate,line="), "{text}");
    let suppressed = text.lines().filter(|line| line.contains("file=profiles/a.gate") && line.contains("title=EXP001"));
    assert_eq!(suppressed.count(), 0, "what is suppressed is no annotation");
}

#[test]
fn gitlab_takes_an_array_of_issues() {
    let issues: Value = serde_json::from_str(&report::gitlab(&files())).expect("JSON");
    let issues = issues.as_array().expect("an array");
    let mut names: Vec<_> = issues.iter().map(|issue| issue["fingerprint"].as_str().expect("a name")).collect();
    for issue in issues {
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().expect("one")));
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
        assert!(issue["description"].is_string() && issue["check_name"].is_string());
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), all > 3), (all, true), "fingerprints are each issue's own");
}

#[test]
fn junit_is_xml_that_adds_up() {
    let text = report::junit(&files()).expect("a report");
    let mut reader = Reader::from_str(&text);
    let (mut cases, mut failures, mut said) = (0, 0, BTreeMap::new());
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) | Event::Empty(tag) => {
                let attributes = tag.attributes().map(|attribute| attribute.expect("an attribute"));
                let attributes: BTreeMap<String, String> =
                    attributes.map(|one| (one.key.as_ref().to_owned(), one.value.into_owned())).collect();
                match tag.name().as_ref() {
                    "testsuites" => said = attributes,
                    "testcase" => cases += 1,
                    "failure" => failures += 1,
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((said["tests"].parse(), said["failures"].parse()), (Ok(cases), Ok(failures)));
    assert!(cases > failures && failures > 3);
}
