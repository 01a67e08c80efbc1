//! What the running kernel takes: calls under Docker's default, loading it, and a stack of filters against their merge.
//!
//! Each figure comes from many rounds; a round is one forked child for each filter, one after the other, so that what slows
//! the machine down slows all of them. Shown are the lower quartile and the minimum.

use callgate_compiler::bpf::{Instruction, Program};
use callgate_tracer::trial::{TimedCall, trial};

use crate::programs::Row;

const CALLS: [(TimedCall, &str); 4] = [
    (TimedCall::ParentId, "getppid: cached"),
    (TimedCall::Personality, "personality: an argument decides"),
    (TimedCall::EmptyClone3, "clone3: ENOSYS"),
    (TimedCall::NoSuchCall, "number 500: EPERM"),
];

/// How often a call is made in a row.
const REPETITIONS: u32 = 500;

struct Contender {
    name: String,
    filters: Vec<Program>,
    /// Nanoseconds: of each call in [`CALLS`] and of loading all filters.
    calls: [Vec<f64>; 4],
    loads: Vec<f64>,
}

impl Contender {
    fn new(name: impl Into<String>, filters: Vec<Program>) -> Self {
        Self { name: name.into(), filters, calls: Default::default(), loads: Vec::new() }
    }

    fn run(&mut self) -> Option<()> {
        let calls = CALLS.map(|(call, _)| call);
        let tried = trial(&self.filters, &calls, REPETITIONS).ok()?;
        if tried.calls.len() != calls.len() {
            return None;
        }
        for (all, nanoseconds) in self.calls.iter_mut().zip(tried.calls) {
            all.push(as_float(nanoseconds) / f64::from(REPETITIONS));
        }
        self.loads.push(tried.loads.into_iter().map(as_float).sum());
        Some(())
    }
}

/// Nanoseconds of a trial are far below 2^52.
#[allow(clippy::cast_precision_loss)]
fn as_float(nanoseconds: u64) -> f64 {
    nanoseconds as f64
}

fn rounds(contenders: &mut Vec<Contender>, count: usize) {
    for _ in 0..count {
        contenders.retain_mut(|contender| contender.run().is_some());
    }
}

/// The lower quartile and the minimum.
fn quiet(samples: &[f64]) -> (f64, f64) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    (at(sorted.len() / 4), at(0))
}

/// Without the kernel's bitmap, as before 5.11: a look at an argument comes first.
fn uncached(program: &Program) -> Program {
    let mut instructions = vec![Instruction::load(16)];
    instructions.extend(&program.instructions);
    Program::new(instructions)
}

/// The tables of what is timed; empty where no filter can be loaded.
pub(crate) fn page(rows: &[Row], smoke: bool) -> String {
    let count = if smoke { 3 } else { 300 };
    let mut page = "## Timed on the running kernel\n\n".to_owned();
    for name in ["docker", "docker-default", "docker, three ABIs"] {
        let Some(row) = rows.iter().find(|row| row.name == name) else { continue };
        let mut contenders = vec![Contender::new("no filter", Vec::new())];
        for (compiler, made) in &row.made {
            let Ok(made) = made else { continue };
            contenders.push(Contender::new(compiler.name(), vec![made.program.clone()]));
            contenders.push(Contender::new(format!("{}, no bitmap", compiler.name()), vec![uncached(&made.program)]));
        }
        rounds(&mut contenders, count);
        page.push_str(&format!("### {name}\n\n"));
        page.push_str(&table(&contenders));
    }
    page
}

/// Nanoseconds added over the first contender, and microseconds to load.
fn table(contenders: &[Contender]) -> String {
    let Some((bare, filtered)) = contenders.split_first().filter(|(bare, _)| bare.filters.is_empty()) else {
        return "No filter could be loaded here.\n\n".to_owned();
    };
    let head: Vec<_> = CALLS.iter().map(|(_, what)| *what).collect();
    let mut table = format!(
        "Nanoseconds added to a call, and microseconds to load: lower quartile [minimum] of {} rounds.\n\n",
        bare.loads.len()
    );
    table.push_str(&format!("| | {} | load, µs |\n|---|{}\n", head.join(" | "), "--:|".repeat(CALLS.len() + 1)));
    let base: Vec<_> = bare.calls.iter().map(|samples| quiet(samples)).collect();
    let cells: Vec<_> = base.iter().map(|(quartile, least)| format!("{quartile:.0} [{least:.0}]")).collect();
    table.push_str(&format!("| no filter: the call itself | {} | |\n", cells.join(" | ")));
    for contender in filtered {
        let mut cells = Vec::new();
        for (samples, base) in contender.calls.iter().zip(&base) {
            let (quartile, least) = quiet(samples);
            cells.push(format!("{:+.0} [{:+.0}]", quartile - base.0, least - base.1));
        }
        let (quartile, least) = quiet(&contender.loads);
        cells.push(format!("{:.0} [{:.0}]", quartile / 1000.0, least / 1000.0));
        table.push_str(&format!("| {} | {} |\n", contender.name, cells.join(" | ")));
    }
    table.push('\n');
    table
}
