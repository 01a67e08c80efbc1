//! The BPF object in the kernel: loaded, attached, pointed at a task, read.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use aya::maps::{Array, HashMap, Map, MapError, PerCpuArray};
use aya::programs::tp_btf::BtfTracePointLinkId;
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};
use callgate_compiler::abi::Abi;
use callgate_profiles::recording::Phase;

use super::kernel::{recursion_misses, update_task_storage, wait_for_running_programs};
use super::layout::{
    ArgumentRule, Arguments, Counters, KEPT_ARGUMENTS, LargeValue, Mark, NUMBERS, OtherNumber, PHASES, Totals,
};
use super::unavailable::Unavailable;
use crate::arguments::{Kept, kept};
use crate::observed::Observed;
use crate::record::{Capacities, RecordError};

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/record.x86_64.o");

/// Each program of the object, and the tracepoint it stands at. `on_sys_enter` comes last, so that no task is counted
/// whose children would be missed.
const PROGRAMS: &[(&str, &str)] = &[
    ("on_fork", "sched_process_fork"),
    ("on_exec", "sched_process_exec"),
    ("on_exit", "sched_process_exit"),
    ("on_vsyscall", VSYSCALL),
    ("on_sys_enter", "sys_enter"),
];
/// Only where `CONFIG_X86_VSYSCALL_EMULATION` is set; where it isn't, there are no such calls.
const VSYSCALL: &str = "emulate_vsyscall";

/// The object's two tables of numbers, in their order.
const TABLES: [Abi; 2] = [Abi::X86_64, Abi::X86];

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
    places: Vec<Place>,
}

/// What a place in `struct arguments` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    abi: Abi,
    number: u32,
    argument: u8,
}

impl Programs {
    /// Loads and attaches everything. Until a task is marked, nothing is recorded.
    pub(super) fn attach(capacities: &Capacities) -> Result<Self, Unavailable> {
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
        // aya has no type for task storage; `mark` updates the map itself.
        loader.allow_unsupported_maps();
        loader.override_global("argument_rules", &rules[..], true);
        loader.override_global("refuse_task_storage", &capacities.refuse_task_storage, true);
        for (map, entries) in [
            ("other_numbers", capacities.other_numbers),
            ("large_values", capacities.large_values),
            ("stragglers", capacities.stragglers),
        ] {
            if let Some(entries) = entries {
                loader.map_max_entries(map, entries);
            }
        }
        let mut object = loader.load(OBJECT).map_err(|error| Unavailable::refused("create the BPF maps", &error))?;
        let mut links = Vec::with_capacity(PROGRAMS.len());
        for &(name, tracepoint) in PROGRAMS {
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
        Ok(Self { object, links, places })
    }

    /// Marks the stopped task behind `pidfd`, so that it and all it will ever fork are recorded.
    pub(super) fn mark(&self, pidfd: BorrowedFd<'_>) -> Result<(), ProgramsError> {
        let Map::Unsupported(marks) = self.map("marks")? else { return Err(ProgramsError::MissingMap("marks")) };
        let mark = Mark { phase: 0 };
        update_task_storage(marks.fd().as_fd(), pidfd, mark).map_err(ProgramsError::Mark)
    }

    /// How many marked tasks, and of how many processes, are running.
    pub(super) fn running(&self) -> Result<Running, ProgramsError> {
        Ok(Running::of(&self.totals()?))
    }

    /// Stops recording and returns what was recorded. `ended`: every marked task has, so the sums must be right.
    pub(super) fn finish(mut self, ended: bool) -> Result<Observed, ProgramsError> {
        let mut observed = Observed::default();
        for (name, link) in std::mem::take(&mut self.links) {
            let program = program(&mut self.object, name)?;
            let misses = recursion_misses(program.fd()?.as_fd()).map_err(ProgramsError::Misses)?;
            observed.lose("skipped_events", misses);
            program.detach(link)?;
        }
        if !ended {
            wait_for_running_programs();
        }
        let counted = self.read_counts(&mut observed)?;
        self.read_arguments(&mut observed)?;
        let totals = self.totals()?;
        observed.lose("forked_tasks", totals.lost_tasks);
        observed.lose("other_numbers", totals.lost_other_numbers);
        observed.lose("counter_blocks", totals.lost_blocks);
        if ended {
            let tasks = Running::of(&totals).tasks;
            observed.lose("unaccounted_tasks", tasks.saturating_sub(totals.lost_tasks));
            let seen = counted.all + totals.vsyscalls;
            observed.lose("counter_mismatch", seen.abs_diff(counted.rows + totals.lost_other_numbers));
        }
        Ok(observed)
    }

    fn read_counts(&self, observed: &mut Observed) -> Result<Counted, ProgramsError> {
        let mut counted = Counted::default();
        let counters: PerCpuArray<_, Counters> = PerCpuArray::try_from(self.map("counters")?)?;
        for index in 0..PHASES {
            for block in counters.get(&index, 0)?.iter() {
                counted.all += block.all;
                for (abi, calls) in TABLES.into_iter().zip(block.calls.chunks(NUMBERS)) {
                    for (number, &calls) in (0..).zip(calls).filter(|&(_, &calls)| calls > 0) {
                        counted.rows += calls;
                        observed.count(abi, number, phase(index), calls);
                    }
                }
            }
        }
        let others: HashMap<_, OtherNumber, u64> = HashMap::try_from(self.map("other_numbers")?)?;
        for entry in &others {
            let (OtherNumber { phase: index, compat, number }, calls) = entry?;
            let table = if compat == 0 { Abi::X86_64 } else { Abi::X86 };
            // x32 shares the token of x86-64; bit 30 tells.
            let abi = Abi::of_call(table.token(), number).unwrap_or(table);
            counted.rows += calls;
            observed.count(abi, number, phase(index), calls);
        }
        Ok(counted)
    }

    fn read_arguments(&self, observed: &mut Observed) -> Result<(), ProgramsError> {
        let arguments: Array<_, Arguments> = Array::try_from(self.map("arguments")?)?;
        for index in 0..PHASES {
            let seen = arguments.get(&index, 0)?;
            for (place, (&small, &unbounded)) in self.places.iter().zip(seen.small.iter().zip(&seen.unbounded)) {
                let &Place { abi, number, argument } = place;
                for value in (0..64).filter(|value| small >> value & 1 == 1) {
                    observed.value(abi, number, phase(index), argument, value);
                }
                if unbounded != 0 {
                    observed.unbounded(abi, number, phase(index), argument);
                }
            }
        }
        let values: HashMap<_, LargeValue, u8> = HashMap::try_from(self.map("large_values")?)?;
        for entry in &values {
            let (LargeValue { phase: index, place, value }, _) = entry?;
            if let Some(&Place { abi, number, argument }) = self.places.get(place as usize) {
                observed.value(abi, number, phase(index), argument, value);
            }
        }
        Ok(())
    }

    fn totals(&self) -> Result<Totals, ProgramsError> {
        let totals: Array<_, Totals> = Array::try_from(self.map(".bss")?)?;
        Ok(totals.get(&0, 0)?)
    }

    fn map(&self, name: &'static str) -> Result<&Map, ProgramsError> {
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
    /// The command's own first task is one that nobody marked forked.
    fn of(totals: &Totals) -> Self {
        let tasks = (1 + totals.forked_tasks).saturating_sub(totals.ended_tasks);
        let processes = (1 + totals.forked_processes).saturating_sub(totals.ended_processes);
        Self { tasks, processes: processes.clamp(tasks.min(1), tasks) }
    }
}

/// Two ways to the number of calls.
#[derive(Default)]
struct Counted {
    all: u64,
    rows: u64,
}

fn phase(index: u32) -> Phase {
    if index == 0 { Phase::Exec } else { Phase::Run }
}

fn program<'object>(object: &'object mut Ebpf, name: &str) -> Result<&'object mut BtfTracePoint, ProgramError> {
    object.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
}

/// The object's table of rules, and what each place means. An argument for which no place is left isn't kept, and so
/// unconstrained in what is derived.
fn argument_rules() -> (Vec<ArgumentRule>, Vec<Place>) {
    let mut rules = vec![ArgumentRule::default(); 2 * NUMBERS];
    let mut places = Vec::new();
    let calls = TABLES.into_iter().flat_map(|abi| (0..).take(NUMBERS).map(move |number| (abi, number)));
    for (rule, (abi, number)) in rules.iter_mut().zip(calls) {
        let arguments: Vec<Kept> = kept(abi, number).collect();
        let Ok(first) = u16::try_from(places.len()) else { break };
        if places.len() + arguments.len() > KEPT_ARGUMENTS {
            continue;
        }
        let bits = |wanted: fn(&Kept) -> bool| {
            arguments.iter().filter(|kept| wanted(kept)).fold(0, |bits, kept| bits | 1 << kept.index)
        };
        *rule = ArgumentRule { kept: bits(|_| true), narrow: bits(|kept| kept.narrow), first };
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
        let place = places[usize::from(socket.first) + 1];
        assert_eq!(place, Place { abi: Abi::X86_64, number: 41, argument: 1 });
    }

    #[test]
    fn the_command_counts_as_running_until_it_ends() {
        let zero = Totals {
            lost_tasks: 0,
            lost_other_numbers: 0,
            lost_blocks: 0,
            forked_tasks: 0,
            forked_processes: 0,
            ended_tasks: 0,
            ended_processes: 0,
            stragglers: 0,
            vsyscalls: 0,
        };
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
