//! What callgate does with signals: nothing of its own may reach the command, and none may lose a recording.

use nix::sys::signal::{SigHandler, Signal, signal};

/// Gives SIGPIPE its default back. Rust's start-up ignores it, and an ignored signal stays ignored across execve(2).
/// Async-signal-safe.
pub(crate) fn default_sigpipe() {
    // SAFETY: the default disposition runs no handler.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}
