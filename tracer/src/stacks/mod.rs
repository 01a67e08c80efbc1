//! Stacks of first calls: registers and the top of a stack, unwound by what the program's files say of their frames.
//!
//! Frame pointers aren't needed: every 64-bit program of a usual compiler describes its frames in `.eh_frame`. What is needed
//! is the list of the process's files, which `/proc` gives only while it runs; so that is read when a sample arrives, and the
//! rest at the end.

mod elf;
mod image;
mod names;

use std::collections::BTreeMap;
use std::sync::Arc;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{FrameAddress, Unwinder};

use elf::Elf;
pub(crate) use image::start_stack;
use image::{FileId, Image, Loaded};
use names::Names;

/// Bytes of a stack that are kept.
pub(crate) const STACK: usize = 16 << 10;
/// Frames of one stack, at most.
const FRAMES: usize = 128;

/// Registers and the top of the stack of a task that made a call.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Moment,
    pub(crate) process: u32,
    /// Where its stack begins: another place for each program that the process executes.
    pub(crate) start_stack: u64,
    pub(crate) ip: u64,
    pub(crate) sp: u64,
    pub(crate) bp: u64,
    /// From `sp` up.
    pub(crate) stack: Vec<u8>,
}

/// When a call was made, in nanoseconds by the recorder's clock, and by which task: no two calls have both in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) time: u64,
    pub(crate) task: u32,
}

/// What is collected while a recording goes on.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    samples: Vec<Sample>,
    images: BTreeMap<(u32, u64), Image>,
    files: BTreeMap<FileId, Elf>,
}

impl Stacks {
    /// Takes samples that have just been made.
    pub(crate) fn take(&mut self, samples: Vec<Sample>) {
        // Once for all of a process: what is mapped stays mapped, as a rule.
        let mut processes: Vec<u32> = samples.iter().map(|sample| sample.process).collect();
        processes.sort_unstable();
        processes.dedup();
        for process in processes {
            if let Some(image) = Image::of(process, &mut self.files) {
                self.images.insert((process, image.start_stack), image);
            }
        }
        self.samples.extend(samples);
    }

    /// Unwinds and names them all, innermost frame first. A sample is left out whose process had ended, or had executed another
    /// program, before its files were known.
    pub(crate) fn unwind(self) -> BTreeMap<Moment, Vec<String>> {
        let Self { samples, images, files } = self;
        let mut unwound = BTreeMap::new();
        let names = Names::new();
        let mut loaded: BTreeMap<(u32, u64), Loaded<'_>> = BTreeMap::new();
        let mut cache = CacheX86_64::new();
        for sample in samples {
            let key = (sample.process, sample.start_stack);
            let Some(image) = images.get(&key) else { continue };
            let image = loaded.entry(key).or_insert_with(|| image.load(&files));
            let frames = frames(&image.unwinder, &mut cache, &sample);
            let named = frames.into_iter().flat_map(|frame| names.of(frame, image));
            unwound.insert(sample.at, named.take(FRAMES).collect());
        }
        unwound
    }
}

fn frames(
    unwinder: &UnwinderX86_64<Arc<[u8]>>,
    cache: &mut CacheX86_64,
    Sample { ip, sp, bp, stack, .. }: &Sample,
) -> Vec<FrameAddress> {
    let mut read = |address: u64| {
        let at = usize::try_from(address.checked_sub(*sp).ok_or(())?).map_err(drop)?;
        let word = stack.get(at..).and_then(|rest| rest.first_chunk()).ok_or(())?;
        Ok(u64::from_le_bytes(*word))
    };
    let mut frames = Vec::new();
    let mut walk = unwinder.iter_frames(*ip, UnwindRegsX86_64::new(*ip, *sp, *bp), cache, &mut read);
    while let Ok(Some(frame)) = walk.next() {
        frames.push(frame);
        if frames.len() == FRAMES {
            break;
        }
    }
    frames
}
