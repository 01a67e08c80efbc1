//! Recording with BPF programs on the kernel's tracepoints: every call of the command and of all its descendants is
//! counted in the kernel, and nothing is sent out of it until the end.

mod unavailable;

#[cfg(target_arch = "x86_64")]
mod child;
#[cfg(target_arch = "x86_64")]
mod layout;
#[cfg(target_arch = "x86_64")]
mod programs;
#[cfg(target_arch = "x86_64")]
mod signals;
#[cfg(target_arch = "x86_64")]
mod wait;

#[cfg(target_arch = "x86_64")]
mod session;
#[cfg(target_arch = "x86_64")]
pub(crate) use session::Session;

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use elsewhere::Session;

#[cfg(target_arch = "x86_64")]
pub use programs::ProgramsError;
pub use unavailable::Unavailable;
