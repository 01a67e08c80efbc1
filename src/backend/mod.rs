//! Filters that other compilers make of a policy: seccompiler, and libseccomp where the feature is on.
//!
//! What they can't say, they refuse or say differently, so a filter from here is handed out only after a proof
//! (`policy::program_by`). The truth tables of the tests are held to the same code.

#[cfg(feature = "libseccomp")]
pub(crate) mod by_libseccomp;
pub(crate) mod by_seccompiler;
mod disjunction;
