//! What `seccomp-tools audit` and `callgate lint` say of the same filters.
//!
//! `cargo bench --bench lint_peers` compares docs/lint/beside-seccomp-tools.md with what both say now; `-- --write` writes the
//! page. seccomp-tools 1.7.1 has to be in PATH: without it nothing is compared.

// Shared with other benchmarks, which use more of it.
#[allow(dead_code)]
#[path = "../policies/mod.rs"]
mod policies;

mod cases;
mod linear;
mod ours;
mod page;
mod theirs;

use std::path::Path;
use std::process::ExitCode;

use callgate_compiler::bpf::Program;

use cases::CASES;
use page::Asked;

const PAGE: &str = "docs/lint/beside-seccomp-tools.md";

fn main() -> ExitCode {
    let write = std::env::args().any(|argument| argument == "--write");
    let Some(version) = theirs::version() else {
        eprintln!("skipped: `seccomp-tools` isn't in PATH");
        return ExitCode::SUCCESS;
    };
    let asked: Vec<Asked> = CASES.iter().map(|case| ask(case, &case.program())).collect();
    let text = page::page(&version, &asked);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if write {
        std::fs::write(&path, text).expect("the page is written");
        eprintln!("{PAGE} is written");
        return ExitCode::SUCCESS;
    }
    if std::fs::read_to_string(&path).is_ok_and(|written| written == text) {
        eprintln!("{PAGE} is what they say");
        return ExitCode::SUCCESS;
    }
    eprintln!("{PAGE} isn't what they say now\n  next: `cargo bench --bench lint_peers -- --write`");
    ExitCode::FAILURE
}

fn ask(case: &'static cases::Case, program: &Program) -> Asked {
    Asked {
        case,
        really: ours::really(case, program),
        theirs: theirs::findings(program),
        ours: ours::findings(program),
    }
}
