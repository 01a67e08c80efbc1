//! The tables of docs/benchmarks.md.

use crate::policies::earlier::EARLIER;
use crate::programs::{Compiler, Made, Row};

/// All tables of what is counted.
pub(crate) fn page(rows: &[Row]) -> String {
    let mut page = HEAD.replace("{machine}", &machine()).replace("{libseccomp}", &libseccomp());
    let beside: Vec<_> = [Compiler::Balanced].into_iter().chain(Compiler::PEERS).collect();
    page.push_str(&counted(rows, &beside));
    page.push_str("The same for callgate's modes, made for a kernel without a bitmap, where every call counts:\n\n");
    page.push_str(&counted(rows, &Compiler::OURS[1..]));
    page.push_str(&against_the_best(rows));
    page.push_str(&earlier(rows));
    page.push_str(&refusals(rows));
    page
}

const HEAD: &str = "\
# Benchmarks

Made by one command; nothing here is written by hand:

```console
$ CALLGATE_CORPUS=… cargo bench --features libseccomp --bench compilers -- --write
```

Measured on {machine}, with {libseccomp} and seccompiler 0.5 through their crates in the same run. The policies are those that
projects ship, resolved for x86-64 alone (unless said otherwise), Docker's 14 default capabilities and Linux 6.18. Every
program has been held to the policy by the prover before it was measured: seccompiler's, which has no guard against x32
numbers, on all calls but those, and libseccomp's for several ABIs on the calls that the installed version knows.

## Counted

Cells are `instructions / converted / mean / blend / worst / cached / µs`: classic instructions; eBPF instructions after the kernel's
conversion; executed instructions, as the mean over numbers 0 to 469 with one typical argument vector each, under a blend of
recorded loads, and on the longest path that some call takes (`≤`: an upper bound); named calls that the kernel lets
through without running the filter; the best time from the policy to the program, plus the proof where the compiler proves
(libseccomp's is from rules that are ready). A program marked † is not equal to the policy: it counts for no comparison.

";

fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).and_then(|rest| rest.split_once(": "));
    let release = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<_> = release.trim().split(['.', '-']).take(2).collect();
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "a virtual machine with {count} CPUs ({}), Linux {}",
        model.map_or("unknown", |(_, model)| model),
        kernel.join(".")
    )
}

#[cfg(feature = "libseccomp")]
fn libseccomp() -> String {
    format!("libseccomp {}", crate::libseccomp::version())
}

#[cfg(not(feature = "libseccomp"))]
fn libseccomp() -> String {
    "no libseccomp (built without the feature)".to_owned()
}

fn counted(rows: &[Row], compilers: &[Compiler]) -> String {
    let names: Vec<_> = compilers.iter().map(|compiler| compiler.name()).collect();
    let mut table = format!("| policy | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(compilers.len()));
    for row in rows {
        let cells = compilers.iter().map(|compiler| match row.made.get(compiler) {
            Some(Ok(made)) => cell(made),
            _ => "–".to_owned(),
        });
        table.push_str(&format!("| {} | {} |\n", row.name, cells.collect::<Vec<_>>().join(" | ")));
    }
    table.push('\n');
    table
}

fn cell(made: &Made) -> String {
    let blend = made.blend.map_or("–".to_owned(), |blend| format!("{blend:.1}"));
    let bound = if made.worst_exact { "" } else { "≤" };
    let differs = if made.equal { "" } else { "†" };
    let micro = |time: std::time::Duration| format!("{:.0}", time.as_secs_f64() * 1e6);
    let proof = made.proven_in.map_or(String::new(), |time| format!(" + {}", micro(time)));
    format!(
        "{}{differs} / {} / {:.1} / {blend} / {bound}{} / {} / {}{proof}",
        made.instructions,
        made.converted,
        made.mean,
        made.worst,
        made.cached,
        micro(made.compiled_in)
    )
}

/// A figure of a program.
type Figure = fn(&Made) -> Option<f64>;

#[allow(clippy::cast_precision_loss)] // counts of instructions
const FIGURES: [(&str, Figure); 6] = [
    ("instructions", |made| Some(made.instructions as f64)),
    ("converted", |made| Some(made.converted as f64)),
    ("mean", |made| Some(made.mean)),
    ("blend", |made| made.blend),
    ("worst", |made| Some(made.worst as f64)),
    ("time to compile, with our proof", |made| {
        Some((made.compiled_in + made.proven_in.unwrap_or_default()).as_secs_f64())
    }),
];

/// The geometric mean, over all policies, of our figure over the best peer's of this run.
fn against_the_best(rows: &[Row]) -> String {
    let ours = Compiler::OURS;
    let names = ours.map(Compiler::name);
    let mut table = format!(
        "Ours over the best of the peers of this run, geometric mean over the policies that a peer has a program for:\n\n\
         | | {} |\n|---|{}\n",
        names.join(" | "),
        "--:|".repeat(ours.len())
    );
    for (name, figure) in FIGURES {
        let mut cells = Vec::new();
        for compiler in &ours {
            let ratios: Vec<f64> = rows
                .iter()
                .filter_map(|row| {
                    let made = |by: &Compiler| row.made.get(by).and_then(|made| made.as_ref().ok());
                    let of = |by: &Compiler| made(by).filter(|made| made.equal).and_then(figure);
                    let best = Compiler::PEERS.iter().filter_map(of).min_by(f64::total_cmp)?;
                    Some(of(compiler)? / best)
                })
                .collect();
            cells.push(geometric_mean(&ratios).map_or("–".to_owned(), |ratio| format!("{ratio:.2}")));
        }
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    table.push('\n');
    table
}

fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let count = u32::try_from(ratios.len()).ok().filter(|&count| count > 0)?;
    Some((ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / f64::from(count)).exp())
}

fn earlier(rows: &[Row]) -> String {
    let mut table = "Compilers that this run can't call, measured earlier on the same policies by the same rule (`length / mean / worst`; \
        none of them guards against x32, which takes two instructions):\n\n\
        | policy | kafel | minijail | bpf_dsl |\n|---|---|---|---|\n"
        .to_owned();
    let cell = |figures: &crate::policies::earlier::Figures| {
        format!("{} / {:.1} / {}", figures.length, figures.mean, figures.worst)
    };
    let mut any = false;
    for known in EARLIER.iter().filter(|known| rows.iter().any(|row| row.name == known.policy)) {
        let cells = [&known.kafel, &known.minijail, &known.bpf_dsl].map(cell);
        table.push_str(&format!("| {} | {} |\n", known.policy, cells.join(" | ")));
        any = true;
    }
    table.push('\n');
    if any { table } else { String::new() }
}

/// Why cells are empty, and how often.
fn refusals(rows: &[Row]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for (compiler, made) in rows.iter().flat_map(|row| &row.made) {
        let reason = match made {
            Err(reason) => reason,
            Ok(made) if !made.equal => "† not equal to the policy",
            Ok(_) => continue,
        };
        *counts.entry((compiler.name(), reason)).or_insert(0) += 1;
    }
    if counts.is_empty() {
        return String::new();
    }
    let mut text = "Cells that are empty or marked, and why:\n\n".to_owned();
    for ((compiler, reason), count) in counts {
        text.push_str(&format!("* {compiler}, {count} policies: {reason}\n"));
    }
    text.push('\n');
    text
}
