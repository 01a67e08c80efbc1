//! The tables against themselves, against facts everybody knows, and against others' tables.

mod crate_numbers;
mod headers;
mod known;
mod libseccomp;
#[cfg(target_arch = "x86_64")]
mod running_kernel;
mod shape;
