//! Ending as another process ended, so that a wrapper can't be told from what it wrapped.

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

/// Ends this process with a signal, as the shell expects of a wrapper whose command was killed. The core dump, if the
/// signal makes one, is the command's business and isn't made twice.
///
/// Returns, with the shell's exit status for it (128 + signal), only when the signal can't end a process.
#[must_use]
pub fn die_of(signal: i32) -> u8 {
    let status = 128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX));
    let Ok(signal) = Signal::try_from(signal) else { return status };
    // Best effort: on failure the exit status says the same.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed, so no code can run in signal context.
    let reset = unsafe { sigaction(signal, &default) };
    if reset.is_ok() || signal == Signal::SIGKILL {
        let unblocked: SigSet = [signal].into_iter().collect();
        let _ = unblocked.thread_unblock();
        let _ = raise(signal);
    }
    status
}
