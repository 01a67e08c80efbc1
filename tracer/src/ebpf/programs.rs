//! The BPF object in the kernel: loaded, attached, pointed at a task.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use aya::maps::{Array, Map, MapData, MapError};
use aya::programs::tp_btf::BtfTracePointLinkId;
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};
use callgate_compiler::abi::Abi;
use callgate_compiler::tables;

use super::kernel::{monotonic, recursion_misses, update_task_storage, wait_for_running_programs};
use super::layout::{ArgumentRule, KEPT_ARGUMENTS, LISTENS, Mark, NUMBERS, ScopeWords, Totals, WAITS};
use super::plan::Plan;
use super::samples::{self, Samples};
use super::unavailable::Unavailable;
use crate::arguments::{Kept, kept};
use crate::cgroup::Cgroup;
use crate::observed::Observed;
use crate::record::RecordError;
use crate::stacks::Moment;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/record.x86_64.o");

/// Each program of the object, and the tracepoint it stands at, in the order in which they are attached; they are detached
/// in the reverse. `on_sys_enter` comes late, so that no task is counted whose children would be missed, and `on_sys_exit`
/// after it: an exit without an entry means something. `on_death` looks at a mark before `on_exit` drops it.
const PROGRAMS: &[(&str, &str)] = &[
    ("on_fork", "sched_process_fork"),
    ("on_exec", "sched_process_exec"),
    (DEATH, "sched_process_exit"),
    ("on_exit", "sched_process_exit"),
    ("on_vsyscall", VSYSCALL),
    ("on_sys_enter", "sys_enter"),
    (SYS_EXIT, "sys_exit"),
];
/// Only where refused calls are wanted: every task pays for a program at each end of a call.
const SYS_EXIT: &str = "on_sys_exit";
const DEATH: &str = "on_death";
/// Only where `CONFIG_X86_VSYSCALL_EMULATION` is set; where it isn't, there are no such calls.
const VSYSCALL: &str = "emulate_vsyscall";

/// The object's two tables of numbers, in their order.
pub(super) const TABLES: [Abi; 2] = [Abi::X86_64, Abi::X86];

/// Why the maps could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramsError {
    /// A map that the object defines isn't there.
    #[error("the BPF object has no map `{0}`")]
    MissingMap(&'static str),
    /// Reading a map failed.
    #[error("can't read a BPF map: {0}")]
    Map(#[from] MapError),
    /// A program could not be detached or asked about.
    #[error("can't use a BPF program: {0}")]
    Program(#[from] ProgramError),
    /// The kernel did not say whether it skipped a program.
    #[error("can't ask whether a BPF program was skipped: {0}")]
    Misses(#[source] io::Error),
    /// The task could not be marked.
    #[error("can't mark the command's process: {0}")]
    Mark(#[source] io::Error),
}

impl From<ProgramsError> for RecordError {
    fn from(error: ProgramsError) -> Self {
        Self::Kernel(Box::new(error))
    }
}

/// The loaded and attached object.
pub(super) struct Programs {
    object: Ebpf,
    links: Vec<(&'static str, BtfTracePointLinkId)>,
    pub(super) places: Vec<Place>,
    /// When the first program was about to be attached, by `CLOCK_MONOTONIC`, in nanoseconds.
    pub(super) attached_at: u64,
    pub(super) plan: Plan,
    /// When stacks are wanted.
    pub(super) samples: Option<Samples>,
    /// What came of them, at the end.
    pub(super) frames: BTreeMap<Moment, Vec<String>>,
}

/// What a place in `struct arguments` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) abi: Abi,
    pub(super) number: u32,
    pub(super) argument: u8,
}

impl Programs {
    /// Loads and attaches everything that `plan` needs. Until a task is marked, or makes a call in the plan's cgroup, nothing
    /// is recorded.
    pub(super) fn attach(plan: Plan) -> Result<Self, Unavailable> {
        if let Some(unavailable) = Unavailable::without_capabilities() {
            return Err(unavailable);
        }
        // The loader parses the kernel's type information for itself, which is most of what starting costs.
        let (btf, mut loader) = thread::scope(|scope| {
            let parser = thread::Builder::new().spawn_scoped(scope, Btf::from_sys_fs);
            let loader = EbpfLoader::new();
            let btf = match parser.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(btf)) => btf,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No more threads to be had.
                Err(_) => Btf::from_sys_fs(),
            };
            (btf, loader)
        });
        let btf = btf.map_err(|error| Unavailable::no_type_information(&error))?;
        let (rules, places) = argument_rules();
        let attached_at = monotonic();
        let scope = scope_words(&plan, attached_at);
        let capacities = &plan.capacities;
        // aya has no type for task storage; `mark` updates the map itself.
        loader.allow_unsupported_maps();
        loader.override_global("argument_rules", &rules[..], true);
        loader.override_global("refuse_task_storage", &capacities.refuse_task_storage, true);
        loader.override_global("scope", &scope, true);
        let keep_stacks = u32::from(plan.stacks);
        loader.override_global("keep_stacks", &keep_stacks, true);
        if plan.stacks {
            loader.map_max_entries(samples::MAP, samples::ROOM);
        }
        for (map, entries) in [
            ("other_numbers", capacities.other_numbers),
            ("large_values", capacities.large_values),
            ("stragglers", capacities.stragglers),
            ("denied", capacities.denied),
        ] {
            if let Some(entries) = entries {
                loader.map_max_entries(map, entries);
            }
        }
        let mut object = loader.load(OBJECT).map_err(|error| Unavailable::refused("create the BPF maps", &error))?;
        let mut links = Vec::with_capacity(PROGRAMS.len());
        for &(name, tracepoint) in PROGRAMS {
            if !plan.watch_denied && matches!(name, SYS_EXIT | DEATH) {
                continue;
            }
            let no_such_program =
                || Unavailable::refused("find the BPF programs", &ProgramError::UnexpectedProgramType);
            let program = object.program_mut(name).ok_or_else(no_such_program)?;
            let program: &mut BtfTracePoint = program.try_into().map_err(|_| no_such_program())?;
            match program.load(tracepoint, &btf) {
                Err(ProgramError::Btf(_)) if tracepoint == VSYSCALL => continue,
                loaded => loaded.map_err(|error| Unavailable::refused("load the BPF programs", &error))?,
            }
            let link = program.attach().map_err(|error| Unavailable::refused("attach the BPF programs", &error))?;
            links.push((name, link));
        }
        let samples = plan.stacks.then(|| Samples::of(&mut object)).transpose();
        let samples = samples.map_err(|error| Unavailable::refused("read the BPF maps", &error))?;
        Ok(Self { object, links, places, attached_at, plan, samples, frames: BTreeMap::new() })
    }

    /// Marks the task behind `pidfd`, so that it and all it will ever fork are recorded.
    pub(super) fn mark(&self, pidfd: BorrowedFd<'_>, mark: Mark) -> Result<(), ProgramsError> {
        let Map::Unsupported(marks) = self.map("marks")? else { return Err(ProgramsError::MissingMap("marks")) };
        update_task_storage(marks.fd().as_fd(), pidfd, mark).map_err(ProgramsError::Mark)
    }

    /// Says that the scope serves from now on, unless it does already.
    pub(super) fn serve(&mut self) -> Result<(), ProgramsError> {
        let map = self.object.map_mut(".data").ok_or(ProgramsError::MissingMap(".data"))?;
        let mut serving: Array<&mut MapData, u64> = Array::try_from(map)?;
        if serving.get(&0, 0)? == 0 {
            serving.set(0, monotonic(), 0)?;
        }
        Ok(())
    }

    /// What was recorded so far. A call that is counted this instant may be missing, or lack its argument values.
    pub(super) fn so_far(&self) -> Result<Observed, ProgramsError> {
        let mut observed = Observed::default();
        self.read(&mut observed)?;
        self.losses(&mut observed, &self.totals()?);
        Ok(observed)
    }

    /// How many marked tasks, and of how many processes, are running.
    pub(super) fn running(&self) -> Result<Running, ProgramsError> {
        Ok(Running::of(&self.totals()?))
    }

    /// How many processes are running in scope.
    pub(super) fn processes_in_scope(&self) -> Result<u64, ProgramsError> {
        match &self.plan.cgroup {
            Some(cgroup) => Ok(cgroup.processes().len() as u64),
            None if self.plan.is_of_a_command() => Ok(self.running()?.processes),
            None => Ok(self.forked()?.processes),
        }
    }

    /// The same without a command: what was forked in the scope and hasn't ended.
    pub(super) fn forked(&self) -> Result<Running, ProgramsError> {
        Ok(Running::beside(&self.totals()?, 0))
    }

    /// Stops recording and returns what was recorded. `ended`: every task in scope has, so the sums must be right.
    pub(super) fn finish(mut self, ended: bool) -> Result<Observed, ProgramsError> {
        let mut observed = Observed::default();
        for (name, link) in std::mem::take(&mut self.links).into_iter().rev() {
            let program = program(&mut self.object, name)?;
            let misses = recursion_misses(program.fd()?.as_fd()).map_err(ProgramsError::Misses)?;
            observed.lose("skipped_events", misses);
            program.detach(link)?;
        }
        if !ended {
            wait_for_running_programs();
        }
        let totals = self.totals()?;
        if let Some(samples) = self.samples.take() {
            self.frames = samples.unwind();
        }
        let counted = self.read(&mut observed)?;
        self.losses(&mut observed, &totals);
        if ended {
            // What was in a cgroup may have left it, and a process may have threads that made no call.
            if self.plan.is_of_a_command() {
                let tasks = Running::of(&totals).tasks;
                observed.lose("unaccounted_tasks", tasks.saturating_sub(totals.lost_tasks));
            }
            let seen = counted.all + totals.vsyscalls;
            observed.lose("counter_mismatch", seen.abs_diff(counted.rows + totals.lost_other_numbers));
        }
        Ok(observed)
    }

    fn losses(&self, observed: &mut Observed, totals: &Totals) {
        observed.lose("forked_tasks", totals.lost_tasks);
        observed.lose("scope_tasks", totals.lost_members);
        observed.lose("other_numbers", totals.lost_other_numbers);
        observed.lose("denied_calls", totals.lost_denied);
        observed.lose("counter_blocks", totals.lost_blocks);
    }

    fn totals(&self) -> Result<Totals, ProgramsError> {
        let totals: Array<_, Totals> = Array::try_from(self.map(".bss")?)?;
        Ok(totals.get(&0, 0)?)
    }

    pub(super) fn map(&self, name: &'static str) -> Result<&Map, ProgramsError> {
        self.object.map(name).ok_or(ProgramsError::MissingMap(name))
    }
}

/// Tasks and processes in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) tasks: u64,
    pub(super) processes: u64,
}

impl Running {
    /// Of a command: its own first task is one that nobody marked forked.
    fn of(totals: &Totals) -> Self {
        Self::beside(totals, 1)
    }

    /// Those that were forked, beside `marked` ones whose end is counted.
    fn beside(totals: &Totals, marked: u64) -> Self {
        let tasks = (marked + totals.forked_tasks).saturating_sub(totals.ended_tasks);
        let processes = (marked + totals.forked_processes).saturating_sub(totals.ended_processes);
        Self { tasks, processes: processes.clamp(tasks.min(1), tasks) }
    }
}

/// Two ways to the number of calls.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) all: u64,
    pub(super) rows: u64,
}

/// What the object is told of the scope.
fn scope_words(plan: &Plan, attached_at: u64) -> ScopeWords {
    let cgroup = plan.cgroup.as_ref();
    ScopeWords {
        cgroup: cgroup.map_or(0, Cgroup::id),
        attached_at: if plan.starting { 0 } else { attached_at },
        cgroup_level: cgroup.map_or(0, Cgroup::level),
        threads: plan.threads.into(),
        since_filter: plan.more_filters_than.is_some().into(),
        filters: plan.more_filters_than.unwrap_or(0),
    }
}

fn program<'object>(object: &'object mut Ebpf, name: &str) -> Result<&'object mut BtfTracePoint, ProgramError> {
    object.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
}

/// What makes a socket wait for connections, and what may wait for one. A rule of thumb on purpose: what it decides is only
/// in which phase a call stands. `socketcall` of 32-bit programs isn't looked into.
const LISTENING: &[&str] = &["listen"];
const WAITING: &[&str] = &[
    "accept",
    "accept4",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "io_uring_enter",
    "poll",
    "ppoll",
    "ppoll_time64",
    "pselect6",
    "pselect6_time64",
    "select",
    "_newselect",
];

fn serving_bits(abi: Abi, number: u32) -> u8 {
    let Some(name) = tables::name(abi, number) else { return 0 };
    let bit = |names: &[&str], bit| if names.contains(&name) { bit } else { 0 };
    bit(LISTENING, LISTENS) | bit(WAITING, WAITS)
}

/// The object's table of rules, and what each place means. An argument for which no place is left isn't kept, and so
/// unconstrained in what is derived.
fn argument_rules() -> (Vec<ArgumentRule>, Vec<Place>) {
    let mut rules = vec![ArgumentRule::default(); 2 * NUMBERS];
    let mut places = Vec::new();
    let calls = TABLES.into_iter().flat_map(|abi| (0..).take(NUMBERS).map(move |number| (abi, number)));
    for (rule, (abi, number)) in rules.iter_mut().zip(calls) {
        let arguments: Vec<Kept> = kept(abi, number).collect();
        rule.kept = serving_bits(abi, number);
        let Ok(first) = u16::try_from(places.len()) else { continue };
        if places.len() + arguments.len() > KEPT_ARGUMENTS {
            continue;
        }
        let bits = |wanted: fn(&Kept) -> bool| {
            arguments.iter().filter(|kept| wanted(kept)).fold(0, |bits, kept| bits | 1 << kept.index)
        };
        *rule = ArgumentRule { kept: rule.kept | bits(|_| true), narrow: bits(|kept| kept.narrow), first };
        places.extend(arguments.iter().map(|kept| Place { abi, number, argument: kept.index }));
    }
    (rules, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_argument_has_a_place() {
        let (rules, places) = argument_rules();
        let wanted: usize =
            TABLES.into_iter().flat_map(|abi| (0..).take(NUMBERS).map(move |number| kept(abi, number).count())).sum();
        assert_eq!(places.len(), wanted);
        assert!(wanted > 0 && wanted <= KEPT_ARGUMENTS, "{wanted}");
        let socket = rules[41];
        assert_eq!((socket.kept, socket.narrow), (0b111, 0b111));
        assert_eq!((rules[50].kept, rules[232].kept), (LISTENS, WAITS), "listen, epoll_wait");
        let place = places[usize::from(socket.first) + 1];
        assert_eq!(place, Place { abi: Abi::X86_64, number: 41, argument: 1 });
    }

    #[test]
    fn the_command_counts_as_running_until_it_ends() {
        let zero = Totals::default();
        let running = |totals: &Totals| {
            let running = Running::of(totals);
            (running.tasks, running.processes)
        };
        assert_eq!(running(&zero), (1, 1));
        assert_eq!(running(&Totals { forked_tasks: 4, forked_processes: 1, ended_tasks: 2, ..zero }), (3, 2));
        // Both last threads of a process saw themselves as the last.
        assert_eq!(
            running(&Totals { forked_tasks: 3, forked_processes: 1, ended_tasks: 2, ended_processes: 2, ..zero }),
            (2, 1)
        );
        assert_eq!(running(&Totals { ended_tasks: 1, ended_processes: 1, ..zero }), (0, 0));
    }
}
