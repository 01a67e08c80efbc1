//! Classic BPF: instructions, the kernel's admission rules, a simulator, a disassembler, what the kernel makes of a program.

mod instruction;

pub use instruction::{Instruction, MAX_INSTRUCTIONS, Program, op};
