//! The committed BPF object is what its source compiles to.
#![cfg(target_os = "linux")]

mod support;

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_object_is_what_clang_14_makes_of_the_source() {
    if Command::new("clang-14").arg("--version").output().is_err() {
        return support::skip("no clang-14");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpf");
    let directory = tempfile::tempdir().unwrap();
    let built = directory.path().join("record.o");
    let output = Command::new("sh").arg(source.join("build.sh")).arg(&built).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let same = std::fs::read(built).unwrap() == std::fs::read(source.join("record.x86_64.o")).unwrap();
    assert!(same, "run tracer/bpf/build.sh with clang-14 and commit record.x86_64.o");
}
