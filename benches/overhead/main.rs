//! What recording costs, beside the recorders people use today: `strace -f -c`, `perf trace -s` and a bpftrace one-liner.
//!
//! `cargo bench --bench overhead`, as root. Every round runs every workload under every recorder once, each after a run of
//! the workload alone that isn't timed, so that all of them meet the same machine and the same caches; the table has the
//! least time of each and its ratio to the least time without a recorder. With
//! `-- --write` it goes to `docs/recording-cost.md`; with `-- --test` everything runs once, small.
//!
//! Counts are exact where a workload's number of calls is known: a recorder that sees fewer is said to have lost them.

#[path = "../../tests/programs/mod.rs"]
#[allow(dead_code, unused_imports)] // the tests need more of it
mod programs;
mod recorders;
#[path = "../../tests/support.rs"]
#[allow(dead_code)]
mod support;
mod workloads;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use recorders::{Counted, Recorder};
use workloads::Workload;

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    rounds: usize,
    /// Calls of the loop.
    loops: u64,
    /// Requests to the server.
    requests: usize,
}

const WHOLE: Scale = Scale { rounds: 5, loops: 300_000, requests: 3_000 };
const SMALL: Scale = Scale { rounds: 1, loops: 2_000, requests: 20 };

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, calls] = arguments.as_slice()
        && word == workloads::LOOP
    {
        return workloads::run_loop(calls.parse().expect("a number"));
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let scale = if has("--test") { SMALL } else { WHOLE };
    let recorders: Vec<Recorder> = Recorder::ALL.iter().copied().filter(|recorder| recorder.is_here()).collect();
    let workloads = workloads::all(scale);
    let mut times: BTreeMap<(usize, Recorder), Vec<Duration>> = BTreeMap::new();
    let mut counts: BTreeMap<(usize, Recorder), Counted> = BTreeMap::new();
    for round in 0..scale.rounds {
        for (index, workload) in workloads.iter().enumerate() {
            // Nobody is always the first.
            for &recorder in recorders.iter().cycle().skip(round).take(recorders.len()) {
                Recorder::None.run(workload);
                let (time, counted) = recorder.run(workload);
                times.entry((index, recorder)).or_default().push(time);
                counts.insert((index, recorder), counted);
            }
        }
    }
    let page = page(scale, &recorders, &workloads, &times, &counts);
    print!("{page}");
    if has("--write") {
        let path = support::root().join("docs/recording-cost.md");
        std::fs::write(&path, page).expect("the page is written");
    }
    for (&(index, recorder), counted) in &counts {
        if recorder == Recorder::Callgate {
            assert_eq!(counted.lost, Some(0), "{}: callgate lost calls", workloads[index].name);
        }
    }
}

/// Its major and minor version.
fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().split(['.', '-']).take(2).collect::<Vec<_>>().join(".")
}

fn page(
    scale: Scale,
    recorders: &[Recorder],
    workloads: &[Workload],
    times: &BTreeMap<(usize, Recorder), Vec<Duration>>,
    counts: &BTreeMap<(usize, Recorder), Counted>,
) -> String {
    let least = |index, recorder| times[&(index, recorder)].iter().min().copied().unwrap_or_default();
    let mut page = format!(
        "# What recording costs\n\n\
         Written by `cargo bench --bench overhead -- --write`: {} rounds, each workload under each recorder once a round after a\n\
         run alone, the least time of each, on Linux {}. Times are of whole processes, a recorder's own start and end included.\n\n",
        scale.rounds,
        kernel()
    );
    let names: Vec<_> = recorders.iter().map(|recorder| recorder.name()).collect();
    let _ = writeln!(page, "| workload | {} |", names.join(" | "));
    let _ = writeln!(page, "|---|{}", "--:|".repeat(recorders.len()));
    for (index, workload) in workloads.iter().enumerate() {
        let plain = least(index, Recorder::None);
        let cells = recorders.iter().map(|&recorder| {
            let time = least(index, recorder);
            if recorder == Recorder::None {
                format!("{:.0} ms", time.as_secs_f64() * 1e3)
            } else {
                format!("{:.0} ms ({:.2} ×)", time.as_secs_f64() * 1e3, time.as_secs_f64() / plain.as_secs_f64())
            }
        });
        let _ = writeln!(page, "| {} | {} |", workload.name, cells.collect::<Vec<_>>().join(" | "));
    }
    let _ = writeln!(
        page,
        "\n## Calls counted\n\nLost: of the calls that a workload is known to make, those that a recorder doesn't have.\n"
    );
    let _ = writeln!(page, "| workload | {} |", names[1..].join(" | "));
    let _ = writeln!(page, "|---|{}", "--:|".repeat(recorders.len() - 1));
    for (index, workload) in workloads.iter().enumerate() {
        let cells = recorders[1..].iter().map(|&recorder| counts[&(index, recorder)].to_string());
        let _ = writeln!(page, "| {} | {} |", workload.name, cells.collect::<Vec<_>>().join(" | "));
    }
    if let Some(index) = workloads.iter().position(|workload| workload.calls.is_some()) {
        let calls = workloads[index].calls.unwrap_or(1);
        let start = workloads.iter().position(|workload| workload.is_start).unwrap_or(index);
        let _ = writeln!(
            page,
            "\n## A call\n\nNanoseconds a call of the loop costs more than without a recorder, starting and ending taken off.\n"
        );
        let _ = writeln!(page, "| {} |", names[1..].join(" | "));
        let _ = writeln!(page, "|{}", "--:|".repeat(recorders.len() - 1));
        let net = |recorder| least(index, recorder).as_secs_f64() - least(start, recorder).as_secs_f64();
        let cells = recorders[1..]
            .iter()
            .map(|&recorder| format!("{:.0}", (net(recorder) - net(Recorder::None)) * 1e9 / calls as f64));
        let _ = writeln!(page, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    page
}
