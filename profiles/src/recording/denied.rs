//! Calls that a filter refused while it was recorded.

use callgate_compiler::abi::Abi;
use serde::{Deserialize, Serialize};

use super::{First, Phase};

/// A call that never reached the kernel, because a filter answered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denied {
    /// The ABI the call was really made through.
    pub abi: Abi,
    /// Its name there; absent when the tables have none for the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<String>,
    /// The number as the kernel sees it; x32's carry bit 30.
    pub nr: u32,
    /// When.
    pub phase: Phase,
    /// What the filter did.
    pub verdict: Verdict,
    /// How often; at least 1.
    pub calls: u64,
    /// Who made the first of them, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
}

/// What a filter did with a call instead of letting it through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It failed with this error number, 1 to 4095.
    Errno(u16),
    /// SIGSYS was sent.
    Trap,
    /// The thread or its process was killed.
    Kill,
    /// It was answered with something that is no error: by a supervisor (`SECCOMP_RET_USER_NOTIF`), a tracer, or a filter
    /// whose error number is 0.
    Answered,
}
