//! Programs the kernel refuses are not compared.

use super::interpreter::{instruction, jeq, ld, program, ret};
use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::{Instruction, Program};
use crate::prove::operation::operations;
use crate::prove::{Budget, Refusal, Side, Undecided, Verdict, programs_equal};

fn refusal(program: &Program) -> Option<Refusal> {
    match programs_equal(program, program, Endian::Little, Budget::default()) {
        Verdict::Undecided(Undecided::Refused(Side::Left, refusal)) => Some(refusal),
        Verdict::Holds => None,
        verdict => panic!("{verdict:?}"),
    }
}

/// The place of the refused instruction before a return.
fn refused(instructions: &[Instruction]) -> Option<usize> {
    let program = program(instructions.iter().copied().chain([ret(Action::Allow)]));
    match refusal(&program)? {
        Refusal::Instruction(index, _) => Some(index),
        Refusal::Length(length) => panic!("length {length}"),
    }
}

#[test]
fn lengths() {
    assert_eq!(refusal(&program([])), Some(Refusal::Length(0)));
    let long = |length| program(std::iter::repeat_n(ret(Action::Allow), length));
    assert_eq!(refusal(&long(4096)), None);
    assert_eq!(refusal(&long(4097)), Some(Refusal::Length(4097)));
    assert_eq!(
        refusal(&program([ld(0)])).map(|refusal| refusal.to_string()).as_deref(),
        Some("instruction 0: the last instruction must return")
    );
}

/// Every 16-bit code, against the list of `seccomp_check_filter` (kernel/seccomp.c).
#[test]
fn codes() {
    let accepted = [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24, 0x25, 0x2c,
        0x2d, 0x34, 0x35, 0x3c, 0x3d, 0x44, 0x45, 0x4c, 0x4d, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80,
        0x81, 0x84, 0x87, 0xa4, 0xac,
    ];
    for code in 0..=u16::MAX {
        // Both cells are written, both ways of a jump are inside; 0 divides and is no cell, so 4.
        let k = if code == 0x05 { 0 } else { 4 };
        let tried = program([instruction(0x02, 0, 0, 4), instruction(code, 0, 0, k), ret(Action::Allow)]);
        assert_eq!(operations(&tried).is_ok(), accepted.contains(&code), "{code:#x}");
    }
}

#[test]
fn operands() {
    assert_eq!(refused(&[ld(60)]), None);
    assert_eq!(refused(&[ld(64)]), Some(0));
    assert_eq!(refused(&[ld(2)]), Some(0));
    assert_eq!(refused(&[ld(0x100)]), Some(0));
    assert_eq!(refused(&[instruction(0x34, 0, 0, 0)]), Some(0));
    assert_eq!(refused(&[instruction(0x64, 0, 0, 31)]), None);
    assert_eq!(refused(&[instruction(0x64, 0, 0, 32)]), Some(0));
    assert_eq!(refused(&[instruction(0x74, 0, 0, 32)]), Some(0));
    assert_eq!(refused(&[instruction(0x02, 0, 0, 15)]), None);
    assert_eq!(refused(&[instruction(0x02, 0, 0, 16)]), Some(0));
}

#[test]
fn jumps() {
    assert_eq!(refused(&[jeq(0, 0, 0)]), None);
    assert_eq!(refused(&[jeq(0, 1, 0)]), Some(0));
    assert_eq!(refused(&[jeq(0, 0, 1)]), Some(0));
    assert_eq!(refused(&[instruction(0x05, 0, 0, 1)]), Some(0));
    assert_eq!(refused(&[instruction(0x05, 0, 0, u32::MAX)]), Some(0));
}

#[test]
fn cells_are_written_before_they_are_read() {
    let store = instruction(0x02, 0, 0, 0);
    let load = instruction(0x60, 0, 0, 0);
    assert_eq!(refused(&[load]), Some(0));
    assert_eq!(refused(&[store, load]), None);
    assert_eq!(refused(&[jeq(0, 0, 1), store, load]), Some(2));
    assert_eq!(refused(&[jeq(0, 0, 2), store, instruction(0x05, 0, 0, 1), store, load]), None);
}
