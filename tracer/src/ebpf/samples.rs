//! Stacks that the BPF programs hand out, when they are wanted.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};

use super::layout::SampleHead;
use super::programs::ProgramsError;
use crate::stacks::{Moment, Sample, Stacks};

/// `samples`
pub(super) const MAP: &str = "samples";
/// Bytes of the ring: over 200 stacks that nobody has taken yet.
pub(super) const ROOM: u32 = 4 << 20;

/// The ring, and what came out of it.
pub(super) struct Samples {
    ring: RingBuf<MapData>,
    stacks: Stacks,
}

impl Samples {
    /// Of an object that was told to keep stacks.
    pub(super) fn of(object: &mut Ebpf) -> Result<Self, ProgramsError> {
        let map = object.take_map(MAP).ok_or(ProgramsError::MissingMap(MAP))?;
        Ok(Self { ring: RingBuf::try_from(map)?, stacks: Stacks::default() })
    }

    /// Readable when there are samples.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    /// Takes what is there. Soon after it came: of a process that has ended nothing more can be learned.
    pub(super) fn take(&mut self) {
        let mut taken = Vec::new();
        while let Some(item) = self.ring.next() {
            taken.extend(sample(&item));
        }
        self.stacks.take(taken);
    }

    /// The frames of each sample whose process was known.
    pub(super) fn unwind(mut self) -> BTreeMap<Moment, Vec<String>> {
        self.take();
        self.stacks.unwind()
    }
}

fn sample(item: &[u8]) -> Option<Sample> {
    let (head, stack) = item.split_at_checked(size_of::<SampleHead>())?;
    // SAFETY: as many bytes as the structure has, which are integers, wherever they stand.
    let head = unsafe { head.as_ptr().cast::<SampleHead>().read_unaligned() };
    let SampleHead { time, start_stack, ip, sp, bp, process, task, bytes } = head;
    let stack = stack.get(..usize::try_from(bytes).ok()?)?.to_vec();
    Some(Sample { at: Moment { time, task }, process, start_stack, ip, sp, bp, stack })
}
