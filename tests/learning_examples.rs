//! The examples of learning from tests, with the runners they are for: learn, hold, and fail when a test does something new.
//! docs/learning.md shows their commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Need, callgate, have, root, told, tool};

/// One way to learn from one kind of project.
struct Example {
    /// Its folder under examples/.
    folder: &'static str,
    learn: &'static str,
    locked: &'static str,
    /// What the test that does something new makes the runner say: the statement, and the test.
    said: &'static [&'static str],
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a file");
        }
    }
}

/// Runs a script of the example as a person would.
fn script(folder: &Path, name: &str, archive: bool) -> Output {
    let mut command = Command::new("sh");
    as_a_person(command.arg(name), folder);
    if archive {
        command.env("ARCHIVE", "1");
    }
    command.output().expect("sh runs")
}

/// In the folder, with callgate in PATH, and no runner around it.
pub(crate) fn as_a_person(command: &mut Command, folder: &Path) {
    let ours = callgate();
    let ours = Path::new(ours.get_program()).parent().expect("a folder").display().to_string();
    let rest = std::env::var("PATH").unwrap_or_default();
    for (variable, _) in std::env::vars_os() {
        let of_a_runner = ["NEXTEST", "CARGO", "RUST_TEST", "PYTEST", "LD_LIBRARY_PATH"];
        let variable = variable.to_string_lossy().into_owned();
        let kept = ["CARGO_HOME"].contains(&variable.as_str());
        if of_a_runner.iter().any(|prefix| variable.starts_with(prefix)) && !kept {
            command.env_remove(variable);
        }
    }
    command
        .current_dir(folder)
        .env("PATH", format!("{ours}:/usr/bin:/bin:{rest}"))
        .env("GOCACHE", folder.join("go-cache"))
        .env("GOFLAGS", "-mod=mod")
        .env("CARGO_NET_OFFLINE", "true");
}

impl Example {
    fn holds(&self) {
        let place = TempDir::new().expect("a folder");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let folder = place.path().join(self.folder);
        copy(&root().join("examples").join(self.folder), &folder);

        let learned = script(&folder, self.learn, false);
        assert!(learned.status.success(), "{}", told(&learned));
        assert!(fs::read_dir(folder.join("seen")).expect("recordings").count() > 0);
        let policy = fs::read_to_string(folder.join("seen.gate")).expect("a policy");
        assert!(policy.starts_with("# Derived by callgate from "), "{policy}");

        let held = script(&folder, self.locked, false);
        assert!(held.status.success(), "{}", told(&held));

        let new = script(&folder, self.locked, true);
        let said = told(&new);
        assert!(!new.status.success(), "{said}");
        for part in self.said {
            assert!(said.contains(part), "{part}:\n{said}");
        }
    }
}

#[test]
fn cargo_test() {
    if !have(&[Need::Tool("cargo"), Need::Tool("rustc")]) {
        return;
    }
    let said = &["add `allow: mkdir`", "/notes-"];
    Example { folder: "cargo", learn: "learn.sh", locked: "locked.sh", said }.holds();
}

/// cargo-nextest is no package of a distribution, so the gate doesn't ask for it; what it asks of a runner is asked in
/// `nextest_runner.rs`.
#[test]
fn cargo_nextest() {
    if tool("cargo-nextest").is_none() {
        eprintln!("skipped: needs cargo-nextest");
        return;
    }
    let said = &["add `allow: mkdir`", "the test notes::notes archives (`"];
    Example { folder: "cargo", learn: "learn-nextest.sh", locked: "locked-nextest.sh", said }.holds();
}

#[test]
fn go_test() {
    if !have(&[Need::Tool("go")]) {
        return;
    }
    let said = &["add `allow: symlinkat`", "the test TestArchive (`", "/notes.test"];
    Example { folder: "go", learn: "learn.sh", locked: "locked.sh", said }.holds();
}

#[test]
fn ctest() {
    if !have(&[Need::Tool("cmake"), Need::Tool("gcc")]) {
        return;
    }
    Example {
        folder: "ctest",
        learn: "learn.sh",
        locked: "locked.sh",
        said: &["add `allow: mkdir`", "/notes archives`"],
    }
    .holds();
}

#[test]
fn meson() {
    if !have(&[Need::Tool("meson"), Need::Tool("ninja"), Need::Tool("gcc")]) {
        return;
    }
    Example {
        folder: "meson",
        learn: "learn.sh",
        locked: "locked.sh",
        said: &["add `allow: mkdir`", "/notes archives`"],
    }
    .holds();
}

#[test]
fn pytest() {
    if !have(&[Need::Tool("pytest-3"), Need::Tool("python3")]) {
        return;
    }
    let said = &["add `allow: mknod", "the test test_notes.py::test_archive (`", "1 failed, 1 passed, 1 skipped"];
    Example { folder: "pytest", learn: "learn.sh", locked: "locked.sh", said }.holds();
}

/// The page shows every script as it is.
#[test]
fn the_page_shows_what_is_tested() {
    let page = fs::read_to_string(root().join("docs/learning.md")).expect("a page");
    let mut scripts = 0;
    for example in ["cargo", "go", "ctest", "meson", "pytest"] {
        for entry in fs::read_dir(root().join("examples").join(example)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "sh") {
                let text = fs::read_to_string(&path).expect("a script");
                let (_, commands) = text.split_once("set -eu\n").expect("a script that stops at an error");
                assert!(
                    page.contains(&format!("```sh\n{commands}```")),
                    "{} isn't in the page:\n{commands}",
                    path.display()
                );
                scripts += 1;
            }
        }
    }
    assert_eq!(scripts, 12);
}
