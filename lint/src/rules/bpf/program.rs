//! Questions to a compiled filter that are answered by comparing it with a changed copy of itself.

use callgate_compiler::abi::{Abi, Endian};
use callgate_compiler::bpf::{Instruction, Program, admit, op, simulate_visiting};
use callgate_compiler::call::SyscallData;
use callgate_compiler::outcome::Undecided;
use callgate_compiler::prove::{Budget, Verdict, program_within, programs_equal};
use callgate_profiles::import::bpf::RawFilter;

use crate::document::Document;

const LOAD: u16 = op::LD | op::W | op::ABS;
const EQUAL: u16 = op::JMP | op::JEQ | op::K;

/// The filter, if the document is one that the kernel would take.
pub(super) fn admitted(document: &Document) -> Option<&RawFilter> {
    document.filter().filter(|filter| admit(&filter.program).is_ok())
}

/// The program as it is when a word of `seccomp_data` has one value.
pub(super) fn knowing(program: &Program, offset: u32, value: u32) -> Program {
    let known = |instruction: &Instruction| match *instruction {
        Instruction { code: LOAD, k, .. } if k == offset => Instruction::statement(op::LD | op::IMM, value),
        other => other,
    };
    Program::new(program.instructions.iter().map(known).collect())
}

/// Whether two programs do the same with every call.
pub(super) fn equal(one: &Program, other: &Program, endian: Endian) -> Result<Option<SyscallData>, Undecided> {
    witness(&programs_equal(one, other, endian, Budget::default()))
}

/// A call that the program lets the kernel run, if there is one.
pub(super) fn runs(program: &Program, endian: Endian) -> Result<Option<SyscallData>, Undecided> {
    // Everything that comes before "log" in the kernel's order leaves the call to someone else.
    const TRACE: u32 = 0x7ff0_0000;
    let never = Program::new(vec![Instruction::ret(TRACE)]);
    witness(&program_within(program, &never, endian, Budget::default()))
}

/// `None` when it holds for every call.
fn witness(verdict: &Verdict) -> Result<Option<SyscallData>, Undecided> {
    match verdict {
        Verdict::Holds => Ok(None),
        Verdict::Fails(witness) => Ok(Some(witness.data)),
        Verdict::Undecided(_) => Err(Undecided),
    }
}

/// Whether a token is compared with.
pub(super) fn compares(program: &Program, token: u32) -> bool {
    program.instructions.iter().any(|instruction| instruction.code == EQUAL && instruction.k == token)
}

/// The ABIs of the filter's machine whose tokens it compares with; those of one token are both here.
pub(super) fn listed(filter: &RawFilter) -> Vec<Abi> {
    let of_machine = Abi::ALL.iter().copied().filter(|abi| abi.endian() == filter.endian);
    of_machine.filter(|abi| compares(&filter.program, abi.token())).collect()
}

/// The instructions that a call goes through.
pub(super) fn path(filter: &RawFilter, data: &SyscallData) -> Vec<usize> {
    let mut path = Vec::new();
    // What the kernel takes has no fault.
    let _ = simulate_visiting(&filter.program, filter.endian, data, |position| path.push(position));
    path
}
