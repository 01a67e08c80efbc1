//! What a filter costs: its size before and after the kernel's conversion, the instructions that calls execute, and which
//! calls the kernel lets through without running it at all.
//!
//! Everything is counted, nothing is timed: the same program gives the same figures. Knows nothing of how a program was
//! made, so that filters of other compilers are measured by the same rule.

mod bitmap;
mod typical;
mod word;
mod worst;

use std::collections::BTreeMap;

use callgate_grammar::tree::Version;

use crate::abi::Abi;
use crate::bpf::{Program, Refusal, admit, converted_length, simulate};
use crate::call::SyscallData;
use crate::tables;

pub use bitmap::{BITMAP_SINCE, Uncached, cached, has_bitmap};
pub use typical::{MEASURED_NUMBERS, typical_arguments, typical_calls};
pub use worst::{Budget, Worst, worst};

/// The figures of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Classic instructions.
    pub instructions: usize,
    /// eBPF instructions after the kernel's conversion ([`converted_length`]).
    pub converted: usize,
    /// What the calls of each ABI cost, in the order asked for.
    pub abis: Vec<AbiMeasures>,
}

/// The figures of one ABI's calls.
#[derive(Clone, Debug, PartialEq)]
pub struct AbiMeasures {
    /// The ABI.
    pub abi: Abi,
    /// Executed instructions: the mean over [`typical_calls`].
    pub mean: f64,
    /// The most instructions that some call executes.
    pub worst: Worst,
    /// The named calls that the kernel lets through without running the filter, ascending by number.
    pub cached: Vec<u32>,
    /// The other named calls, ascending by number, and why.
    pub uncached: Vec<(u32, Uncached)>,
}

impl Measures {
    /// Executed instructions: the mean over the typical calls of all measured ABIs together.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(self.abis.iter().map(|of| of.mean))
    }

    /// The most instructions that a call of any measured ABI executes.
    #[must_use]
    pub fn worst(&self) -> Option<Worst> {
        // Of several as long, an upper bound says less than a path that was found.
        self.abis.iter().map(|of| of.worst).max_by_key(|worst| (worst.executed, worst.call.is_some()))
    }

    /// How many named calls of all measured ABIs the kernel lets through without running the filter.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.abis.iter().map(|of| of.cached.len()).sum()
    }
}

/// Measures a program for calls of these ABIs on a kernel of this version.
///
/// # Errors
/// What [`admit`] says of a program that the kernel would refuse.
pub fn measure(program: &Program, abis: impl IntoIterator<Item = Abi>, kernel: Version) -> Result<Measures, Refusal> {
    admit(program)?;
    let abis = abis.into_iter().map(|abi| {
        let (mut allowed, mut uncached) = (Vec::new(), Vec::new());
        for (nr, _) in tables::calls(abi) {
            match cached(program, abi, nr, kernel) {
                Ok(()) => allowed.push(nr),
                Err(reason) => uncached.push((nr, reason)),
            }
        }
        AbiMeasures {
            abi,
            mean: mean(typical_calls(abi).map(|call| executed(program, abi, &call))),
            worst: worst(program, abi, Budget::default()),
            cached: allowed,
            uncached,
        }
    });
    Ok(Measures {
        instructions: program.instructions.len(),
        converted: converted_length(program),
        abis: abis.collect(),
    })
}

/// Executed instructions: the mean over the calls of a mix, each with its typical arguments and as often as the mix says
/// (counts or shares, by name). Names that the ABI doesn't have are passed over. `None` when nothing is left.
///
/// With a `kernel`, calls that it lets through without running the filter execute nothing.
///
/// For a program that [`admit`] accepts; a run that ends in a fault counts as nothing.
#[must_use]
pub fn weighted_mean(program: &Program, abi: Abi, mix: &BTreeMap<String, f64>, kernel: Option<Version>) -> Option<f64> {
    let mut sum = 0.0;
    let mut weights = 0.0;
    for (name, &weight) in mix {
        let Some(nr) = tables::number(abi, name) else { continue };
        let runs = kernel.is_none_or(|kernel| cached(program, abi, nr, kernel).is_err());
        if runs {
            let call = SyscallData::new(abi.token(), nr, typical_arguments(name));
            sum += weight * executed(program, abi, &call);
        }
        weights += weight;
    }
    (weights > 0.0).then(|| sum / weights)
}

/// Counts are far below 2^52: a float holds them exactly.
#[allow(clippy::cast_precision_loss)]
fn executed(program: &Program, abi: Abi, call: &SyscallData) -> f64 {
    simulate(program, abi.endian(), call).map_or(0.0, |outcome| outcome.executed as f64)
}

fn mean(figures: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = figures.fold((0.0, 0.0), |(sum, count), figure| (sum + figure, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests;
