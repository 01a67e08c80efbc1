//! What the kernel's ABIs are made of: numbers, prototypes, ages and named constants.
//!
//! The facts are data files in `compiler/data`, written by `compiler/tools/generate_tables.py` from a kernel's source
//! tree and the man pages; each file says which. A number table maps a call to the kernel function that reads its
//! arguments, and `prototypes.tsv` says what that function reads, so that a call that is read differently on two ABIs
//! (`mmap` on x86, `clone` on aarch64) differs here too. What is declared as a `long` but cut to 32 bits by the function
//! (`clone`'s flags, `readv`'s fd) has the width of what is left; the list is in `tools/tables/prototypes.py`.
//!
//! A file is parsed the first time something in it is asked for, for the ABI it is asked for.

mod constants;
mod families;
mod introduced;
mod multiplexers;
mod numbers;
mod prototypes;
mod rows;
#[cfg(test)]
mod tests;

pub use constants::{constant, constant_names, constants_of, errno, errno_name, errno_names};
pub use families::{FamilyRole, Member, families};
pub use introduced::introduced;
pub use multiplexers::{Part, part_of, parts};
pub use numbers::{calls, name, names, number};
pub use prototypes::{Parameter, Role, parameter, prototype};
