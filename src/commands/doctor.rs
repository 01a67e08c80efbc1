//! `callgate doctor`: what works here, tried out, and what is missing where it doesn't.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use callgate_compiler::abi::Abi;
use callgate_compiler::policy::FilterFlag;
use callgate_profiles::recording::Backend;
use callgate_tracer::host;
use callgate_tracer::record::{RecordOptions, record};
use serde::Serialize;

use crate::cli::Doctor;
use crate::failure::{EXIT_FOUND, Outcome};
use crate::{output, policy};

/// Programs that callgate's profiles are for, asked for their version.
const ENGINES: [&str; 6] = ["runc", "crun", "podman", "docker", "containerd", "bwrap"];

/// One thing and whether it works.
#[derive(Serialize)]
struct Finding {
    /// What it is for.
    what: &'static str,
    /// Which of them.
    name: String,
    works: bool,
    /// What was found, or what is missing.
    detail: String,
    /// How to get it, where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Report {
    kernel: String,
    machine: String,
    /// Whether a filter can be loaded and at least one recorder works.
    usable: bool,
    findings: Vec<Finding>,
}

pub(crate) fn run(args: &Doctor) -> Outcome {
    let (kernel, machine) = host::kernel()?;
    let mut findings = vec![filters(), abi()];
    findings.extend([Backend::Ebpf, Backend::Notify, Backend::Ptrace].map(recorder));
    findings.extend(ENGINES.iter().filter_map(|name| engine(name)));
    let usable = findings[0].works && findings.iter().any(|finding| finding.what == "record" && finding.works);
    let report = Report { kernel, machine, usable, findings };
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { human(&report) };
    output::write(None, text.as_bytes())?;
    Ok(if usable { 0 } else { EXIT_FOUND })
}

fn filters() -> Finding {
    let filters = host::filters();
    let actions: Vec<String> = filters.actions.iter().map(|action| spelled_without_data(action.to_string())).collect();
    let known = FilterFlag::ALL.iter().filter(|(flag, ..)| filters.flags.contains(flag));
    let flags: Vec<&str> = known.map(|&(_, name, _)| name).collect();
    let outer = match filters.outer {
        Some(1..) => "; callgate itself runs under a filter, which the loaded one only adds to",
        _ => "",
    };
    let works = !actions.is_empty();
    Finding {
        what: "run",
        name: "filter".to_owned(),
        works,
        detail: if works {
            format!("{}; flags {}{outer}", actions.join(", "), flags.join(", "))
        } else {
            "this kernel loads no seccomp filter, or an outer filter forbids it".to_owned()
        },
        next: (!works).then(|| "use a kernel with CONFIG_SECCOMP_FILTER".to_owned()),
    }
}

/// `errno` of `errno(1)`.
fn spelled_without_data(mut action: String) -> String {
    action.truncate(action.find('(').unwrap_or(action.len()));
    action
}

fn abi() -> Finding {
    let (works, detail) = match policy::host_abi() {
        Ok(host) => {
            let others: Vec<&str> =
                Abi::ALL.iter().filter(|abi| abi.native() == host && **abi != host).map(|abi| abi.name()).collect();
            let others = if others.is_empty() {
                String::new()
            } else {
                format!("; the kernel may also take calls of {}", others.join(", "))
            };
            (true, format!("{}{others}", host.name()))
        }
        Err(failure) => (false, failure.to_string().lines().next().unwrap_or_default().to_owned()),
    };
    let next =
        (!works).then(|| "compile for other machines with `--arch`; nothing can be run or recorded here".to_owned());
    Finding { what: "compile", name: "abi".to_owned(), works, detail, next }
}

/// Records a command that does next to nothing: the proof that it works.
fn recorder(backend: Backend) -> Finding {
    let options = RecordOptions { backend: Some(backend), ..RecordOptions::default() };
    let recorded = record(&[OsString::from("true")], &options).map_err(|error| error.to_string());
    let (works, detail, next) = match recorded {
        Ok(recorded) if recorded.run.is_complete() => {
            let calls: u64 = recorded.run.rows.iter().map(|row| row.calls).sum();
            (true, format!("recorded the {calls} calls of `true`, nothing lost"), None)
        }
        Ok(_) => (false, "a recording of `true` lost calls".to_owned(), None),
        Err(error) => match error.split_once("\n  next: ") {
            Some((message, next)) => (false, message.to_owned(), Some(next.to_owned())),
            None => (false, error, None),
        },
    };
    Finding { what: "record", name: backend.to_string(), works, detail, next }
}

/// A runtime that is installed. One that isn't is no news.
fn engine(name: &'static str) -> Option<Finding> {
    let output = Command::new(name).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let libseccomp = text.lines().find(|line| line.trim_start().starts_with("libseccomp")).map(str::trim);
    let version = text.lines().next().unwrap_or_default().trim();
    let detail = libseccomp
        .filter(|line| *line != version)
        .map_or_else(|| version.to_owned(), |line| format!("{version}; {line}"));
    Some(Finding { what: "engine", name: name.to_owned(), works: output.status.success(), detail, next: None })
}

fn human(report: &Report) -> String {
    let mut text = format!("Linux {} {}\n", report.kernel, report.machine);
    for finding in &report.findings {
        let mark = if finding.works { "ok" } else { "no" };
        text.push_str(&format!(
            "  {mark}  {:7} {:10} {}\n",
            finding.what,
            finding.name,
            finding.detail.replace('\n', " ")
        ));
        if let Some(next) = &finding.next {
            text.push_str(&format!("      {:18} next: {next}\n", ""));
        }
    }
    text
}
