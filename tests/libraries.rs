//! What is learnt with one C library serves the other: one program in four builds (glibc and musl, dynamic and static), each
//! learnt and each run under the policy of every other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{Need, callgate, have, root, told};

const BUILDS: [(&str, &[&str]); 4] =
    [("gcc", &[]), ("gcc", &["-static"]), ("musl-gcc", &[]), ("musl-gcc", &["-static"])];

fn compile(compiler: &str, options: &[&str], source: &Path, program: &Path) {
    let mut command = Command::new(compiler);
    command.args(["-w", "-O1", "-pthread"]).args(options).arg("-o").arg(program).arg(source);
    assert!(command.status().expect("the compiler runs").success());
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    callgate().args(arguments).current_dir(folder).output().expect("callgate runs")
}

#[test]
fn what_one_library_teaches_serves_the_other() {
    if !have(&[Need::Tool("gcc"), Need::Tool("musl-gcc")]) {
        return;
    }
    let place = TempDir::new().expect("a folder");
    let nothing = place.path().join("true.c");
    fs::write(&nothing, "int main(void) { return 0; }\n").expect("a file");
    let folders: Vec<PathBuf> = (0..BUILDS.len()).map(|build| place.path().join(build.to_string())).collect();
    for (folder, (compiler, options)) in folders.iter().zip(BUILDS) {
        fs::create_dir(folder).expect("a folder");
        compile(compiler, options, &root().join("tests/cases/libc.c"), &folder.join("libc"));
        compile(compiler, options, &nothing, &folder.join("true"));
        let recorded = run(folder, &["record", "--repeat", "3", "-o", "r.json", "--", "./libc"]);
        assert!(recorded.status.success(), "{}", told(&recorded));
        for siblings in ["none", "libc"] {
            let policy = format!("{siblings}.gate");
            let derived = run(folder, &["derive", "r.json", "--siblings", siblings, "-o", &policy]);
            assert!(derived.status.success(), "{}", told(&derived));
        }
    }
    let works = |learnt: usize, siblings: &str, run_here: usize| {
        let policy = folders[learnt].join(format!("{siblings}.gate")).display().to_string();
        run(&folders[run_here], &["run", &policy, "--", "./libc"])
    };
    let mut refused_without = 0;
    for (learnt, taught) in BUILDS.iter().enumerate() {
        for (here, served) in BUILDS.iter().enumerate() {
            let output = works(learnt, "libc", here);
            assert!(output.status.success(), "learnt {taught:?}, run {served:?}: {}", told(&output));
            refused_without += usize::from(!works(learnt, "none", here).status.success());
        }
    }
    // glibc and musl differ, else this test would show nothing.
    assert!(refused_without >= 4, "{refused_without}");
}
