//! docs/lint/: a page for each rule and one table of all, written from the rules themselves. `UPDATE_EXPECT=1` writes them, else
//! they are compared.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use callgate_lint::{Example, Page, Rule, rules};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lint")
}

/// The text on one line, for a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// An example in a cell: a line of code for each of its lines, and how it is read where that matters.
fn code(example: &Example) -> String {
    let lines: Vec<_> = match example.format() {
        // JSON on one line, as long as it is.
        "docker" | "oci" | "podman" => vec![example.text.split_whitespace().collect::<Vec<_>>().join(" ")],
        _ => example.text.lines().map(str::to_owned).collect(),
    };
    let lines: Vec<_> = lines.iter().map(|line| format!("<code>{}</code>", escaped(line))).collect();
    let how = how(example);
    let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
    format!("{}{how}: {}", example.format(), lines.join("<br>"))
}

fn escaped(line: &str) -> String {
    let spaces = line.len() - line.trim_start().len();
    let text = line.trim_start().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "&#124;");
    format!("{}{text}", "&nbsp;".repeat(spaces))
}

/// The options that say how an example is read.
fn how(example: &Example) -> String {
    let options = ["arch", "cap", "kernel", "engine", "libseccomp"];
    let given = options.iter().filter_map(|key| Some(format!("`--{key} {}`", example.option(key)?)));
    given.collect::<Vec<_>>().join(", ")
}

fn severity(rule: &Rule) -> String {
    let severity = format!("{:?}", rule.severity).to_lowercase();
    if rule.default { severity } else { format!("{severity}, when selected") }
}

fn table() -> String {
    let mut text = String::from(
        "# The linter's rules\n\nEach with an input that it finds and one that looks alike and that it leaves alone; \
         `lint/tests/pages.rs` holds it to both.\nWritten by `UPDATE_EXPECT=1 cargo nextest run -p callgate-lint table`.\n\n\
         | rule | name | severity | what | finds | leaves alone |\n|---|---|---|---|---|---|\n",
    );
    for rule in rules() {
        let page = rule.page();
        let first = |heading| page.examples(heading).first().map(code).unwrap_or_default();
        let _ = writeln!(
            text,
            "| [{id}]({id}.md) | {} | {} | {} | {} | {} |",
            rule.name,
            severity(rule),
            cell(page.section("What")),
            first("Example"),
            first("Near miss"),
            id = rule.id,
        );
    }
    text
}

/// The page as people read it: the fences' first lines are for the tests.
fn page(rule: &Rule, page: &Page) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in page.text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            let _ = writeln!(text, "# {}: {title}\n\nSeverity: {}.", rule.id, severity(rule));
        } else if let Some(header) = line.strip_prefix("```").filter(|_| !inside) {
            inside = true;
            let example = Example { header: header.to_owned(), text: String::new() };
            let language = match example.format() {
                "docker" | "oci" | "podman" | "seccompiler" => "json",
                "spo" => "yaml",
                other => other,
            };
            let how = how(&example);
            if !how.is_empty() {
                let _ = writeln!(text, "With {how}:");
            }
            let _ = writeln!(text, "```{language}");
        } else {
            inside = inside && line != "```";
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[test]
fn the_docs_are_what_the_rules_say() {
    let folder = folder();
    let mut files = vec![(folder.join("rules.md"), table())];
    for rule in rules() {
        files.push((folder.join(format!("{}.md", rule.id)), page(rule, &rule.page())));
    }
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    if update {
        std::fs::create_dir_all(&folder).expect("a folder");
    }
    let mut differing = Vec::new();
    for (path, text) in files {
        if update {
            std::fs::write(&path, &text).expect("written");
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            differing.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    assert!(
        differing.is_empty(),
        "docs/lint isn't what the rules say: {}\n  next: UPDATE_EXPECT=1",
        differing.join(", ")
    );
}
