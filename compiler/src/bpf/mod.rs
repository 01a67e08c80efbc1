//! Classic BPF: instructions, the kernel's admission rules, a simulator, an assembler and a disassembler, what the kernel makes of a program.

mod admission;
mod assembler;
mod bitmap;
mod bytes;
mod conversion;
mod instruction;
mod listing;
mod machine;

pub use admission::{Refusal, admit};
pub use assembler::{AssembleError, assemble, assembled_lines, looks_assembled};
pub use bitmap::{ConstantEnd, constant_allow, constant_end};
pub use bytes::{PartialInstruction, from_bytes, to_bytes};
pub use conversion::{MAX_CONVERTED, converted_length};
pub use instruction::{Instruction, MAX_INSTRUCTIONS, Origin, Program, SCRATCH_WORDS, offset, op};
pub use listing::{Note, NumberName, disassemble, disassemble_with};
pub use machine::{Fault, Outcome, simulate, simulate_visiting};
pub(crate) use machine::{arithmetic, jumps};
