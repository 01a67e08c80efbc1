//! When to stop running the command: after so many runs, or once runs show nothing new.

use std::collections::BTreeSet;

use callgate_profiles::Arguments;
use callgate_profiles::recording::{Recording, Run};
use callgate_profiles::stability::{Sight, sights, unseen};

/// How many runs `--until-stable` takes at most when `--repeat` doesn't say.
const MOST_RUNS: u32 = 100;

/// How far a repeated recording is.
pub(super) struct Progress {
    most: u32,
    stable_after: Option<u32>,
    arguments: Arguments,
    known: BTreeSet<Sight>,
    runs: u32,
    /// Runs in a row that showed nothing new.
    quiet: u32,
}

impl Progress {
    /// `arguments`: of which parameters a new value is news.
    pub(super) fn new(repeat: Option<u32>, stable_after: Option<u32>, arguments: Arguments) -> Self {
        let most = repeat.unwrap_or(if stable_after.is_some() { MOST_RUNS } else { 1 });
        Self { most, stable_after, arguments, known: BTreeSet::new(), runs: 0, quiet: 0 }
    }

    /// Takes a run in; how many things were new in it.
    pub(super) fn add(&mut self, run: &Run) -> usize {
        let before = self.known.len();
        self.known.extend(sights(run, self.arguments));
        let news = self.known.len() - before;
        self.runs += 1;
        self.quiet = if news == 0 { self.quiet + 1 } else { 0 };
        news
    }

    /// Whether there were runs enough.
    pub(super) fn is_done(&self) -> bool {
        self.runs >= self.most || self.is_stable()
    }

    fn is_stable(&self) -> bool {
        self.stable_after.is_some_and(|wanted| self.quiet >= wanted)
    }

    /// Stability was asked for and isn't reached: in words, and how to go on.
    pub(super) fn unstable(&self) -> Option<(String, &'static str)> {
        let wanted = self.stable_after.filter(|_| !self.is_stable())?;
        let message = format!(
            "not stable after {} runs: {wanted} in a row without anything new were asked for, the last {} had nothing new",
            self.runs, self.quiet
        );
        Some((
            message,
            "the file has what was seen; allow more runs with `--repeat`, or give the command the same work each time",
        ))
    }

    /// Which run it is, when there are several, and what it showed that those before it hadn't.
    pub(super) fn prefix(&self, news: usize) -> String {
        match (self.most, self.runs) {
            (1, _) => String::new(),
            (_, 1) => "run 1: ".to_owned(),
            (_, run) => format!("run {run}, {news} new: "),
        }
    }

    /// What more runs could show, once there were several.
    pub(super) fn outlook(&self, recording: &Recording) -> Option<String> {
        Some(unseen(recording, self.arguments)?.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(names: &[u32]) -> Run {
        let rows: Vec<String> =
            names.iter().map(|nr| format!(r#"{{"abi": "x86_64", "nr": {nr}, "phase": "run", "calls": 1}}"#)).collect();
        let text = format!(
            r#"{{"id": "00000000000000000000000000000001", "command": [], "backend": "ebpf", "kernel": "6.18",
            "machine": "x86_64", "calls_exact": true, "ended": "exit 0", "rows": [{}]}}"#,
            rows.join(",")
        );
        serde_json::from_str(&text).expect("a run")
    }

    #[test]
    fn one_run_unless_more_are_asked_for() {
        let mut progress = Progress::new(None, None, Arguments::None);
        progress.add(&run(&[1]));
        assert!(progress.is_done());
        assert_eq!(progress.prefix(1), "");
    }

    #[test]
    fn stable_is_so_many_runs_in_a_row_without_news() {
        let mut progress = Progress::new(None, Some(2), Arguments::None);
        let news =
            [&[1, 2][..], &[1], &[3], &[1, 3], &[2]].map(|calls| (progress.add(&run(calls)), progress.is_done()));
        assert_eq!(news, [(2, false), (0, false), (1, false), (0, false), (0, true)]);
    }

    #[test]
    fn repeat_is_the_most() {
        let mut progress = Progress::new(Some(2), Some(5), Arguments::None);
        progress.add(&run(&[1]));
        assert!(!progress.is_done());
        progress.add(&run(&[1]));
        assert!(progress.is_done());
        assert!(progress.prefix(0).contains("run 2, 0 new"));
    }
}
