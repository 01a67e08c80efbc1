//! A filter as a Rust source file that compiles on its own.

use std::fmt::Write as _;

use callgate_compiler::abi::Endian;
use callgate_compiler::bpf::Program;

const HEAD: &str = "\
//! A seccomp filter, written by callgate. Load it with no_new_privs set (or CAP_SYS_ADMIN): a `struct sock_fprog` of its
//! length and address goes to seccomp(2), `SECCOMP_SET_MODE_FILTER`.

/// An instruction of classic BPF: `struct sock_filter` of `linux/filter.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SockFilter {
    /// The operation.
    pub code: u16,
    /// Instructions to skip when its test holds.
    pub jt: u8,
    /// Instructions to skip when it doesn't.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

";

/// Where comments start, in characters from the left.
const COMMENT_COLUMN: usize = 68;

pub(super) fn source(program: &Program, endian: Endian) -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(text, "/// The filter.\npub const FILTER: [SockFilter; {}] = [", program.instructions.len());
    for &instruction in &program.instructions {
        let (code, jt, jf, k) = (instruction.code, instruction.jt, instruction.jf, instruction.k);
        let line = format!("    SockFilter {{ code: {code:#04x}, jt: {jt}, jf: {jf}, k: {k:#x} }},");
        let _ = match super::c::comment(instruction, endian) {
            Some(comment) => writeln!(text, "{line:COMMENT_COLUMN$} // {comment}"),
            None => writeln!(text, "{line}"),
        };
    }
    text.push_str("];\n");
    text
}
