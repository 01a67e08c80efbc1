//! The structures of ../../bpf/record.bpf.c, byte for byte. The loader checks that map values have these sizes.

use aya::Pod;

/// `PHASES`: exec, then run.
pub(super) const PHASES: u32 = 2;
/// `NUMBERS`: counters of one ABI.
pub(super) const NUMBERS: usize = 512;
/// `KEPT_ARGUMENTS`: places for kept arguments, over both ABIs.
pub(super) const KEPT_ARGUMENTS: usize = 1024;

/// `struct argument_rule`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ArgumentRule {
    pub(super) kept: u8,
    pub(super) narrow: u8,
    pub(super) first: u16,
}

/// `struct mark`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) phase: u32,
}

/// `struct counters`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Counters {
    pub(super) calls: [u64; 2 * NUMBERS],
    pub(super) all: u64,
}

/// `struct other_number`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct OtherNumber {
    pub(super) phase: u32,
    pub(super) compat: u32,
    pub(super) number: u32,
}

/// `struct arguments`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub(super) small: [u64; KEPT_ARGUMENTS],
    pub(super) last: [u64; KEPT_ARGUMENTS],
    pub(super) larges: [u32; KEPT_ARGUMENTS],
    pub(super) unbounded: [u32; KEPT_ARGUMENTS],
}

/// `struct large_value`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct LargeValue {
    pub(super) phase: u32,
    pub(super) place: u32,
    pub(super) value: u64,
}

/// `struct totals`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub(super) lost_tasks: u64,
    pub(super) lost_other_numbers: u64,
    pub(super) lost_blocks: u64,
    pub(super) forked_tasks: u64,
    pub(super) forked_processes: u64,
    pub(super) ended_tasks: u64,
    pub(super) ended_processes: u64,
    pub(super) stragglers: u64,
    pub(super) vsyscalls: u64,
}

// SAFETY: integers only, repr(C), and no padding: the fields' sizes add up to the structures' (checked below).
unsafe impl Pod for ArgumentRule {}
// SAFETY: as above.
unsafe impl Pod for Mark {}
// SAFETY: as above.
unsafe impl Pod for Counters {}
// SAFETY: as above.
unsafe impl Pod for OtherNumber {}
// SAFETY: as above.
unsafe impl Pod for Arguments {}
// SAFETY: as above.
unsafe impl Pod for LargeValue {}
// SAFETY: as above.
unsafe impl Pod for Totals {}

const _: () = {
    assert!(size_of::<ArgumentRule>() == 4);
    assert!(size_of::<Mark>() == 4);
    assert!(size_of::<Counters>() == 8 * (2 * NUMBERS + 1));
    assert!(size_of::<OtherNumber>() == 12);
    assert!(size_of::<Arguments>() == (8 + 8 + 4 + 4) * KEPT_ARGUMENTS);
    assert!(size_of::<LargeValue>() == 16);
    assert!(size_of::<Totals>() == 9 * 8);
};
