//! How large derived profiles are, beside Docker's default and beside the least that still works.
//!
//! `cargo bench --bench profile_sizes`, as root. Each program is recorded and a policy is derived. Then calls are refused one
//! after the other: one without which the program works each of several times stays refused, so what is left is the least found
//! by removal. Nothing below that is to be had, and much of it is a matter of luck: a call that was refused without harm today is
//! one that the program makes and may need tomorrow. `-- --write` writes `docs/profile-sizes.md`; `-- --test` tries one program and
//! few calls.

#[path = "../../tests/programs/mod.rs"]
#[allow(dead_code, unused_imports)] // the tests need more of it
mod programs;
#[path = "../../tests/support.rs"]
#[allow(dead_code)]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use programs::{End, Program};
use serde_json::Value;
use support::{callgate, told, tool};
use tempfile::TempDir;

/// How often a program has to work without a call.
const TRIES: usize = 3;
/// After that it hangs: calls of locks and waits, refused, make some programs spin.
const PATIENCE: Duration = Duration::from_secs(20);

type Prepare = fn(&Path) -> Program;

/// The programs, and the tools they need.
const PROGRAMS: &[(Prepare, &[&str])] = &[
    (programs::nginx, &["nginx"]),
    (programs::redis, &["redis-server"]),
    (programs::python, &["python3"]),
    (programs::node, &["node"]),
    (programs::go, &["go"]),
    (programs::jvm, &["java", "javac"]),
];

struct Sizes {
    name: &'static str,
    /// Calls that were seen.
    seen: usize,
    /// Calls that the derived policy allows.
    derived: usize,
    /// The same with what runc needs.
    with_runc: usize,
    /// Calls left after removal.
    least: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (most_programs, most_calls) = if has("--test") { (1, 3) } else { (usize::MAX, usize::MAX) };
    let docker = docker_default();
    let here = PROGRAMS.iter().filter(|(_, tools)| tools.iter().all(|name| tool(name).is_some()));
    let sizes: Vec<_> = here.take(most_programs).map(|(prepare, _)| measure(*prepare, most_calls)).collect();
    let mut page = format!(
        "# How large derived profiles are\n\nWritten by `cargo bench --bench profile_sizes -- --write`. Calls of x86-64 that are allowed, with whatever arguments. Docker's\n\
         default allows {docker} (with its 14 capabilities). The least is found by removal under `errno(EPERM)`: a call stays away when the program\n\
         works {TRIES} times of {TRIES} without it, so it holds no call that only an error or an unlucky moment would make.\n\n\
         | program | seen | derived | with runc's own | the least found | Docker's default |\n|---|--:|--:|--:|--:|--:|\n"
    );
    for Sizes { name, seen, derived, with_runc, least } in &sizes {
        page.push_str(&format!("| {name} | {seen} | {derived} | {with_runc} | {least} | {docker} |\n"));
    }
    print!("{page}");
    if has("--write") {
        fs::write(support::root().join("docs/profile-sizes.md"), page).expect("the page is written");
    }
}

fn measure(prepare: Prepare, most_calls: usize) -> Sizes {
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("permissions");
    let program = prepare(folder.path());
    let recording = folder.path().join("recording.json");
    let mut record = callgate();
    record.args(["record", "-o"]).arg(&recording).arg("--").args(&program.arguments);
    let mut child = quiet(&mut record);
    program.drive(&mut child);
    stop(&program, folder.path());
    let output = child.wait_with_output().expect("a child");
    assert!(output.status.success(), "{}: {}", program.name, told(&output));
    let seen = names_seen(&recording);
    let gate = derive(&recording, &[]);
    let allowed = allowed(&gate);
    let with_runc = self::allowed(&derive(&recording, &["--runtime", "runc"])).len();
    assert!(works(&program, folder.path(), &gate, &[], TRIES), "{}: its own policy", program.name);
    let mut refused: Vec<&str> = Vec::new();
    for call in allowed.iter().take(most_calls) {
        refused.push(call);
        if !works(&program, folder.path(), &gate, &refused, TRIES) {
            refused.pop();
        }
    }
    // All of them together, once more: what is left has to be enough.
    assert!(works(&program, folder.path(), &gate, &refused, 1), "{}: the least", program.name);
    eprintln!("{}: without harm: {}", program.name, refused.join(" "));
    Sizes { name: program.name, seen, derived: allowed.len(), with_runc, least: allowed.len() - refused.len() }
}

fn quiet(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Ends a program that waits for its signal.
fn stop(program: &Program, folder: &Path) {
    if let End::Signal(signal) = program.end {
        let pid = programs::nginx::pid(folder);
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill runs").success());
    }
}

/// Whether a program does its work under a policy without some calls, so many times.
fn works(program: &Program, folder: &Path, gate: &Path, refused: &[&str], times: usize) -> bool {
    (0..times).all(|_| works_once(program, folder, gate, refused))
}

fn works_once(program: &Program, folder: &Path, gate: &Path, refused: &[&str]) -> bool {
    for left in ["pid", "access", "dump.rdb", "client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = fs::remove_file(folder.join(left));
        let _ = fs::remove_dir_all(folder.join(left));
    }
    let mut command = callgate();
    command.arg("run").arg(gate);
    if !refused.is_empty() {
        command.arg("-e").arg(format!("deny: {}", refused.join(", ")));
    }
    command.arg("--").args(&program.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().expect("callgate runs");
    // A program that breaks in the middle of its work makes its clients panic: that is an answer here.
    let driven = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        program.drive(&mut child);
        stop(program, folder);
    }));
    let deadline = Instant::now() + PATIENCE;
    let mut status = child.try_wait().expect("a child");
    while status.is_none() && driven.is_ok() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
        status = child.try_wait().expect("a child");
    }
    let worked = driven.is_ok() && status.is_some_and(|status| status.success());
    // Whatever it left running goes with it.
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
    let _ = child.wait();
    worked
}

fn derive(recording: &Path, options: &[&str]) -> PathBuf {
    let gate = recording.with_extension(format!("{}.gate", options.len()));
    let output = callgate().arg("derive").arg(recording).args(options).arg("-o").arg(&gate).output();
    let output = output.expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    gate
}

/// The names of x86-64 that a policy allows with some arguments.
fn allowed(gate: &Path) -> Vec<String> {
    let mut command = callgate();
    command.arg("compile").arg(gate).args(["--arch", "x86_64", "--to", "oci"]);
    names_allowed(&command.output().expect("callgate runs").stdout)
}

fn names_allowed(profile: &[u8]) -> Vec<String> {
    let profile: Value = serde_json::from_slice(profile).expect("a profile");
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let names =
        rules.filter(|rule| rule["action"] == "SCMP_ACT_ALLOW").flat_map(|rule| rule["names"].as_array()).flatten();
    let mut names: Vec<_> = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

fn names_seen(recording: &Path) -> usize {
    let recording: Value = serde_json::from_slice(&fs::read(recording).expect("a recording")).expect("JSON");
    let rows = recording["runs"].as_array().into_iter().flatten().flat_map(|run| run["rows"].as_array()).flatten();
    let mut names: Vec<_> = rows.map(|row| row["nr"].as_u64()).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

fn docker_default() -> usize {
    let mut command = callgate();
    command.args(["compile", "-e", "use: @docker-default", "--arch", "x86_64", "--to", "oci"]);
    names_allowed(&command.output().expect("callgate runs").stdout).len()
}
