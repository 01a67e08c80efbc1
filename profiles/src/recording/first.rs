//! Where a row comes from.

use serde::{Deserialize, Serialize};

/// Who made a call for the first time in its phase, and when. A witness of a row, not a part of what it says: of two calls
/// made at once on two processors, either may be the one that is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// Nanoseconds after the recording's start.
    pub after: u64,
    /// The process id, in the initial pid namespace.
    pub process: u32,
    /// The thread id, in the initial pid namespace.
    pub task: u32,
    /// The thread's name (`/proc/PID/comm`), at most 15 bytes, lossy UTF-8.
    pub thread: String,
    /// The program it ran, as it was named to execve; of a program that ran before the recording, its path in `/proc`.
    /// Absent before the first execve, and where it isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The test it was made in: what `CALLGATE_TEST` held when the recording began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Its stack, when that was asked for: the innermost frame first, each as `FUNCTION at FILE:LINE (PROGRAM+0xADDRESS)` as
    /// far as it is known, the address as the program's file states it. Of the stack's top 16 KiB, and at most 128 frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
}
