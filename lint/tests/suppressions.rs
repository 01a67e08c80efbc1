//! Which findings a suppression is about.

use callgate_compiler::lower::Groups;
use callgate_lint::{Config, Document, Reading, check, rule, suppressions};

/// The lines (from 1) of the findings of EXP001 that count.
#[track_caller]
fn lines(text: &str) -> Vec<usize> {
    let document = Document::of_text("a", text, &Groups::new(), Reading::default());
    let (checked, _) = check(&document, &[rule("EXP001").expect("a rule")], &[]);
    assert!(checked.not_understood.is_empty(), "{:?}", checked.not_understood);
    let counting = checked.findings.iter().filter(|one| one.counts());
    counting.map(|one| document.sources.line_column(document.source, one.finding.labels[0].span.start).0).collect()
}

const SYS_MODULE: &str = "arch: x86_64\ndeny: all\n";

#[test]
fn in_a_policy_it_is_about_the_next_statement_or_its_own() {
    let policy = |rest: &str| lines(&format!("{SYS_MODULE}{rest}"));
    assert_eq!(policy("allow: init_module\n").len(), 1);
    assert!(policy("#[allow(EXP001, \"why\")]\nallow: init_module\n").is_empty());
    assert!(policy("#[allow(kernel-module-loading, \"why\")]\nallow: init_module\n").is_empty());
    assert!(policy("#[allow(EXP, RUL, \"why\")]\n\n# more\nallow: init_module\n").is_empty());
    assert!(policy("allow: init_module #[allow(EXP001, \"why\")]\n").is_empty());
    assert_eq!(policy("#[allow(EXP001, \"why\")]\nallow: read\nallow: init_module\n").len(), 1, "of another statement");
    assert_eq!(policy("#[allow(RUL, \"why\")]\nallow: init_module\n").len(), 1, "of another rule");
    assert!(policy("allow: init_module\nallow: read\n#![allow(EXP001, \"why\")]\n").is_empty(), "of the whole file");
    assert!(policy("#[allow(EXP001, \"why\")]\nwhen kernel >= 3.0 {\n  allow: init_module\n}\n").is_empty());
    assert!(policy("allow: read,\n  #[allow(EXP001, \"why\")]\n  init_module\n").is_empty(), "inside of a list");
    assert!(policy("allow: read, #[allow(RUL, \"why\")]\n  init_module #[allow(EXP001, \"why\")]\n").is_empty());
}

#[test]
fn in_json_it_is_about_the_object_it_is_in() {
    let profile = |first: &str, whole: &str| {
        lines(&format!(
            r#"{{
  "defaultAction": "SCMP_ACT_ERRNO",{whole}
  "syscalls": [
    {{"names": ["init_module"], "action": "SCMP_ACT_ALLOW"{first}}},
    {{"names": ["read"], "action": "SCMP_ACT_ALLOW"}}
  ]
}}"#
        ))
    };
    assert_eq!(profile("", "").len(), 1);
    assert!(profile(r#", "comment": "callgate: allow(EXP001) because } of \"this\"""#, "").is_empty());
    assert_eq!(profile(r#", "comment": "callgate: allow(RUL001) because""#, "").len(), 1);
    let elsewhere = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["init_module"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "callgate: allow(EXP001) why"}]}"#;
    assert_eq!(lines(elsewhere), [2]);
    let whole = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["init_module"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "callgate: allow-file(EXP001) why"}]}"#;
    assert!(lines(whole).is_empty());
}

#[test]
fn in_other_texts_it_is_about_its_line_or_the_next_block() {
    assert_eq!(lines("read: 1\ninit_module: 1\n"), [2]);
    assert!(lines("read: 1\n# callgate: allow(EXP001) why\ninit_module: 1\n").is_empty());
    assert_eq!(lines("# callgate: allow(EXP001) why\nread: 1\ninit_module: 1\n"), [3]);
    assert!(lines("# callgate: allow-file(EXP001) why\nread: 1\ninit_module: 1\n").is_empty());
    let yaml = "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata:\n  name: a\nspec:\n  \
                defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n  # callgate: allow(EXP001) why\n  - action: SCMP_ACT_ALLOW\n    \
                names:\n    - init_module\n";
    assert!(lines(yaml).is_empty());
    assert_eq!(lines(&yaml.replace("EXP001", "RUL001")), [11]);
}

#[test]
fn reasons_are_kept_as_they_are() {
    let read = |text: &str| {
        let document = Document::of_text("a", text, &Groups::new(), Reading::default());
        suppressions(&document).into_iter().map(|one| (one.rules, one.reason)).collect::<Vec<_>>()
    };
    let one = |reason: Option<&str>| vec![(vec!["EXP001".to_owned()], reason.map(str::to_owned))];
    assert_eq!(
        read("#[allow(EXP001, \"it \\\"has\\\" to (really)\")]\nallow: all\n"),
        one(Some("it \\\"has\\\" to (really)"))
    );
    assert_eq!(read("#[allow(EXP001)]\nallow: all\n"), one(None));
    assert_eq!(read("#[allow(EXP001, \" \")]\nallow: all\n"), one(None));
    assert_eq!(read("# callgate: allow(EXP001)\nread: 1\n"), one(None));
    assert_eq!(read("# callgate: allow(EXP001): why not\nread: 1\n"), one(Some("why not")));
    assert!(read("# [allow(EXP001)] is how it is done\nallow: all\n").is_empty());
}

#[test]
fn a_configuration_suppresses_by_file_rule_and_call() {
    let config = Config::read(
        "[[suppress]]\nfile = \"p/*.gate\"\nrule = \"EXP001\"\ncall = \"init_module\"\nreason = \"why\"\n",
    );
    let config = config.expect("a configuration");
    let entry = &config.suppress[0];
    assert!(entry.is_about("p/a.gate") && !entry.is_about("q/a.gate"));
    let counting = |call: &str| {
        let text = format!("{SYS_MODULE}allow: {call}\n");
        let document = Document::of_text("p/a.gate", &text, &Groups::new(), Reading::default());
        let (checked, used) = check(&document, &[rule("EXP001").expect("a rule")], &[(0, entry)]);
        (checked.findings.iter().filter(|one| one.counts()).count(), used.len())
    };
    assert_eq!(counting("init_module"), (0, 1));
    assert_eq!(counting("finit_module"), (1, 0));
}

/// The blocks of docs/lint.md in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let text = include_str!("../../docs/lint.md");
    let opening = format!("\n```{language}\n");
    text.split(&opening).skip(1).map(|block| block.split("\n```").next().unwrap_or_default()).collect()
}

#[test]
fn the_documentation_shows_what_is_read() {
    let config = Config::read(blocks("toml")[0]).expect("a configuration");
    assert_eq!(config.suppress.len(), 1);
    let policy = Document::of_text("a", blocks("gate")[0], &Groups::new(), Reading::default());
    assert_eq!(policy.said, []);
    assert_eq!(suppressions(&policy).len(), 3);
    assert!(suppressions(&policy).iter().all(|one| one.reason.is_some()));
}
