//! `seccomp-tools audit` on a filter in a file.

use std::io::Write;
use std::process::{Command, Stdio};

use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::{Program, to_bytes};
use serde_json::Value;
use tempfile::NamedTempFile;

/// What one of its checks found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    /// The check.
    pub(crate) id: String,
    /// The calls it names.
    pub(crate) calls: Vec<String>,
    /// Under which condition on the arguments.
    pub(crate) condition: Option<String>,
}

/// `1.7.1`, when it is there.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("seccomp-tools").arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().next_back().filter(|_| output.status.success()).map(str::to_owned)
}

/// What it says of a filter.
pub(crate) struct Said {
    /// What it found, in its order.
    pub(crate) found: Vec<Found>,
    /// Whether it says that the filter is too large for it to look at all of it.
    pub(crate) in_part: bool,
}

/// What it says of a filter for x86-64.
pub(crate) fn findings(program: &Program) -> Said {
    let mut file = NamedTempFile::with_suffix(".bpf").expect("a file");
    file.write_all(&to_bytes(program, Endian::Little)).expect("the filter is written");
    let output = Command::new("seccomp-tools")
        .args(["audit", "--arch", "amd64", "--format", "json"])
        .arg(file.path())
        .output()
        .expect("seccomp-tools runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reports = || report["reports"].as_array().into_iter().flatten();
    let found = reports().flat_map(|report| report["findings"].as_array().into_iter().flatten());
    Said { found: found.map(of_value).collect(), in_part: reports().any(|report| report["truncated"] == true) }
}

fn of_value(finding: &Value) -> Found {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Found {
        id: text(&finding["id"]),
        calls: finding["syscalls"].as_array().into_iter().flatten().map(text).collect(),
        condition: finding["condition"].as_str().map(str::to_owned),
    }
}
