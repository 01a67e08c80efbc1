//! Many recordings as one: how long it takes and how much memory, by the number of recordings. `-- --test` takes few.
//!
//! The recordings are made up after what test suites show: sixty calls each, half of them the same in all, the rest drawn from
//! forty kinds of tests; each with its own counts, witnesses and ids. They are written to files, read one by one and tallied, as
//! `callgate derive FOLDER` does; beside that, merged into one recording, which holds every run.
//!
//! Each measurement is made by a process of its own, so that none finds memory that another has left. Memory is the kernel's own
//! figure: `VmHWM` of /proc/self/status at the end, less what was in use at the start.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables;
use callgate_profiles::derive::{DeriveOptions, derive_from};
use callgate_profiles::recording::{Backend, First, Phase, Recording, Row, Run, Scope, Since, Values};
use callgate_profiles::tally::Tally;
use tempfile::TempDir;

const CALLS: usize = 60;
const KINDS: usize = 40;

fn run(index: usize) -> Run {
    let kind = index % KINDS;
    let all: Vec<(u32, &str)> = tables::calls(Abi::X86_64).collect();
    let common = (0..CALLS / 2).map(|at| all[at]);
    let own = (0..CALLS / 2).map(|at| all[CALLS / 2 + (kind * 7 + at * 5) % (all.len() - CALLS / 2)]);
    let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
    for (nr, name) in common.chain(own) {
        let arguments = tables::prototype(Abi::X86_64, name).unwrap_or_default().iter().take(3).map(|parameter| {
            let values = (0..3).map(|value| (value * 4 + kind % 3) as u64);
            (parameter.name.to_owned(), Values::Seen(values.collect()))
        });
        let first = First {
            after: (index * 1000 + nr as usize) as u64,
            process: 1000 + u32::try_from(index % 30_000).unwrap_or_default(),
            task: 1000,
            thread: "test".to_owned(),
            executable: Some(format!("/build/debug/deps/suite-{kind}")),
            test: Some(format!("suite::case_{index}")),
            stack: Vec::new(),
        };
        let row = Row {
            abi: Abi::X86_64,
            syscall: Some(name.to_owned()),
            nr,
            phase: Phase::Run,
            calls: (index % 97 + 1) as u64,
            arguments: arguments.collect(),
            first: Some(first),
        };
        rows.insert(nr, row);
    }
    Run {
        id: format!("{index:032x}"),
        command: vec![format!("/build/debug/deps/suite-{kind}"), "--exact".to_owned()],
        scope: Scope::Command,
        since: Since::Start,
        backend: Backend::Ebpf,
        kernel: "6.12.0".to_owned(),
        machine: "x86_64".to_owned(),
        calls_exact: true,
        lost: BTreeMap::new(),
        still_running: 0,
        serving_after: None,
        in_progress: false,
        ended: "exit 0".to_owned(),
        rows: rows.into_values().collect(),
        denied: Vec::new(),
    }
}

fn file(folder: &Path, index: usize) -> std::path::PathBuf {
    folder.join(format!("{index:032x}.json"))
}

fn read(folder: &Path, index: usize) -> Recording {
    let text = fs::read_to_string(file(folder, index)).expect("a file");
    Recording::from_json(&text).expect("a recording")
}

/// Kilobytes.
fn status(field: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// What is done with the recordings of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Tally,
    Merge,
}

/// What came of it.
struct Measured {
    /// Entries of the tally, or rows of the recording.
    size: usize,
    seconds: f64,
    megabytes: f64,
}

impl Work {
    const ALL: [(Self, &str); 2] = [(Self::Tally, "--tally"), (Self::Merge, "--merge")];

    /// Does it here, and prints what [`Work::measured`] reads.
    fn measure(self, folder: &Path, count: usize) {
        let before = status("VmRSS:");
        let start = Instant::now();
        let (size, seconds) = match self {
            Self::Tally => {
                let mut tally = Tally::default();
                for index in 0..count {
                    for run in read(folder, index).runs.values() {
                        tally.add(run).expect("ids differ");
                    }
                }
                let seconds = start.elapsed().as_secs_f64();
                let derived = derive_from(&tally, &DeriveOptions::default()).expect("it is complete");
                assert!(derived.gate.contains(&format!("from {count} runs")));
                (tally.size(), seconds)
            }
            Self::Merge => {
                let none = Recording::default();
                let merged = (0..count).fold(none, |all, index| all.merge(read(folder, index)).expect("ids differ"));
                (merged.runs.values().map(|run| run.rows.len()).sum(), start.elapsed().as_secs_f64())
            }
        };
        println!("{size} {seconds} {}", status("VmHWM:").saturating_sub(before));
    }

    /// Has it done by another process.
    fn measured(self, folder: &Path, count: usize) -> Measured {
        let flag = Self::ALL.iter().find(|(work, _)| *work == self).map_or("", |(_, flag)| flag);
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let output = command.arg(flag).arg(folder).arg(count.to_string()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).expect("text");
        let words: Vec<&str> = said.split_whitespace().collect();
        let [size, seconds, kilobytes] = words[..] else { panic!("three numbers: {said}") };
        Measured {
            size: size.parse().expect("a count"),
            seconds: seconds.parse().expect("seconds"),
            megabytes: kilobytes.parse::<f64>().expect("kilobytes") / 1000.0,
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, folder, count] = arguments.as_slice()
        && let Some((work, _)) = Work::ALL.iter().find(|(_, name)| name == flag)
    {
        return work.measure(Path::new(folder), count.parse().expect("a number"));
    }
    let few = arguments.iter().any(|argument| argument == "--test");
    let sizes: &[usize] = if few { &[10, 100] } else { &[100, 1_000, 10_000] };
    let most = sizes.iter().copied().max().unwrap_or_default();
    let folder = TempDir::new().expect("a folder");
    for index in 0..most {
        fs::write(file(folder.path(), index), Recording::of(run(index)).to_json()).expect("a file");
    }
    let bytes: u64 = (0..most).filter_map(|index| Some(fs::metadata(file(folder.path(), index)).ok()?.len())).sum();
    println!("{most} recordings of {CALLS} calls, {} MB", bytes / 1_000_000);
    println!(
        "{:>10} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9}",
        "recordings", "rows", "entries", "tally s", "tally MB", "merge s", "merge MB"
    );
    let mut entries = Vec::new();
    for &size in sizes {
        let [tally, merge] = Work::ALL.map(|(work, _)| work.measured(folder.path(), size));
        println!(
            "{size:>10} {:>9} {:>9} {:>8.2} {:>9.1} {:>9.2} {:>9.1}",
            merge.size, tally.size, tally.seconds, tally.megabytes, merge.seconds, merge.megabytes
        );
        if size >= KINDS {
            entries.push(tally.size);
        }
    }
    // Once every kind was seen, more recordings add nothing.
    assert!(entries.windows(2).all(|pair| pair[0] == pair[1]), "{entries:?}");
}
