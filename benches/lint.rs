//! A repository of a thousand profiles, linted by the command as CI runs it.
//!
//! Each profile is Docker's default (317 names, its capabilities and kernels) without one of its rules and with a call or two of its
//! own, so that no two are alike. Beside the time it prints how many files and findings there were. `cargo bench --bench lint`
//! takes a minute; with `-- --test` it runs once.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROFILES: usize = 1000;
const ADDED: [&str; 7] = ["init_module", "kexec_load", "bpf", "userfaultfd", "keyctl", "perf_event_open", "ptrace"];

fn callgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_callgate"))
}

/// Docker's default as JSON.
fn base() -> Value {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/policies/docker-default.gate");
    let output = callgate().arg("compile").arg(policy).args(["--to", "docker"]).output().expect("callgate runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn repository() -> TempDir {
    let base = base();
    let rules = base["syscalls"].as_array().expect("rules").len();
    let folder = TempDir::new().expect("a folder");
    for number in 0..PROFILES {
        let mut profile = base.clone();
        let syscalls = profile["syscalls"].as_array_mut().expect("rules");
        syscalls.remove(number % rules);
        let names = [ADDED[number % ADDED.len()], ADDED[number / ADDED.len() % ADDED.len()]];
        syscalls.push(json!({"names": names, "action": "SCMP_ACT_ALLOW", "comment": format!("service {number}")}));
        let path = folder.path().join(format!("team-{}", number % 20));
        fs::create_dir_all(&path).expect("a folder");
        let text = serde_json::to_string_pretty(&profile).expect("JSON");
        fs::write(path.join(format!("service-{number}.json")), text).expect("a file");
    }
    folder
}

fn lint(folder: &Path, format: &str, output: &str) {
    let status = callgate()
        .args(["lint", ".", "--engine", "docker", "--fail-on", "never", "--format", format, "-o", output])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .expect("callgate runs");
    assert!(status.success());
}

fn a_thousand_profiles(criterion: &mut Criterion) {
    let folder = repository();
    // No profile by its name.
    let report = "report.out";
    lint(folder.path(), "json", report);
    let findings = fs::read_to_string(folder.path().join(report)).expect("a report").lines().count();
    println!("{PROFILES} profiles, {findings} findings");
    let mut group = criterion.benchmark_group("lint");
    group.sample_size(10);
    for format in ["json", "sarif", "human"] {
        group.bench_function(format!("{PROFILES} profiles, {format}"), |bencher| {
            bencher.iter(|| lint(folder.path(), format, report));
        });
    }
}

criterion_group!(benches, a_thousand_profiles);
criterion_main!(benches);
