//! What the tests of this folder share.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use callgate_compiler::action::Action;
use callgate_compiler::bpf::{Instruction, Program, op};

/// A filter that gives some native numbers an action each and every other call `rest`. It doesn't look at the ABI.
pub(crate) fn filter(calls: &[(i64, Action)], rest: Action) -> Program {
    let ret = |action: Action| Instruction { code: op::RET | op::K, jt: 0, jf: 0, k: action.ret() };
    let mut instructions = vec![Instruction { code: op::LD | op::W | op::ABS, jt: 0, jf: 0, k: 0 }];
    for &(nr, action) in calls {
        let k = u32::try_from(nr).unwrap();
        instructions.extend([Instruction { code: op::JMP | op::JEQ | op::K, jt: 0, jf: 1, k }, ret(action)]);
    }
    instructions.push(ret(rest));
    Program::new(instructions)
}

/// Says that a test is skipped; with `CALLGATE_REQUIRE=all` that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CALLGATE_REQUIRE").is_none_or(|require| require != "all"), "required, but: {why}");
    eprintln!("skipped: {why}");
}

/// Compiles a C program into `directory`; `None`, and the test is skipped, when there is no C compiler or it can't.
pub(crate) fn compile(directory: &Path, name: &str, source: &str, options: &[&str]) -> Option<PathBuf> {
    let [file, program] = ["c", ""].map(|extension| directory.join(name).with_extension(extension));
    std::fs::write(&file, source).unwrap();
    let output =
        Command::new("cc").args(["-O1", "-pthread", "-w", "-o"]).arg(&program).args(options).arg(&file).output();
    match output {
        Ok(output) if output.status.success() => Some(program),
        Ok(output) => {
            skip(&format!("cc {options:?} can't compile {name}: {}", String::from_utf8_lossy(&output.stderr)));
            None
        }
        Err(error) => {
            skip(&format!("no C compiler: {error}"));
            None
        }
    }
}

/// Runs `child` in a forked process with its standard error captured; its wait status and what it wrote, with [`say`] or as
/// another program.
pub(crate) fn forked(child: impl FnOnce() -> i32) -> (i32, String) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    // SAFETY: the child is single-threaded and uses only what glibc keeps usable after fork.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        use std::os::fd::AsRawFd;
        // SAFETY: both descriptors are open; _exit ends the child before the test's destructors run.
        unsafe {
            libc::dup2(writer.as_raw_fd(), libc::STDERR_FILENO);
            libc::_exit(child())
        }
    }
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let mut status = 0;
    // SAFETY: `status` is a valid place for one status.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    (status, text)
}

/// Writes to the real standard error: what `eprintln!` prints may be captured by the test harness.
pub(crate) fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// The wait status of an exit with this code.
pub(crate) fn exited(code: i32) -> i32 {
    code << 8
}

/// In a forked child: becomes an ordinary user, if it is root. The process stays as open to its own user as an ordinary
/// user's is.
pub(crate) fn become_nobody() {
    // SAFETY: plain system calls of a single-threaded process.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setresgid(65534, 65534, 65534), 0);
            assert_eq!(libc::setresuid(65534, 65534, 65534), 0);
            assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1), 0);
        }
    }
}
