//! Programs as the bytes of a `struct sock_filter` array.

use thiserror::Error;

use super::instruction::{Instruction, Program};
use crate::abi::Endian;

/// `sizeof(struct sock_filter)` (include/uapi/linux/filter.h): `u16 code; u8 jt; u8 jf; u32 k`.
const SIZE: usize = 8;

/// The bytes are no whole number of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} bytes are no whole number of 8-byte instructions")]
pub struct PartialInstruction(pub usize);

/// The `struct sock_filter` array of the program, in a machine's byte order.
#[must_use]
pub fn to_bytes(program: &Program, endian: Endian) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.instructions.len() * SIZE);
    for instruction in &program.instructions {
        let (code, k) = match endian {
            Endian::Little => (instruction.code.to_le_bytes(), instruction.k.to_le_bytes()),
            Endian::Big => (instruction.code.to_be_bytes(), instruction.k.to_be_bytes()),
        };
        bytes.extend(code);
        bytes.extend([instruction.jt, instruction.jf]);
        bytes.extend(k);
    }
    bytes
}

/// The program in a `struct sock_filter` array of a machine's byte order. Whether the kernel would take it is
/// [`admit`](super::admit)'s question.
///
/// # Errors
/// [`PartialInstruction`] when bytes are left over.
pub fn from_bytes(bytes: &[u8], endian: Endian) -> Result<Program, PartialInstruction> {
    let (chunks, rest) = bytes.as_chunks::<SIZE>();
    if !rest.is_empty() {
        return Err(PartialInstruction(bytes.len()));
    }
    let instructions = chunks.iter().map(|&[c0, c1, jt, jf, k0, k1, k2, k3]| {
        let (code, k) = match endian {
            Endian::Little => (u16::from_le_bytes([c0, c1]), u32::from_le_bytes([k0, k1, k2, k3])),
            Endian::Big => (u16::from_be_bytes([c0, c1]), u32::from_be_bytes([k0, k1, k2, k3])),
        };
        Instruction { code, jt, jf, k }
    });
    Ok(Program::new(instructions.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let program = Program::new(vec![Instruction { code: 0x0115, jt: 2, jf: 3, k: 0x0405_0607 }]);
        assert_eq!(to_bytes(&program, Endian::Little), [0x15, 1, 2, 3, 7, 6, 5, 4]);
        assert_eq!(to_bytes(&program, Endian::Big), [1, 0x15, 2, 3, 4, 5, 6, 7]);
        for endian in [Endian::Little, Endian::Big] {
            assert_eq!(from_bytes(&to_bytes(&program, endian), endian), Ok(program.clone()));
        }
        assert_eq!(from_bytes(&[0; 9], Endian::Little), Err(PartialInstruction(9)));
    }
}
