//! Runs of intervals, and the first tests there are for one.

/// The most holes a run can have taken out: `Limits::holes` is at most this.
pub(super) const MOST_HOLES: usize = 8;

/// The intervals `from..=to` without the `out` single values that are worth most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) out: usize,
}

impl Run {
    pub(super) fn len(self) -> usize {
        self.to - self.from + 1
    }
}

/// How a run is told apart first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// All of it leads to one place: nothing to tell.
    Nothing,
    /// `>=` the start of this interval; of the holes so many lie below it.
    Split(u32, u8),
    /// `==` this single value.
    Hole(u32),
    /// As the search over all trees of a short run says.
    Exact,
}

/// Trees are remembered in thousands: an index in four bytes. Lists of 2^32 intervals are far past every limit.
pub(super) fn index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

pub(super) fn split_at(split: usize, low_out: usize) -> Choice {
    // Not more than MOST_HOLES.
    Choice::Split(index(split), u8::try_from(low_out).unwrap_or(u8::MAX))
}

/// What there is to know of a run before its parts are looked at.
pub(super) struct Shape {
    /// Its single values, those worth most first; one more than are out, if there is one.
    pub(super) holes: [usize; MOST_HOLES + 1],
    pub(super) found: usize,
    /// Those that are out, ascending.
    pub(super) out: [usize; MOST_HOLES],
    /// Without those that are out.
    pub(super) weight: u64,
    /// How often the place changes from one interval to the next.
    pub(super) changes: usize,
}

/// The first tests of a run, a hole before the splits.
pub(super) struct Choices {
    pub(super) run: Run,
    /// The holes that are out, ascending.
    pub(super) out: [usize; MOST_HOLES],
    pub(super) hole: Option<usize>,
    pub(super) split: usize,
    pub(super) low_out: usize,
}

impl Iterator for Choices {
    type Item = (Choice, [Option<Run>; 2]);

    fn next(&mut self) -> Option<Self::Item> {
        let run = self.run;
        if let Some(hole) = self.hole.take() {
            return Some((Choice::Hole(index(hole)), [Some(Run { out: run.out + 1, ..run }), None]));
        }
        while self.split < run.to {
            self.split += 1;
            let split = self.split;
            if self.low_out < run.out && self.out[self.low_out] < split {
                self.low_out += 1;
            }
            let (low_out, high_out) = (self.low_out, run.out - self.low_out);
            let only_holes = split - run.from == low_out || run.to + 1 - split == high_out;
            // Before a hole that is out is where behind it is.
            let before_hole = low_out < run.out && self.out[low_out] == split;
            if !only_holes && !before_hole {
                let low = Run { from: run.from, to: split - 1, out: low_out };
                let high = Run { from: split, to: run.to, out: high_out };
                return Some((split_at(split, low_out), [Some(low), Some(high)]));
            }
        }
        None
    }
}
