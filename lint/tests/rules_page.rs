//! docs/rules.md: every rule with an input that it finds and one that it leaves alone, from the pages.
//! `UPDATE_EXPECT=1` writes it anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use callgate_lint::{Example, Rule, report, rules};

const HEAD: &str = "\
# Rules

Every rule of `callgate lint`, with an input that it finds and one that looks alike and that it leaves alone. `callgate explain RULE`
prints why, what to write instead, and where it is written.

Written by `lint/tests/rules_page.rs`: `UPDATE_EXPECT=1 cargo nextest run -p callgate-lint --test rules_page`

";

fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| rule | name | severity |\n|---|---|---|\n");
    for rule in rules() {
        let asked = if rule.default { "" } else { ", only with `--select`" };
        // Anchors have no dots.
        let anchor = format!("{}-{}", rule.id.to_lowercase(), rule.name.replace('.', ""));
        let level = report::level(rule.severity);
        let _ = writeln!(text, "| [{}](#{anchor}) | {} | {level}{asked} |", rule.id, rule.name);
    }
    for rule in rules() {
        entry(&mut text, rule);
    }
    text
}

fn entry(text: &mut String, rule: &Rule) {
    let page = rule.page();
    let _ = writeln!(text, "\n## {} {}\n\n{}\n", rule.id, rule.name, page.section("What"));
    for (title, heading) in [("Found", "Example"), ("Left alone", "Near miss")] {
        let Some(first) = page.examples(heading).into_iter().next() else { continue };
        let _ = writeln!(text, "{title}{}:\n\n```{}\n{}```\n", read_as(&first), first.format(), first.text);
    }
    // One blank line between rules.
    text.truncate(text.trim_end().len());
    text.push('\n');
}

/// The settings that an example is read with.
fn read_as(example: &Example) -> String {
    let keys = ["engine", "arch", "kernel", "cap", "libseccomp", "seen"];
    let set = keys.iter().filter_map(|key| Some(format!("{key} {}", example.option(key)?))).collect::<Vec<_>>();
    if set.is_empty() { String::new() } else { format!(" ({})", set.join(", ")) }
}

#[test]
fn the_rules_are_documented_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let written = page();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &written).expect("docs/rules.md");
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == written, "docs/rules.md isn't as the rules are: UPDATE_EXPECT=1 writes it anew");
}
