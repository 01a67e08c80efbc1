//! The invariants of ARCHITECTURE.md that a test can hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::root;

/// Each crate and the crates of the house it may know. Arrows point one way.
const LAYERS: &[(&str, &[&str])] = &[
    ("callgate-grammar", &[]),
    ("callgate-compiler", &["callgate-grammar"]),
    ("callgate-profiles", &["callgate-compiler", "callgate-grammar"]),
    ("callgate-lint", &["callgate-profiles", "callgate-compiler", "callgate-grammar"]),
    ("callgate-tracer", &["callgate-profiles", "callgate-compiler"]),
    ("callgate", &["callgate-tracer", "callgate-lint", "callgate-profiles", "callgate-compiler", "callgate-grammar"]),
];

fn metadata(dependencies: bool) -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--offline", "--all-features"]);
    // Crates for other systems may not have been downloaded.
    command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]).current_dir(root());
    if !dependencies {
        command.arg("--no-deps");
    }
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().expect("packages").iter()
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata(false);
    let mut seen = BTreeMap::new();
    for package in packages(&metadata) {
        let name = package["name"].as_str().expect("name").to_owned();
        let inside: Vec<_> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .map(|dependency| dependency["name"].as_str().expect("name").to_owned())
            .filter(|name| name.starts_with("callgate"))
            .collect();
        seen.insert(name, inside);
    }
    assert_eq!(seen.len(), LAYERS.len(), "a crate is missing from LAYERS: {seen:?}");
    for (name, allowed) in LAYERS {
        for dependency in &seen[*name] {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_command_line_knows_clap_and_colours_and_only_the_tracer_the_kernel() {
    let metadata = metadata(false);
    for package in packages(&metadata) {
        let name = package["name"].as_str().expect("name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let dependency = dependency["name"].as_str().expect("name");
            let allowed = match dependency {
                "clap" | "annotate-snippets" | "ignore" | "indicatif" => name == "callgate",
                "aya" | "libc" | "nix" => name == "callgate-tracer",
                "pest" | "pest_derive" => name == "callgate-grammar",
                _ => true,
            };
            assert!(allowed, "{name} must not depend on {dependency}");
        }
    }
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file")
}

#[test]
fn unsafe_code_is_in_the_tracer_only() {
    for entry in [
        "grammar/src/lib.rs",
        "compiler/src/lib.rs",
        "profiles/src/lib.rs",
        "lint/src/lib.rs",
        "src/main.rs",
        "tests/main.rs",
    ] {
        assert!(text(&root().join(entry)).contains("#![forbid(unsafe_code)]"), "{entry}");
    }
}

#[test]
fn the_pure_crates_touch_nothing() {
    let outside = [
        "std::fs",
        "std::os::",
        "std::process",
        "std::time",
        "std::env::",
        "std::net",
        "std::io::stdin",
        "println!",
        "eprintln!",
        "target_os",
    ];
    for folder in ["grammar/src", "compiler/src", "profiles/src", "lint/src"] {
        for path in sources(folder) {
            let text = text(&path);
            // What a test of the crate does is its own business.
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            if path.file_stem().is_some_and(|stem| stem == "tests")
                || path.components().any(|part| part.as_os_str() == "tests")
            {
                continue;
            }
            for (number, line) in product.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for word in outside {
                    assert!(!line.contains(word), "{}:{}: {word}", path.display(), number + 1);
                }
            }
        }
    }
}

#[test]
fn the_pinned_compiler_is_new_enough_for_every_crate() {
    let metadata = metadata(true);
    let version = |text: &str| -> Vec<u32> { text.split('.').filter_map(|part| part.parse().ok()).collect() };
    let ours = packages(&metadata)
        .find(|package| package["name"] == "callgate")
        .and_then(|package| package["rust_version"].as_str())
        .map(version)
        .expect("rust-version is pinned");
    assert!(ours <= version("1.95"), "newer than stable 1.95");
    let mut most = Vec::new();
    for package in
        packages(&metadata).filter(|package| !package["name"].as_str().is_some_and(|name| name.starts_with("callgate")))
    {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        assert!(version(needed)[..2] <= ours[..], "{} needs {needed}", package["name"]);
        most = most.max(version(needed)[..2].to_vec());
    }
    assert_eq!(most, ours, "no crate needs a compiler this new: lower rust-version");
}

#[test]
fn no_file_names_a_machine() {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let Ok(output) = output.map_err(|error| eprintln!("skipped: needs git: {error}")) else { return };
    let files = String::from_utf8(output.stdout).expect("names are UTF-8");
    // Split so that this file isn't a hit itself.
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/home", "/"), concat!("/tmp", "/wt")];
    for name in files.split('\0').filter(|name| !name.is_empty() && !name.starts_with("LICENSE")) {
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        for path in paths {
            assert!(!text.contains(path), "{name} has {path}");
        }
    }
}
