//! The tables against themselves, against facts everybody knows, and against others' tables.

mod crate_numbers;
mod headers;
mod known;
mod libseccomp;
mod running_kernel;
mod shape;
mod wide;
