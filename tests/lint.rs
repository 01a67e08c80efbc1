//! `callgate lint` and `callgate explain RULE` as people type them.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use snapbox::IntoData as _;
use tempfile::TempDir;

use crate::support::{Need, Sleeper, callgate, have, root, told};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// For a process that may load modules, so that EXP001 is an error.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = callgate();
    command.arg("lint").args(arguments).args(["--cap", "SYS_MODULE"]).current_dir(folder).stdin(Stdio::null());
    command.output().expect("callgate runs")
}

#[track_caller]
fn exits(folder: &Path, arguments: &[&str], status: i32) -> (String, String) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(status), "{}", told(&output));
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

/// The rules of what was found, with the file.
#[track_caller]
fn found(folder: &Path, arguments: &[&str]) -> Vec<(String, String)> {
    let output = run(folder, &[arguments, &["--format", "json"]].concat());
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", told(&output));
    let objects = String::from_utf8(output.stdout).expect("text");
    let object = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
    let counts = |object: &Value| object["suppressed"].is_null() && object["baseline"] != "unchanged";
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    objects.lines().map(object).filter(counts).map(|object| (text(&object["file"]), text(&object["rule"]))).collect()
}

fn pair(file: &str, rule: &str) -> (String, String) {
    (file.to_owned(), rule.to_owned())
}

const MODULES: &str = "arch: x86_64\ndeny: all\nallow: init_module\n";
const GOOD: &str = "arch: x86_64\ndeny: all\nallow: read, write, exit_group\n";

#[test]
fn a_finding_stands_where_it_is_and_says_what_shows_it() {
    let folder = folder(&[("modules.gate", MODULES)]);
    let (out, err) = exits(folder.path(), &["modules.gate", "--select", "EXP001"], 1);
    let shown = "\
error[EXP001]: `init_module` is within reach: it loads code into the kernel
 --> modules.gate:3:8
  |
3 | allow: init_module
  |        ^^^^^^^^^^^ [..]
  |
  = note: for example: init_module() on x86_64: allow
...
";
    snapbox::Assert::new().eq(out, shown.into_data());
    assert_eq!(err, "1 file: 1 error\n");
}

#[test]
fn the_exit_status_follows_fail_on() {
    let folder = folder(&[("bad.gate", MODULES), ("good.gate", GOOD)]);
    let select = ["--select", "EXP001"];
    exits(folder.path(), &[&["good.gate"], &select[..]].concat(), 0);
    exits(folder.path(), &[&["bad.gate"], &select[..]].concat(), 1);
    exits(folder.path(), &[&["bad.gate", "--fail-on", "never"], &select[..]].concat(), 0);
    exits(folder.path(), &["bad.gate", "--ignore", "EXP001", "--select", "EXP001"], 0);
    exits(folder.path(), &["missing.gate"], 2);
    exits(folder.path(), &["bad.gate", "--select", "NONE"], 2);
    exits(folder.path(), &["bad.gate", "--baseline", "missing.sarif"], 2);
    exits(folder.path(), &[], 2);
    let (_, err) = exits(folder.path(), &["missing.gate", "bad.gate", "--select", "EXP001"], 2);
    assert!(err.contains("can't read missing.gate") && err.contains("1 file: 1 error"), "{err}");
}

#[test]
fn folders_are_walked_and_what_is_no_profile_passed_over() {
    let folder = folder(&[
        ("a/modules.gate", MODULES),
        (
            "a/b/profile.json",
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW"}]}"#,
        ),
        ("a/package.json", r#"{"name": "x", "dependencies": {}}"#),
        ("a/empty.json", "{}"),
        ("a/notes.md", "allow: all\n"),
        ("a/minijail.policy", "init_module: 1\n"),
        ("ignored/modules.gate", MODULES),
        (".ignore", "ignored\n"),
    ]);
    let all =
        [pair("a/b/profile.json", "EXP001"), pair("a/minijail.policy", "EXP001"), pair("a/modules.gate", "EXP001")];
    assert_eq!(found(folder.path(), &[".", "--select", "EXP001"]), all);
    assert_eq!(found(folder.path(), &["a", "a/modules.gate", "--select", "EXP001"]), all, "each file once");
    let (_, err) = exits(folder.path(), &[".", "--select", "EXP001"], 1);
    assert!(err.contains("3 files: 3 errors; 3 files passed over"), "{err}");
}

#[test]
fn what_a_file_uses_is_found_once_and_a_part_is_no_file() {
    let folder = folder(&[
        ("part.gate", "allow: init_module\n"),
        ("one.gate", "arch: x86_64\ndeny: all\nuse: \"part.gate\"\n"),
        ("two.gate", "arch: x86_64\nkill: all\nuse: \"part.gate\"\n"),
    ]);
    let (out, err) = exits(folder.path(), &[".", "--select", "EXP001"], 1);
    assert_eq!(out.matches("part.gate:1:8").count(), 1, "{out}");
    assert!(err.contains("2 files: 1 error; 1 files only parts of others"), "{err}");
    let (out, _) = exits(folder.path(), &["part.gate"], 0);
    assert!(out.contains("doesn't say what happens"), "named, it is looked at by itself: {out}");
}

#[test]
fn a_broken_file_is_a_finding_and_no_failure() {
    let folder = folder(&[("a.gate", "arch x86_64\n"), ("b.json", "{\"defaultAction\": ")]);
    for file in ["a.gate", "b.json"] {
        for select in [&[][..], &["--select", "EXP001"]] {
            let (out, _) = exits(folder.path(), &[&[file], select].concat(), 1);
            assert!(out.contains(&format!("--> {file}:1:")), "{out}");
        }
    }
}

#[test]
fn settings_come_from_the_nearest_file_and_the_command_line_before_them() {
    let config =
        "[lint]\nselect = [\"EXP\"]\nfail-on = \"never\"\n[lint.per-file-ignores]\n\"tests/**\" = [\"EXP001\"]\n";
    let folder = folder(&[("callgate.toml", config), ("a/bad.gate", MODULES), ("tests/bad.gate", MODULES)]);
    let select = ["--select", "EXP001"];
    assert_eq!(found(folder.path(), &[&["."], &select[..]].concat()), [pair("a/bad.gate", "EXP001")]);
    exits(folder.path(), &["."], 0);
    exits(folder.path(), &[".", "--fail-on", "error"], 1);
    exits(&folder.path().join("a"), &["bad.gate"], 0);
    exits(folder.path(), &["tests", "--select", "EXP001", "--fail-on", "note"], 0);
    fs::write(folder.path().join("other.toml"), "[lint]\nselekt = []\n").expect("a file");
    let (_, err) = exits(folder.path(), &[".", "--config", "other.toml"], 2);
    assert!(err.contains("other.toml") && err.contains("selekt"), "{err}");
    fs::write(folder.path().join("other.toml"), "[lint]\nengine = \"lxc\"\n").expect("a file");
    exits(folder.path(), &[".", "--config", "other.toml"], 2);
}

#[test]
fn a_configuration_suppresses_and_excludes() {
    let config =
        "[lint]\nexclude = [\"vendor/**\"]\n[[suppress]]\nfile = \"a/*.gate\"\nrule = \"EXP001\"\nreason = \"why\"\n";
    let folder = folder(&[("callgate.toml", config), ("a/bad.gate", MODULES), ("vendor/bad.gate", MODULES)]);
    let (_, err) = exits(folder.path(), &[".", "--select", "EXP001"], 0);
    assert!(err.contains("1 suppressed") && err.contains("passed over"), "{err}");
}

#[test]
fn only_what_is_new_fails_beside_a_baseline() {
    let folder = folder(&[("bad.gate", MODULES)]);
    let select = ["--select", "EXP001"];
    exits(folder.path(), &[&["bad.gate", "--format", "sarif", "-o", "old.sarif"], &select[..]].concat(), 1);
    fs::write(folder.path().join("bad.gate"), format!("# moved\n{MODULES}")).expect("a file");
    let against = [&["bad.gate", "--baseline", "old.sarif"], &select[..]].concat();
    let (out, err) = exits(folder.path(), &against, 0);
    assert!(out.is_empty() && err.contains("1 in the baseline"), "{out}{err}");
    fs::write(folder.path().join("bad.gate"), format!("{MODULES}allow: finit_module\n")).expect("a file");
    exits(folder.path(), &against, 1);
    fs::write(folder.path().join("bad.gate"), GOOD).expect("a file");
    let (_, err) = exits(folder.path(), &against, 0);
    assert!(err.contains("1 of the baseline gone"), "{err}");
}

#[test]
fn every_format_is_written_and_the_same_twice() {
    let folder = folder(&[("bad.gate", MODULES), ("good.gate", GOOD)]);
    for (format, has) in [
        ("human", "error[EXP001]"),
        ("json", "\"rule\":\"EXP001\""),
        ("sarif", "\"ruleId\": \"EXP001\""),
        ("github", "::error file=bad.gate,line=3"),
        ("gitlab", "\"check_name\": \"EXP001\""),
        ("junit", "<testcase classname=\"bad.gate\" name=\"EXP001"),
    ] {
        let arguments = [".", "--select", "EXP001", "--format", format];
        let (out, _) = exits(folder.path(), &arguments, 1);
        assert!(out.contains(has), "{out}");
        exits(folder.path(), &[&arguments[..], &["-o", "out"]].concat(), 1);
        assert_eq!(fs::read_to_string(folder.path().join("out")).expect("a report"), out);
        fs::remove_file(folder.path().join("out")).expect("the report");
    }
}

#[test]
fn standard_input_and_filters_are_linted() {
    let folder = folder(&[("modules.gate", MODULES)]);
    let mut command = callgate();
    command.args(["lint", "-", "--select", "EXP001", "--cap", "SYS_MODULE"]).current_dir(folder.path());
    command.stdin(fs::File::open(folder.path().join("modules.gate")).expect("a file"));
    let output = command.output().expect("callgate runs");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("--> -:3:8"), "{}", told(&output));
    let mut compile = callgate();
    compile.args(["compile", "modules.gate", "--to", "bpf", "-o", "modules.bpf"]).current_dir(folder.path());
    let compiled = compile.output().expect("callgate runs");
    assert!(compiled.status.success(), "{}", told(&compiled));
    assert_eq!(found(folder.path(), &["modules.bpf", "--select", "EXP001"]), [pair("modules.bpf", "EXP001")]);
    let report = run(folder.path(), &["modules.bpf", "--select", "EXP001", "--format", "sarif"]);
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let location = &report["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert!(location["region"].is_null(), "a filter has no lines: {location}");
}

#[test]
fn fixes_are_shown_or_made() {
    let wrong = "{\n  \"defaultaction\": \"SCMP_ACT_ERRNO\",\n  \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\"}]\n}\n";
    let folder = folder(&[("a.json", wrong), ("good.gate", GOOD)]);
    let text = || fs::read_to_string(folder.path().join("a.json")).expect("the file");
    let select = ["--select", "FMT003"];
    let (out, _) = exits(folder.path(), &[&["good.gate", "--diff"], &select[..]].concat(), 0);
    assert_eq!(out, "");
    let (out, _) = exits(folder.path(), &[&["a.json", "--diff"], &select[..]].concat(), 1);
    let shown = "\
--- a/a.json
+++ b/a.json
@@ -1,4 +1,4 @@
 {
-  \"defaultaction\": \"SCMP_ACT_ERRNO\",
+  \"defaultAction\": \"SCMP_ACT_ERRNO\",
[..]
 }
";
    snapbox::Assert::new().eq(out, shown.into_data());
    assert_eq!(text(), wrong, "--diff writes nothing");
    let (_, err) = exits(folder.path(), &[&[".", "--fix"], &select[..]].concat(), 0);
    assert_eq!(text(), wrong.replace("defaultaction", "defaultAction"));
    assert!(
        err.contains("a.json: fixed FMT003: ") && err.contains("a.json: no call is decided in another way"),
        "{err}"
    );
    assert!(err.ends_with("2 files: nothing found\n"), "{err}");
}

#[test]
fn a_fix_that_makes_things_worse_isnt_made() {
    // With `names` for `naems` the key would stand there twice.
    let wrong = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n  {\"naems\": [\"read\"], \"names\": [\"write\"], \
                 \"action\": \"SCMP_ACT_ALLOW\"}\n]}\n";
    let folder = folder(&[("a.json", wrong)]);
    let (out, err) = exits(folder.path(), &["a.json", "--unsafe-fixes", "--select", "FMT002"], 1);
    assert!(err.contains("a.json: not fixed: FMT002: write `names`: "), "{err}");
    assert!(out.contains("error[FMT002]"), "the finding stays: {out}");
    assert_eq!(fs::read_to_string(folder.path().join("a.json")).expect("the file"), wrong);
}

#[test]
fn a_rule_is_explained() {
    let explain = |name: &str| callgate().args(["explain", name]).current_dir(root()).output().expect("callgate runs");
    for name in ["EXP001", "exp001", "kernel-module-loading"] {
        let output = explain(name);
        assert!(output.status.success(), "{}", told(&output));
        let page = String::from_utf8(output.stdout).expect("text");
        assert!(page.starts_with("# kernel-module-loading\n") && page.contains("\n## Why\n"), "{page}");
    }
    let rules = explain("RULES");
    let list = String::from_utf8(rules.stdout).expect("text");
    assert!(list.lines().any(|line| line.starts_with("EXP001  error    kernel-module-loading")), "{list}");
    let output = explain("EXP999");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

#[test]
fn every_filter_of_a_file_with_several_is_linted() {
    let filters = r#"{
  "one": {"mismatch_action": "trap", "match_action": "allow", "filter": [{"syscall": "read"}]},
  "two": {"mismatch_action": "trap", "match_action": "allow", "filter": [{"syscall": "init_module"}]}
}"#;
    let folder = folder(&[("filters.json", filters)]);
    let select = ["--select", "EXP001"];
    let found = |file| found(folder.path(), &[&[file], &select[..]].concat());
    assert_eq!(found("filters.json"), [pair("filters.json", "EXP001")]);
    assert_eq!(found("."), [pair("filters.json", "EXP001")]);
    assert_eq!(found("filters.json#one"), []);
}

#[test]
fn the_exposure_is_told_for_people_and_programs() {
    let folder = folder(&[("web.gate", GOOD)]);
    let (out, _) = exits(folder.path(), &["web.gate", "--exposure"], 0);
    assert!(out.starts_with("web.gate on x86_64; Linux 6.12; with "), "{out}");
    let (out, _) = exits(folder.path(), &["web.gate", "--exposure", "--format", "json"], 0);
    let array: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(array.as_array().map(Vec::len), Some(1));
    exits(folder.path(), &["web.gate", "--exposure", "--format", "sarif"], 2);
    fs::write(folder.path().join("web.gate"), "arch x86_64\n").expect("a file");
    exits(folder.path(), &["web.gate", "--exposure"], 2);
}

#[test]
fn workloads_are_linted_with_the_profiles_they_name() {
    let compose = |options: &str| format!("services:\n  web:\n    image: nginx\n    security_opt: [\"{options}\"]\n");
    let folder = folder(&[
        ("none/compose.yaml", &compose("seccomp=unconfined")),
        ("missing/compose.yaml", &compose("seccomp=./none.json")),
        ("named/compose.yml", &compose("seccomp:web.seccomp-profile")),
        (
            "named/web.seccomp-profile",
            r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["init_module"], "action": "SCMP_ACT_ALLOW"}]}"#,
        ),
        ("chart/values.yaml", "services:\n  port: 80\n"),
    ]);
    let select = ["--select", "RTM012,EXP001"];
    let expected = [
        pair("missing/compose.yaml", "RTM012"),
        pair("none/compose.yaml", "RTM012"),
        pair("named/web.seccomp-profile", "EXP001"),
    ];
    assert_eq!(found(folder.path(), &[&["."], &select[..]].concat()), expected);
    assert_eq!(found(folder.path(), &[&["named/compose.yml"], &select[..]].concat()), expected[2..]);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: nginx\n    \
               securityContext:\n      seccompProfile: {type: Localhost, localhostProfile: web.seccomp-profile}\n";
    fs::write(folder.path().join("pod.yaml"), pod).expect("a file");
    assert_eq!(found(folder.path(), &[&["pod.yaml"], &select[..]].concat()), [], "the file is on another machine");
    let found_there = found(folder.path(), &[&["pod.yaml", "--include-dir", "named"], &select[..]].concat());
    assert_eq!(found_there, expected[2..]);
    assert_eq!(
        found(folder.path(), &[&["pod.yaml", "--include-dir", "none"], &select[..]].concat()),
        [pair("pod.yaml", "RTM012")]
    );
}

#[test]
fn findings_are_counted_by_rule_and_by_file() {
    let twice = format!("{MODULES}allow: ptrace\n#[allow(EXP001, \"why\")]\nallow: delete_module\n");
    let folder = folder(&[("bad.gate", &twice), ("broken.gate", "arch x86_64\n"), ("good.gate", GOOD)]);
    let select = ["--select", "EXP001,EXP002", "--statistics"];
    let (out, err) = exits(folder.path(), &[&["bad.gate"], &select[..]].concat(), 1);
    assert_eq!(
        out, "findings  files  rule    severity  name\n       1      1  EXP001  error     kernel-module-loading\n",
        "one file needs no table of files"
    );
    assert!(err.ends_with("1 file: 1 error; 1 suppressed\n"), "{err}");
    let (out, _) = exits(folder.path(), &[&["."], &select[..]].concat(), 1);
    let shown = "\
findings  files  rule    severity  name
       1      1  EXP001  error     kernel-module-loading
       1      1  -       error     not-understood

findings  file
       1  bad.gate: EXP001 1
       1  broken.gate: not-understood 1
       0  good.gate
";
    assert_eq!(out, shown);
    let (out, _) = exits(folder.path(), &[&[".", "--format", "json", "-o", "counts"], &select[..]].concat(), 1);
    assert_eq!(out, "");
    let text = fs::read_to_string(folder.path().join("counts")).expect("a report");
    let counts: Value = serde_json::from_str(&text).expect("JSON");
    let of_rule = &counts["rules"][0];
    assert_eq!((&of_rule["rule"], &of_rule["name"]), (&"EXP001".into(), &"kernel-module-loading".into()));
    assert_eq!((&of_rule["findings"], &of_rule["errors"], &of_rule["suppressed"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(counts["rules"][1]["rule"], Value::Null);
    assert_eq!(counts["files"][0]["rules"], serde_json::json!({"EXP001": 1}));
    assert_eq!(
        counts["files"][2],
        serde_json::json!({
            "file": "good.gate", "rules": {}, "findings": 0, "errors": 0, "warnings": 0, "notes": 0, "fixable": 0,
            "suppressed": 0, "known": 0,
        })
    );
    let (_, err) = exits(folder.path(), &[&[".", "--format", "sarif"], &select[..]].concat(), 2);
    assert!(err.contains("findings are counted as text or JSON"), "{err}");
}

#[test]
fn the_libseccomp_of_the_target_counts() {
    let profile = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], "listenerPath": "/run/agent.sock",
        "syscalls": [{"names": ["read", "mseal"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 17, "op": "SCMP_CMP_LT"}]},
            {"names": ["socket"], "action": "SCMP_ACT_KILL_PROCESS",
                "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]}"#;
    let folder = folder(&[("web.json", profile)]);
    let rules = |more: &[&str]| {
        let arguments = [&["web.json", "--engine", "crun", "--select", "RTM002,RTM009,RTM011"], more].concat();
        found(folder.path(), &arguments).into_iter().map(|(_, rule)| rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[]), [""; 0]);
    assert_eq!(rules(&["--libseccomp", "2.5.5"]), ["RTM011", "RTM002", "RTM009"]);
    assert_eq!(rules(&["--libseccomp", "2.5.6"]), ["RTM011", "RTM009"], "its table has mseal");
    assert_eq!(rules(&["--libseccomp", "2.6.0"]), ["RTM009"], "it has the flag");
    fs::write(folder.path().join("callgate.toml"), "[lint]\nlibseccomp = \"debian12\"\n").expect("a file");
    assert_eq!(rules(&[]), ["RTM011", "RTM002", "RTM009"]);
    assert_eq!(rules(&["--libseccomp", "2.6.1"]), [""; 0], "the command line comes before");
    fs::write(folder.path().join("callgate.toml"), "[lint]\nlibseccomp = \"1.0\"\n").expect("a file");
    let (_, err) = exits(folder.path(), &["web.json"], 2);
    assert!(err.contains("no libseccomp is called `1.0`") && err.contains("2.5.0, 2.5.1"), "{err}");
}

#[test]
fn filters_are_held_to_their_source() {
    let folder = folder(&[("web.gate", GOOD), ("other.gate", "arch: x86_64\ndeny: all\nallow: read, exit_group\n")]);
    let compile = callgate()
        .args(["compile", "web.gate", "--to", "bpf", "-o", "web.bpf"])
        .current_dir(folder.path())
        .output()
        .expect("callgate runs");
    assert!(compile.status.success(), "{}", told(&compile));
    let held_to = |source| [&["web.bpf", "--select", "BPF006", "--source"][..], &[source]].concat();
    exits(folder.path(), &held_to("web.gate"), 0);
    let (out, _) = exits(folder.path(), &held_to("other.gate"), 1);
    assert!(out.contains("error[BPF006]: the filter answers `allow` to write, its source `errno(1)`"), "{out}");
    let (_, err) = exits(folder.path(), &["web.gate", "--source", "other.gate"], 2);
    assert!(err.contains("no file is a compiled filter"), "{err}");
    fs::write(folder.path().join("other.gate"), "arch x86_64\n").expect("a file");
    let (_, err) = exits(folder.path(), &held_to("other.gate"), 2);
    assert!(err.contains("other.gate can't be read"), "{err}");
}

#[test]
fn a_bar_is_shown_on_a_terminal_alone() {
    if !have(&[Need::Tool("script")]) {
        return;
    }
    let names: Vec<String> = (0..60).map(|at| format!("{at:02}.gate")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), MODULES)).collect();
    let (many, few) = (folder(&files), folder(&files[..10]));
    // On a pseudo-terminal, where both streams are one.
    let on_terminal = |folder: &Path| {
        let line = format!("'{}' lint . --fail-on never -o findings", env!("CARGO_BIN_EXE_callgate"));
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(folder).stdin(Stdio::null());
        let output = script.env("TERM", "xterm").output().expect("script runs");
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let shown = on_terminal(many.path());
    assert!(shown.contains("/60 files") && shown.contains("60 files: "), "{shown:?}");
    assert!(!on_terminal(few.path()).contains("/10 files"));
    let (out, err) = exits(many.path(), &[".", "--fail-on", "never", "-o", "findings"], 0);
    assert!(out.is_empty() && err.lines().count() == 1 && !err.contains("/60"), "{out}{err}");
}

#[test]
fn the_filters_of_a_living_process_are_linted() {
    let folder = folder(&[("sleep.gate", "allow: all\ndeny: init_module\n"), ("all.gate", "allow: all\n")]);
    let Some(sleeper) = Sleeper::under("sleep.gate", folder.path()) else { return };
    let pid = &sleeper.pid;
    let filter = format!("filter 0 of process {pid}");
    let select = ["--select", "EXP001,SIB001"];
    let pid_and = |more: &[&'static str]| [&["--pid", pid.as_str()], &select[..], more].concat();
    assert_eq!(found(folder.path(), &pid_and(&[])), [pair(&filter, "EXP001"), pair(&filter, "SIB001")]);
    let with_files = found(folder.path(), &pid_and(&["all.gate"]));
    assert!(with_files.contains(&pair("all.gate", "EXP001")) && with_files.contains(&pair(&filter, "EXP001")));
    let held = |source| [&["--pid", pid.as_str(), "--select", "BPF006", "--source"][..], &[source]].concat();
    exits(folder.path(), &held("sleep.gate"), 0);
    exits(folder.path(), &held("all.gate"), 1);
    let (_, err) = exits(folder.path(), &["--pid", "8388608"], 2);
    assert!(err.contains("there is no process"), "{err}");
}
