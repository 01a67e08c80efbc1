//! Recording with BPF programs on the kernel's tracepoints: every call of the command and of all its descendants is
//! counted in the kernel, and nothing is sent out of it until the end.

#[cfg(target_arch = "x86_64")]
mod child;
#[cfg(target_arch = "x86_64")]
mod kernel;
#[cfg(target_arch = "x86_64")]
mod layout;
mod plan;
#[cfg(target_arch = "x86_64")]
mod programs;
#[cfg(target_arch = "x86_64")]
mod reading;
#[cfg(target_arch = "x86_64")]
mod running;
#[cfg(target_arch = "x86_64")]
mod samples;
#[cfg_attr(not(target_arch = "x86_64"), path = "elsewhere.rs")]
mod session;
mod unavailable;
#[cfg(target_arch = "x86_64")]
mod wait;

pub(crate) use plan::Plan;
pub(crate) use session::Session;
pub use unavailable::Unavailable;
