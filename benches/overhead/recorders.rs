//! Who records.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::nginx::pid;
use crate::support::{callgate, told, tool};
use crate::workloads::{Work, Workload, command, requests};

/// A way to record, or not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recorder {
    None,
    Callgate,
    /// The workload runs beside a recorded process, and isn't recorded itself.
    Beside,
    Strace,
    Perf,
    Bpftrace,
}

/// What a recorder says it saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// All calls, of whatever it looks at.
    pub(crate) all: Option<u64>,
    /// Of the calls the workload is known to make, or by the recorder's own count.
    pub(crate) lost: Option<u64>,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.all, self.lost) {
            (None, _) => f.write_str("–"),
            (Some(all), None) => write!(f, "{all}"),
            (Some(all), Some(lost)) => write!(f, "{all}, lost {lost}"),
        }
    }
}

impl Recorder {
    pub(crate) const ALL: &[Self] =
        &[Self::None, Self::Callgate, Self::Beside, Self::Strace, Self::Perf, Self::Bpftrace];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "no recorder",
            Self::Callgate => "callgate",
            Self::Beside => "beside a callgate recording",
            Self::Strace => "strace -f -c",
            Self::Perf => "perf trace -s",
            Self::Bpftrace => "bpftrace, unscoped",
        }
    }

    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::None | Self::Callgate | Self::Beside => true,
            Self::Strace => tool("strace").is_some(),
            Self::Perf => tool("perf").is_some(),
            Self::Bpftrace => tool("bpftrace").is_some(),
        }
    }

    /// Runs a workload once. How long it took, and what was counted.
    pub(crate) fn run(self, workload: &Workload) -> (Duration, Counted) {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("recorded");
        let words = match &workload.work {
            Work::Command(words) => words,
            Work::Server(program, ..) => &program.arguments,
        };
        let mut started = self.command(words, &file);
        started.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut beside = (self == Self::Beside).then(|| {
            let mut record = callgate();
            record.args(["record", "-o"]).arg(&file).args(["--", "sleep", "600"]);
            record.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = record.spawn().expect("callgate runs");
            wait_for("sleep", child.id());
            child
        });
        let start = Instant::now();
        let mut child = started.spawn().expect("it starts");
        let mut time = None;
        if let Work::Server(program, place, count) = &workload.work {
            program.drive(&mut child);
            time = Some(requests(program.port.expect("a server"), *count));
            let status = Command::new("kill").args(["-QUIT", &pid(place)]).status();
            assert!(status.expect("kill runs").success());
        }
        let output = child.wait_with_output().expect("a child");
        let time = time.unwrap_or_else(|| start.elapsed());
        assert!(output.status.success(), "{}: {}", self.name(), told(&output));
        if let Some(recorder) = &mut beside {
            let _ = Command::new("pkill").args(["-P", &recorder.id().to_string()]).status();
            let _ = recorder.wait();
        }
        let said = fs::read_to_string(&file).unwrap_or_default();
        (time, self.counted(&said, workload.calls))
    }

    fn command(self, words: &[String], file: &std::path::Path) -> Command {
        let mut recorder = match self {
            Self::None | Self::Beside => return command(words),
            Self::Callgate => {
                let mut recorder = callgate();
                recorder.args(["record", "-o"]).arg(file).arg("--");
                recorder
            }
            Self::Strace => {
                let mut recorder = Command::new("strace");
                recorder.args(["-f", "-c", "-o"]).arg(file);
                recorder
            }
            Self::Perf => {
                let mut recorder = Command::new("perf");
                recorder.args(["trace", "-s", "-o"]).arg(file);
                recorder
            }
            Self::Bpftrace => {
                let mut recorder = Command::new("bpftrace");
                let program = "tracepoint:raw_syscalls:sys_enter { @[args->id] = count(); }";
                recorder.args(["-q", "-e", program, "-o"]).arg(file).arg("-c");
                recorder.arg(words.join(" "));
                return recorder;
            }
        };
        recorder.args(words);
        recorder
    }

    /// What is in a recorder's file. `made`: how many calls of getppid the workload makes.
    fn counted(self, said: &str, made: Option<u64>) -> Counted {
        let lost = |seen: u64| made.map(|made| made.saturating_sub(seen));
        match self {
            Self::None | Self::Beside => Counted::default(),
            Self::Callgate => {
                let recording: Value = serde_json::from_str(said).expect("a recording");
                let rows: Vec<_> = recording["runs"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .flat_map(|run| run["rows"].as_array())
                    .flatten()
                    .collect();
                let calls = |row: &&&Value| row["calls"].as_u64().unwrap_or_default();
                let seen = rows.iter().filter(|row| row["syscall"] == "getppid").map(|row| calls(&row)).sum();
                let own = recording["complete"] != true;
                Counted {
                    all: Some(rows.iter().map(|row| calls(&row)).sum()),
                    lost: lost(seen).or(Some(u64::from(own))),
                }
            }
            Self::Strace => {
                let rows = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
                let rows: Vec<_> = rows.filter(|row| row.len() >= 5 && row[0].parse::<f64>().is_ok()).collect();
                let calls = |row: &[&str]| row[3].parse::<u64>().unwrap_or_default();
                let named = |name: &str| rows.iter().find(|row| row.last() == Some(&name)).map(|row| calls(row));
                Counted { all: named("total"), lost: made.and_then(|_| lost(named("getppid").unwrap_or_default())) }
            }
            Self::Perf => {
                // `comm (pid), N events, …`, an event each for the entry and the exit; a row a call: name, calls, errors, …
                let events = said
                    .lines()
                    .filter_map(|line| line.split_once(" events,")?.0.rsplit(' ').next()?.parse::<u64>().ok());
                let getppid = said.lines().filter_map(|line| {
                    line.trim().strip_prefix("getppid ")?.split_whitespace().next()?.parse::<u64>().ok()
                });
                Counted { all: Some(events.sum::<u64>() / 2), lost: made.and_then(|_| lost(getppid.sum())) }
            }
            Self::Bpftrace => {
                let rows = said.lines().filter_map(|line| line.strip_prefix("@[")?.split_once("]: "));
                let rows: Vec<(u64, u64)> =
                    rows.filter_map(|(nr, calls)| Some((nr.parse().ok()?, calls.parse().ok()?))).collect();
                // getppid on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
                let getppid = rows.iter().filter(|(nr, _)| *nr == 110).map(|(_, calls)| calls).sum();
                Counted { all: Some(rows.iter().map(|(_, calls)| calls).sum()), lost: lost(getppid) }
            }
        }
    }
}

/// Waits until a recorder's command runs.
fn wait_for(name: &str, recorder: u32) {
    for _ in 0..2_000 {
        let found =
            Command::new("pgrep").args(["-P", &recorder.to_string(), "-x", name]).stdout(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the recorder doesn't start its command");
}
