//! What the BPF maps hold, as rows.

use std::collections::BTreeMap;

use aya::maps::{Array, HashMap, PerCpuArray};
use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{First, Phase, Verdict};

use super::layout::{
    ANSWERED, Arguments, Counters, DeniedCall, ExecutableName, FirstCall, KILLED, LargeValue, NUMBERS, OtherCalls,
    OtherNumber, PHASES, RAN, TRAPPED,
};
use super::programs::{Counted, Place, Programs, ProgramsError, TABLES};
use crate::observed::Observed;
use crate::stacks::Moment;

impl Programs {
    /// Everything but the losses.
    pub(super) fn read(&self, observed: &mut Observed) -> Result<Counted, ProgramsError> {
        let origins = self.origins()?;
        let counted = self.read_counts(observed, &origins)?;
        self.read_arguments(observed)?;
        self.read_denied(observed, &origins)?;
        let serving: Array<_, u64> = Array::try_from(self.map(".data")?)?;
        let since = serving.get(&0, 0)?;
        observed.served_after((since != 0).then(|| since.saturating_sub(self.attached_at)));
        Ok(counted)
    }

    fn read_counts(&self, observed: &mut Observed, origins: &Origins<'_>) -> Result<Counted, ProgramsError> {
        let mut counted = Counted::default();
        let counters: PerCpuArray<_, Counters> = PerCpuArray::try_from(self.map("counters")?)?;
        let firsts: Array<_, FirstCall> = Array::try_from(self.map("firsts")?)?;
        for index in 0..PHASES {
            let phase = phase(index);
            let mut sums = vec![0_u64; 2 * NUMBERS];
            for block in counters.get(&index, 0)?.iter() {
                counted.all += block.all;
                sums.iter_mut().zip(block.calls).for_each(|(sum, calls)| *sum += calls);
            }
            let numbers = TABLES.into_iter().flat_map(|abi| (0..).take(NUMBERS).map(move |number| (abi, number)));
            let first_of_phase = index * 2 * NUMBERS as u32;
            for (place, ((abi, number), calls)) in (first_of_phase..).zip(numbers.zip(sums)) {
                if calls > 0 {
                    counted.rows += calls;
                    observed.count(abi, number, phase, calls);
                    if let Some(first) = origins.of(&firsts.get(&place, 0)?) {
                        observed.first(abi, number, phase, first);
                    }
                }
            }
        }
        let others: HashMap<_, OtherNumber, OtherCalls> = HashMap::try_from(self.map("other_numbers")?)?;
        for entry in &others {
            let (OtherNumber { phase: index, compat, number }, OtherCalls { calls, first }) = entry?;
            if calls > 0 {
                let abi = abi_of(compat, number);
                counted.rows += calls;
                observed.count(abi, number, phase(index), calls);
                if let Some(first) = origins.of(&first) {
                    observed.first(abi, number, phase(index), first);
                }
            }
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

    fn read_denied(&self, observed: &mut Observed, origins: &Origins<'_>) -> Result<(), ProgramsError> {
        let denied: HashMap<_, DeniedCall, OtherCalls> = HashMap::try_from(self.map("denied")?)?;
        for entry in &denied {
            let (DeniedCall { phase: index, compat, number, verdict }, OtherCalls { calls, first }) = entry?;
            let verdict = match verdict {
                ANSWERED => Verdict::Answered,
                TRAPPED => Verdict::Trap,
                KILLED => Verdict::Kill,
                errno => u16::try_from(errno).map_or(Verdict::Answered, Verdict::Errno),
            };
            if calls > 0 {
                let first = origins.of(&first);
                observed.deny(abi_of(compat, number), number, phase(index), verdict, calls, first);
            }
        }
        Ok(())
    }

    fn origins(&self) -> Result<Origins<'_>, ProgramsError> {
        let names: HashMap<_, ExecutableName, u32> = HashMap::try_from(self.map("executables")?)?;
        let mut executables = BTreeMap::new();
        for entry in &names {
            let (ExecutableName { name }, number) = entry?;
            executables.insert(number, text(&name));
        }
        Ok(Origins { programs: self, executables })
    }
}

/// What names a first call.
struct Origins<'programs> {
    programs: &'programs Programs,
    executables: BTreeMap<u32, String>,
}

impl Origins<'_> {
    /// `None` when nobody has made the call, or whoever made it is still writing.
    fn of(&self, first: &FirstCall) -> Option<First> {
        let Programs { plan, attached_at, frames, .. } = self.programs;
        let executable = match first.executable & RAN {
            0 => self.executables.get(&first.executable),
            _ => plan.executables.get(&(first.executable & !RAN)),
        };
        (first.time != 0 && first.task != 0).then(|| First {
            after: first.time.saturating_sub(*attached_at),
            process: first.process,
            task: first.task,
            thread: text(&first.thread),
            executable: executable.cloned(),
            test: plan.test.clone(),
            stack: frames.get(&Moment { time: first.time, task: first.task }).cloned().unwrap_or_default(),
        })
    }
}

/// Up to the NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// x32 shares the token of x86-64; bit 30 tells.
fn abi_of(compat: u32, number: u32) -> Abi {
    let table = if compat == 0 { Abi::X86_64 } else { Abi::X86 };
    Abi::of_call(table.token(), number).unwrap_or(table)
}

fn phase(index: u32) -> Phase {
    match index {
        0 => Phase::Exec,
        1 => Phase::Run,
        _ => Phase::Serving,
    }
}
