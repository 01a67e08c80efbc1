//! What the running kernel takes: calls under Docker's default, loading it, and a stack of filters against their merge.
//!
//! Each figure comes from many rounds; a round is one forked child for each filter, one after the other, so that what slows
//! the machine down slows all of them. Shown are the lower quartile and the minimum.

use callgate_compiler::abi::Abi;
use callgate_compiler::bpf::{Instruction, Program};
use callgate_compiler::combine;
use callgate_compiler::compile::compile;
use callgate_tracer::trial::{TimedCall, trial};

use crate::policies::resolved;
use crate::programs::{Compiler, Row};

const CALLS: [TimedCall; 4] =
    [TimedCall::ParentId, TimedCall::Personality, TimedCall::EmptyClone3, TimedCall::NoSuchCall];

/// What Docker's default does with each of [`CALLS`].
const DOCKER_CALLS: [&str; 4] = ["getppid: cached", "personality: an argument decides", "clone3: ENOSYS", "500: EPERM"];

/// And the stack of eight.
const STACK_CALLS: [&str; 4] =
    ["getppid: cached", "personality: an argument decides", "clone3: cached", "500: allowed, not cached"];

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
        let tried = trial(&self.filters, &CALLS, REPETITIONS).ok()?;
        if tried.calls.len() != CALLS.len() {
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
    let mut page = "## Timed on the running kernel\n\n\
        \"No bitmap\" is the same filter behind a look at an argument, which keeps the kernel from caching anything: what every\n\
        call costs before 5.11, and one instruction.\n\n"
        .to_owned();
    for name in ["docker", "docker-default", "docker, three ABIs"] {
        let Some(row) = rows.iter().find(|row| row.name == name) else { continue };
        let mut contenders = vec![Contender::new("no filter", Vec::new())];
        for compiler in [Compiler::Balanced, Compiler::Fastest].iter().chain(&Compiler::PEERS) {
            let Some(Ok(made)) = row.made.get(compiler) else { continue };
            contenders.push(Contender::new(compiler.name(), vec![made.program.clone()]));
            contenders.push(Contender::new(format!("{}, no bitmap", compiler.name()), vec![uncached(&made.program)]));
        }
        if let Some(program) = row.simplified.as_ref() {
            contenders.push(Contender::new("seccompiler‡", vec![program.clone()]));
            contenders.push(Contender::new("seccompiler‡, no bitmap", vec![uncached(program)]));
        }
        rounds(&mut contenders, count);
        page.push_str(&format!("### {name}\n\n"));
        page.push_str(&table(&contenders, DOCKER_CALLS));
        if row.simplified.is_some() {
            page.push_str("‡ Its filters have two actions: what is ENOSYS elsewhere is EPERM here, like all that isn't allowed.\n\n");
        }
    }
    page.push_str(&stack(count));
    page
}

/// What a service manager's options make: a filter each, all loaded. Here everything else is allowed.
const STACK: [&str; 8] = [
    "deny: personality(!(persona in {0, 0xffffffff}))",
    "deny: socket(!(family in {AF_UNIX, AF_INET, AF_INET6}))",
    "deny: unshare, setns, clone(flags & (CLONE_NEWNS|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET|CLONE_NEWIPC) != 0)",
    "deny: mmap(prot has PROT_WRITE|PROT_EXEC), mprotect(prot has PROT_EXEC), pkey_mprotect(prot has PROT_EXEC)",
    "deny: sched_setscheduler(policy in {SCHED_FIFO, SCHED_RR})",
    "deny: chmod(mode & 0o6000 != 0), fchmod(mode & 0o6000 != 0), fchmodat(mode & 0o6000 != 0)",
    "deny: init_module, finit_module, delete_module, kexec_load, kexec_file_load",
    "deny: clock_settime, settimeofday, sethostname, setdomainname",
];

/// Eight filters, and the one that does what they do together.
fn stack(count: usize) -> String {
    let policies: Option<Vec<_>> =
        STACK.iter().map(|deny| resolved(&format!("allow: all\n{deny}\n"), &[Abi::X86_64])).collect();
    let policies = policies.expect("the policies are right");
    let programs = policies.iter().map(|policy| compile(policy).expect("it compiles").program).collect();
    let merged = compile(&combine::stack(&policies).expect("they combine")).expect("it compiles").program;
    let length = |programs: &[Program]| programs.iter().map(|program| program.instructions.len()).sum::<usize>();
    let mut contenders = vec![
        Contender::new("no filter", Vec::new()),
        Contender::new("stack of eight", programs),
        Contender::new("the same, merged into one", vec![merged]),
    ];
    for contender in contenders.iter_mut().skip(1) {
        contender.name = format!("{} ({} instructions)", contender.name, length(&contender.filters));
    }
    rounds(&mut contenders, count);
    let mut text = "### A stack of eight filters and their merge\n\n\
        Eight filters that each deny a little and allow the rest, as a service manager's options do, and the one program that\n\
        `callgate merge --stack` makes of them.\n\n"
        .to_owned();
    text.push_str(&table(&contenders, STACK_CALLS));
    if let [bare, stack, merged] = &contenders[..] {
        // personality, the call of this table that is common and that an argument decides.
        let added = |contender: &Contender| quiet(&contender.calls[1]).0 - quiet(&bare.calls[1]).0;
        text.push_str(&format!(
            "The merge adds {:.1} times less to `personality` than the stack.\n",
            added(stack) / added(merged)
        ));
    }
    text
}

/// Nanoseconds added over the first contender, and microseconds to load.
fn table(contenders: &[Contender], calls: [&str; 4]) -> String {
    let Some((bare, filtered)) = contenders.split_first().filter(|(bare, _)| bare.filters.is_empty()) else {
        return "No filter could be loaded here.\n\n".to_owned();
    };
    let mut table = format!(
        "Nanoseconds added to a call, and microseconds to load: lower quartile [minimum] of {} rounds.\n\n",
        bare.loads.len()
    );
    table.push_str(&format!("| | {} | load, µs |\n|---|{}\n", calls.join(" | "), "--:|".repeat(CALLS.len() + 1)));
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
