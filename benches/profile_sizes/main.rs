//! How large derived profiles are, beside Docker's default and beside the least that still works.
//!
//! `cargo bench --bench profile_sizes`, as root. Each program is recorded at its work until more runs show nothing new, and a
//! policy is derived. Then calls are refused besides, all that can be: a call can go when the program does all its work without
//! it several times in a row. Each trial's processes live in a cgroup and have process ids of their own, so that a trial ends,
//! and harms nobody, however the program takes the refusal. `-- --write` writes `docs/profile-sizes.md`; `-- --test` measures
//! one small program.

mod derived;
mod page;
#[path = "../../tests/programs/mod.rs"]
#[allow(dead_code, unused_imports)] // the tests need more of it
mod programs;
mod removal;
mod room;
#[path = "../../tests/support.rs"]
#[allow(dead_code)]
mod support;
mod trial;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use programs::Program;
use serde_json::Value;
use tempfile::TempDir;

use derived::Derived;
use removal::least;
use room::Room;
use support::{Need, callgate, have, told, tool};
use trial::{Outcome, Stage};

/// How thorough a measurement is.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// A program is recorded until so many runs in a row show no new call.
    stable: usize,
    /// How often in a row a program has to work without a call.
    tries: usize,
    /// How often it is started at the end with the least.
    confirmed: usize,
}

const WHOLE: Effort = Effort { stable: 4, tries: 3, confirmed: 20 };
const SMALL: Effort = Effort { stable: 1, tries: 1, confirmed: 2 };

/// More runs than this are not recorded, stable or not.
const MOST_RUNS: usize = 20;
/// A program that is kept from nothing is done by then.
const UNHINDERED: Duration = Duration::from_secs(60);
/// A trial hangs when it takes so many times as long as the slowest under the whole policy, and no less than this.
const PATIENCE: (u32, Duration) = (5, Duration::from_secs(3));
/// No program is searched for longer than this.
const SEARCH: Duration = Duration::from_secs(20 * 60);

const NO_ROOM: &str = "needs a cgroup2 that can be written, and unshare(1)";

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

/// What was found of one program.
pub(crate) struct Sizes {
    name: &'static str,
    derived: Derived,
    /// The calls that can be refused as well.
    removed: BTreeSet<String>,
    is_minimal: bool,
    /// How often it worked at the end with the least.
    held: usize,
    /// Instructions of the derived policy's filter, of the same with runc's own calls, and of the least's.
    instructions: [usize; 3],
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if !have(&[Need::Root]) {
        return;
    }
    let Some(room) = Room::new() else {
        assert!(std::env::var_os("CALLGATE_REQUIRE").is_none(), "{NO_ROOM}");
        return eprintln!("skipped: {NO_ROOM}");
    };
    if has("--test") {
        return test(&room);
    }
    let here = PROGRAMS.iter().filter(|(_, tools)| tools.iter().all(|name| tool(name).is_some()));
    let sizes: Vec<_> = here.map(|(prepare, _)| measure(*prepare, &room, WHOLE)).collect();
    let docker = page::Docker { calls: docker_default(), instructions: instructions(&["-e", "use: @docker-default"]) };
    let page = page::page(&sizes, &docker, WHOLE);
    print!("{page}");
    if has("--write") {
        fs::write(support::root().join("docs/profile-sizes.md"), page).expect("the page is written");
    }
}

/// One small program, measured whole; and that trials end.
fn test(room: &Room) {
    let sizes = measure(small, room, SMALL);
    assert!(sizes.is_minimal && sizes.held == SMALL.confirmed, "{} of {}", sizes.held, SMALL.confirmed);
    for needed in ["execve", "read", "openat"] {
        assert!(sizes.derived.allowed.contains_key(needed) && !sizes.removed.contains(needed), "{needed} can't go");
    }
    assert!(sizes.removed.contains("tgkill"), "nothing aborts: {:?}", sizes.removed);
    let folder = TempDir::new().expect("a folder");
    let hanging =
        Program::alone("hanging", ["/bin/sh", "-c", "setsid sleep 600 & exec sleep 600"].map(str::to_owned).into());
    let stage = Stage::new(&hanging, folder.path(), room);
    let start = Instant::now();
    assert_eq!(stage.attempt(&command(&hanging.arguments), Duration::from_millis(300)), Outcome::Hung);
    assert!(start.elapsed() < UNHINDERED, "what hangs is killed, and what it left running too");
    let docker = page::Docker { calls: docker_default(), instructions: instructions(&["-e", "use: @docker-default"]) };
    print!("{}", page::page(&[sizes], &docker, SMALL));
}

/// A shell that forks, and reads a file by another program.
fn small(folder: &Path) -> Program {
    fs::write(folder.join("file"), "text\n").expect("a file");
    Program::alone("sh", ["/bin/sh", "-c", "cat file && echo done"].map(str::to_owned).into())
}

fn command(words: &[String]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn measure(prepare: Prepare, room: &Room, effort: Effort) -> Sizes {
    let (folder, own) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("permissions");
    let program = prepare(folder.path());
    let stage = Stage::new(&program, folder.path(), room);
    let derived = record(&stage, own.path(), effort);
    let run = |refused: &[&str], patience: Duration| {
        let mut command = callgate();
        command.arg("run").arg(&derived.gate);
        if !refused.is_empty() {
            command.arg("-e").arg(denying(refused));
        }
        stage.attempt(command.arg("--").args(&program.arguments), patience)
    };
    let slowest = (0..effort.tries).map(|_| {
        let start = Instant::now();
        assert_eq!(run(&[], UNHINDERED), Outcome::Worked, "{} under its own policy", program.name);
        start.elapsed()
    });
    let patience = slowest.max().map_or(UNHINDERED, |slowest| PATIENCE.1.max(slowest * PATIENCE.0));
    let (trials, hung) = (Cell::new(0), Cell::new(0));
    let works = |refused: &[&str]| {
        (0..effort.tries).all(|_| {
            let outcome = run(refused, patience);
            trials.set(trials.get() + 1);
            hung.set(hung.get() + usize::from(outcome == Outcome::Hung));
            outcome == Outcome::Worked
        })
    };
    let start = Instant::now();
    let groups = [derived.added(), derived.recorded.iter().map(String::as_str).collect()];
    let found = least(&groups, works, || start.elapsed() > SEARCH);
    let held = (0..effort.confirmed).filter(|_| run(&found.removed, patience) == Outcome::Worked).count();
    eprintln!(
        "{}: {} trials in {:.0} s, {} of them hung; patience {:.1} s",
        program.name,
        trials.get(),
        start.elapsed().as_secs_f64(),
        hung.get(),
        patience.as_secs_f64()
    );
    let [gate, for_runc] = [&derived.gate, &derived.gate_for_runc].map(|gate| gate.display().to_string());
    let denied = denying(&found.removed);
    let instructions = [instructions(&[&gate]), instructions(&[&for_runc]), instructions(&[&gate, "-e", &denied])];
    let removed = found.removed.iter().map(|&name| name.to_owned()).collect();
    Sizes { name: program.name, removed, is_minimal: found.is_minimal, held, instructions, derived }
}

/// Records the program at its work until it shows nothing new, and derives its policy.
fn record(stage: &Stage<'_>, own: &Path, effort: Effort) -> Derived {
    let mut seen = BTreeSet::new();
    let mut recordings = Vec::new();
    let mut steady = 0;
    while steady < effort.stable && recordings.len() < MOST_RUNS {
        let recording = own.join(format!("{}.json", recordings.len()));
        let mut record = callgate();
        record.args(["record", "-o"]).arg(&recording).arg("--").args(&stage.program.arguments);
        assert_eq!(stage.record(&record, UNHINDERED), Outcome::Worked, "{} while it is recorded", stage.program.name);
        let before = seen.len();
        seen.extend(derived::seen_in(&recording));
        steady = if seen.len() == before { steady + 1 } else { 0 };
        recordings.push(recording);
    }
    Derived::of(&recordings, own)
}

fn denying(refused: &[&str]) -> String {
    format!("deny: {}", refused.join(", "))
}

/// How many instructions a policy's filter for x86-64 has.
fn instructions(policy: &[&str]) -> usize {
    let output = callgate().arg("compile").args(policy).args(["--arch", "x86_64", "--to", "bpf"]).output();
    let output = output.expect("callgate runs");
    assert!(output.status.success(), "{}", told(&output));
    // `struct sock_filter` (include/uapi/linux/filter.h) has eight bytes.
    output.stdout.len() / 8
}

/// How many names of x86-64 Docker's default allows with some arguments.
fn docker_default() -> usize {
    let mut command = callgate();
    command.args(["compile", "-e", "use: @docker-default", "--arch", "x86_64", "--to", "oci"]);
    let profile: Value = serde_json::from_slice(&command.output().expect("callgate runs").stdout).expect("a profile");
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let names =
        rules.filter(|rule| rule["action"] == "SCMP_ACT_ALLOW").flat_map(|rule| rule["names"].as_array()).flatten();
    names.filter_map(Value::as_str).collect::<BTreeSet<_>>().len()
}
