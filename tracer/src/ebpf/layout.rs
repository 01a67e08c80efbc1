//! The structures of ../../bpf/maps.h and stacks.h, byte for byte. The loader checks that map values have these sizes.

use aya::Pod;

/// `PHASES`: exec, run, serving.
pub(super) const PHASES: u32 = 3;
/// `NUMBERS`: counters of one ABI.
pub(super) const NUMBERS: usize = 512;
/// `KEPT_ARGUMENTS`: places for kept arguments, over both ABIs.
pub(super) const KEPT_ARGUMENTS: usize = 1024;
/// `LISTENS` and `WAITS`, bits of [`ArgumentRule::kept`].
pub(super) const LISTENS: u8 = 1 << 6;
pub(super) const WAITS: u8 = 1 << 7;
/// `NAME`: bytes of an executable's name.
const NAME: usize = 256;

/// `struct argument_rule`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ArgumentRule {
    pub(super) kept: u8,
    pub(super) narrow: u8,
    pub(super) first: u16,
}

/// `struct scope`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScopeWords {
    pub(super) cgroup: u64,
    pub(super) attached_at: u64,
    pub(super) cgroup_level: u32,
    pub(super) threads: u32,
    pub(super) since_filter: u32,
    pub(super) filters: u32,
}

/// `RAN`: what a process ran when it was marked stands for the number of a name.
pub(super) const RAN: u32 = 1 << 31;

/// `struct mark`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) phase: u32,
    pub(super) place: u32,
    pub(super) flags: u32,
    pub(super) executable: u32,
}

impl Mark {
    /// Of the stopped child that becomes the command; its end is counted (`COUNTED`).
    pub(super) const COMMAND: Self = Self { phase: 0, place: 0, flags: 1, executable: 0 };

    /// Of a process that runs already.
    pub(super) const fn running(process: u32) -> Self {
        Self { phase: 1, place: 0, flags: 0, executable: RAN | process }
    }
}

/// `struct first`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct FirstCall {
    pub(super) time: u64,
    pub(super) process: u32,
    pub(super) task: u32,
    pub(super) executable: u32,
    pub(super) padding: u32,
    pub(super) thread: [u8; 16],
}

/// `struct other_calls`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct OtherCalls {
    pub(super) calls: u64,
    pub(super) first: FirstCall,
}

/// `struct denied`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct DeniedCall {
    pub(super) phase: u32,
    pub(super) compat: u32,
    pub(super) number: u32,
    pub(super) verdict: i32,
}

/// `struct sample` without its `stack`, which follows.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct SampleHead {
    pub(super) time: u64,
    pub(super) start_stack: u64,
    pub(super) ip: u64,
    pub(super) sp: u64,
    pub(super) bp: u64,
    pub(super) process: u32,
    pub(super) task: u32,
    /// Of the stack.
    pub(super) bytes: u64,
}

/// `enum verdict`: what isn't an error number.
pub(super) const ANSWERED: i32 = 0;
pub(super) const TRAPPED: i32 = -1;
pub(super) const KILLED: i32 = -2;

/// `struct executable_name`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct ExecutableName {
    pub(super) name: [u8; NAME],
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
#[derive(Clone, Copy, Debug, Default)]
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
    pub(super) lost_members: u64,
    pub(super) lost_denied: u64,
    pub(super) executables: u64,
}

// SAFETY: integers only, repr(C), and no padding: the fields' sizes add up to the structures' (checked below).
unsafe impl Pod for ArgumentRule {}
// SAFETY: as above.
unsafe impl Pod for ScopeWords {}
// SAFETY: as above.
unsafe impl Pod for Mark {}
// SAFETY: as above.
unsafe impl Pod for FirstCall {}
// SAFETY: as above.
unsafe impl Pod for OtherCalls {}
// SAFETY: as above.
unsafe impl Pod for DeniedCall {}
// SAFETY: as above.
unsafe impl Pod for ExecutableName {}
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
    assert!(size_of::<ScopeWords>() == 8 + 8 + 4 * 4);
    assert!(size_of::<Mark>() == 16);
    assert!(size_of::<FirstCall>() == 8 + 4 * 4 + 16);
    assert!(size_of::<OtherCalls>() == 8 + size_of::<FirstCall>());
    assert!(size_of::<DeniedCall>() == 16);
    assert!(size_of::<Counters>() == 8 * (2 * NUMBERS + 1));
    assert!(size_of::<OtherNumber>() == 12);
    assert!(size_of::<Arguments>() == (8 + 8 + 4 + 4) * KEPT_ARGUMENTS);
    assert!(size_of::<LargeValue>() == 16);
    assert!(size_of::<Totals>() == 12 * 8);
    assert!(size_of::<SampleHead>() == 5 * 8 + 2 * 4 + 8);
};
