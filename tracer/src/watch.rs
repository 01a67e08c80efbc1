//! What happens while a recording goes on: checkpoints, the beginning of the serving phase, an end that was set.

use std::time::{Duration, Instant};

use callgate_compiler::abi::Abi;
use callgate_profiles::recording::{Phase, Run};
use nix::poll::PollTimeout;

use crate::first::first;
use crate::observed::{End, Ending, Identity, Observed};
use crate::record::{RecordOptions, Watcher};
use crate::stacks::Moment;

/// How often a scope that sends no signal when it ends is looked at.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// The clock of one recording.
pub(crate) struct Watch<'watcher> {
    started: Instant,
    pub(crate) identity: Identity,
    watcher: &'watcher mut dyn Watcher,
    test: Option<String>,
    /// Whether stacks are wanted.
    pub(crate) stacks: bool,
    checkpoint_every: Option<Duration>,
    next_checkpoint: Option<Instant>,
    serve_at: Option<Instant>,
    end_at: Option<Instant>,
}

/// What the time has come for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Due {
    pub(crate) checkpoint: bool,
    pub(crate) serve: bool,
    pub(crate) end: bool,
}

impl<'watcher> Watch<'watcher> {
    /// Starts the clock.
    pub(crate) fn new(identity: Identity, options: &RecordOptions, watcher: &'watcher mut dyn Watcher) -> Self {
        let now = Instant::now();
        let at = |after: Option<Duration>| after.and_then(|after| now.checked_add(after));
        Self {
            started: now,
            identity,
            watcher,
            test: options.test.clone(),
            stacks: options.stacks,
            checkpoint_every: options.checkpoint,
            next_checkpoint: at(options.checkpoint),
            serve_at: at(options.serving_after),
            end_at: at(options.duration),
        }
    }

    /// How long to wait: until the next thing is due, and `at_most` so long.
    pub(crate) fn timeout(&self, at_most: Option<Duration>) -> PollTimeout {
        let now = Instant::now();
        let next = [self.next_checkpoint, self.serve_at, self.end_at].into_iter().flatten().min();
        let until = next.map(|next| next.saturating_duration_since(now));
        let wait = [until, at_most].into_iter().flatten().min();
        // Rounded up, so that what is due then is due.
        let milliseconds = wait.map(|wait| wait.as_millis().saturating_add(1));
        milliseconds.map_or(PollTimeout::NONE, |wait| {
            u16::try_from(wait).map_or(PollTimeout::from(u16::MAX), PollTimeout::from)
        })
    }

    /// What is due now, once.
    pub(crate) fn due(&mut self) -> Due {
        let now = Instant::now();
        let has_come = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let due = Due {
            checkpoint: has_come(self.next_checkpoint),
            serve: has_come(self.serve_at),
            end: has_come(self.end_at),
        };
        if due.checkpoint {
            self.next_checkpoint = self.checkpoint_every.and_then(|every| now.checked_add(every));
        }
        if due.serve {
            self.serve_at = None;
        }
        due
    }

    /// Nanoseconds since the start.
    pub(crate) fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// For a backend in which a task waits while its call is counted: says in `observed` who made a call that nobody made before,
    /// and returns its process and when that was.
    pub(crate) fn credit(
        &self,
        observed: &mut Observed,
        (abi, nr): (Abi, u32),
        phase: Phase,
        task: u32,
    ) -> Option<(u32, Moment)> {
        let first = first(task, phase, self.elapsed(), self.test.as_deref())?;
        let credited = (first.process, Moment { time: first.after, task });
        observed.first(abi, nr, phase, first);
        Some(credited)
    }

    /// For a backend that counts by itself: hands out what is due, and says whether serving begins.
    pub(crate) fn tick(&mut self, observed: &Observed, running: impl FnOnce() -> u64) -> bool {
        let due = self.due();
        if due.checkpoint {
            self.checkpoint(observed.clone(), running());
        }
        due.serve
    }

    /// Whether checkpoints are wanted at all.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn wants_checkpoints(&self) -> bool {
        self.checkpoint_every.is_some()
    }

    /// Hands out what was observed so far.
    pub(crate) fn checkpoint(&mut self, observed: Observed, still_running: u64) {
        let ending = Ending { end: End::InProgress, calls_exact: true, still_running, interrupted: false };
        let run: Run = observed.into_run(&self.identity, ending);
        self.watcher.checkpoint(run);
    }

    /// Says that from now on nothing is missed.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) fn ready(&mut self) {
        self.watcher.ready();
    }
}
