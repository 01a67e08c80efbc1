//! The stack of a task that stands at the entry of a call.

use std::io::IoSliceMut;

use libc::pid_t;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::stacks::{Moment, STACK, Sample, start_stack};

/// Bytes that are read at once: a read that meets the end of the stack gets what is before it.
const STEP: usize = 1024;

/// `None` when the task has ended, or isn't a 64-bit program of x86-64.
pub(super) fn sample(task: pid_t, process: u32, at: Moment) -> Option<Sample> {
    let (ip, sp, bp) = registers(task)?;
    // A program of 32 bits.
    if sp >> 32 == 0 {
        return None;
    }
    Some(Sample { at, process, start_stack: start_stack(process)?, ip, sp, bp, stack: memory(task, sp) })
}

#[cfg(target_arch = "x86_64")]
fn registers(task: pid_t) -> Option<(u64, u64, u64)> {
    let registers = nix::sys::ptrace::getregs(Pid::from_raw(task)).ok()?;
    Some((registers.rip, registers.rsp, registers.rbp))
}

#[cfg(not(target_arch = "x86_64"))]
fn registers(_task: pid_t) -> Option<(u64, u64, u64)> {
    None
}

/// What is there from an address on, as much as is kept of a stack.
fn memory(task: pid_t, from: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(STACK);
    let mut step = [0; STEP];
    while bytes.len() < STACK {
        let Ok(base) = usize::try_from(from + bytes.len() as u64) else { break };
        let there = [RemoteIoVec { base, len: STEP }];
        match process_vm_readv(Pid::from_raw(task), &mut [IoSliceMut::new(&mut step)], &there) {
            Ok(read) if read > 0 => bytes.extend(&step[..read]),
            _ => break,
        }
    }
    bytes
}
