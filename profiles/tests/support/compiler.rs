//! The machine's C compiler, for what only a C program can say.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Compiles a C file; `None` when there is no compiler or the file doesn't compile for want of a library. With
/// `CALLGATE_REQUIRE=all` that fails the test.
pub fn compile(test: &str, source: &Path, arguments: &[&str]) -> Option<PathBuf> {
    static COMPILED: AtomicU32 = AtomicU32::new(0);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    // Under a name of its own first: another test may be running the program, which then can't be written to.
    let number = COMPILED.fetch_add(1, Ordering::Relaxed);
    let new = program.with_extension(format!("{}-{number}", std::process::id()));
    let output = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&new)
        .arg(source)
        .args(arguments)
        .output();
    let problem = match output {
        Ok(output) if output.status.success() => {
            std::fs::rename(&new, &program).expect("the program takes its place");
            return Some(program);
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CALLGATE_REQUIRE").is_none_or(|value| value != "all"), "{test} can't run: {problem}");
    eprintln!("skipped: {test}: cc {}: {problem}", arguments.join(" "));
    None
}

/// Runs a program on some input and gives back what it printed.
pub fn run(program: &Path, input: &str) -> Vec<u8> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program just compiled runs");
    let mut stdin = child.stdin.take().expect("piped");
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("its output can be read");
    writer.join().expect("the writer doesn't panic").expect("the program reads its input");
    assert!(output.status.success(), "{} does not take:\n{input}", program.display());
    output.stdout
}
