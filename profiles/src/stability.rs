//! How much more runs would show: what is new in a run, and an estimate of what no run has shown yet.
//!
//! Runs are samples, and what they show (a call, and where values are wanted a value or a flag of a held parameter) is either
//! in a run or not; how often it was called there says nothing about the next run. Such data is the ecologists' "incidence":
//!
//! * Good–Turing: of what the next run shows, `q1 / sum of all incidences` is expected to be new (I. J. Good, "The population
//!   frequencies of species and the estimation of population parameters", Biometrika 40, 1953).
//! * Chao: at least `(m-1)/m · q1² / 2·q2` more exist, and with no `q2`, `(m-1)/m · q1·(q1-1) / 2` (A. Chao, "Estimating the
//!   population size for capture-recapture data with unequal catchability", Biometrics 43, 1987: Chao1 for incidence, also called Chao2),
//!
//! with `m` runs, `q1` things seen in exactly one of them and `q2` in exactly two.

use std::collections::BTreeSet;
use std::fmt;

use callgate_compiler::abi::Abi;
use callgate_compiler::tables::{self, Role};

use crate::held::Arguments;
use crate::recording::{Recording, Row, Run, Values};
use crate::tally::Tally;

/// Something that a run shows and a policy has to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// A call of an ABI, by number.
    Call(Abi, u32),
    /// A value of a selector, or one bit of flags. `None`: more values than the recorder keeps.
    Value(Abi, u32, String, Option<u64>),
}

/// What there is to say about completeness over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unseen {
    /// How many runs.
    pub runs: u64,
    /// How many things were seen in all.
    pub seen: usize,
    /// In exactly one run.
    pub once: usize,
    /// In exactly two runs.
    pub twice: usize,
    /// Of what another run shows, the share expected to be new, 0 to 1 (Good–Turing).
    pub mass: f64,
    /// At least so many more exist (Chao's lower bound).
    pub more: f64,
}

impl Sight {
    /// Whether a policy that holds arguments so far has to know it.
    #[must_use]
    pub fn is_of(&self, arguments: Arguments) -> bool {
        match self {
            Self::Call(..) => true,
            Self::Value(abi, nr, parameter, _) => {
                tables::name(*abi, *nr).is_some_and(|call| arguments.hold(call, parameter))
            }
        }
    }
}

/// What a run shows, with the values of the parameters that are held.
#[must_use]
pub fn sights(run: &Run, arguments: Arguments) -> BTreeSet<Sight> {
    let mut sights = every_sight(run);
    sights.retain(|sight| sight.is_of(arguments));
    sights
}

/// What a run shows, with every value.
pub(crate) fn every_sight(run: &Run) -> BTreeSet<Sight> {
    let call = |row: &Row| Sight::Call(row.abi, row.nr);
    run.rows.iter().map(call).chain(run.rows.iter().flat_map(values_of)).collect()
}

fn values_of(row: &Row) -> Vec<Sight> {
    let Some(call) = tables::name(row.abi, row.nr) else { return Vec::new() };
    let sight = |parameter: &str, value| Sight::Value(row.abi, row.nr, parameter.to_owned(), value);
    row.arguments
        .iter()
        .flat_map(|(parameter, values)| match (values, tables::parameter(row.abi, call, parameter)) {
            (Values::Unbounded(_), _) => vec![sight(parameter, None)],
            // Flags are derived bit by bit: a new mix of old flags is nothing new.
            (Values::Seen(values), Some((_, known))) if known.role == Role::Flags => {
                let bits = values.iter().fold(0, |bits, value| bits | value);
                (0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| sight(parameter, Some(1 << bit))).collect()
            }
            (Values::Seen(values), _) => values.iter().map(|&value| sight(parameter, Some(value))).collect(),
        })
        .collect()
}

/// An estimate of what is still unseen. `None` with fewer than two runs: one says nothing about the next.
#[must_use]
pub fn unseen(recording: &Recording, arguments: Arguments) -> Option<Unseen> {
    Tally::of(recording).unseen(arguments)
}

impl Unseen {
    /// From the number of runs, and of each thing seen the number of runs it was seen in.
    pub(crate) fn of(runs: u64, incidences: impl Iterator<Item = u64>) -> Option<Self> {
        if runs < 2 {
            return None;
        }
        let (mut seen, mut once, mut twice, mut all) = (0, 0, 0, 0);
        for count in incidences {
            seen += 1;
            once += usize::from(count == 1);
            twice += usize::from(count == 2);
            all += count;
        }
        #[allow(clippy::cast_precision_loss)]
        let [m, q1, q2, all] = [runs, once as u64, twice as u64, all.max(1)].map(|count| count as f64);
        let pairs = if twice > 0 { q1 * q1 / (2.0 * q2) } else { q1 * (q1 - 1.0).max(0.0) / 2.0 };
        Some(Self { runs, seen, once, twice, mass: q1 / all, more: (m - 1.0) / m * pairs })
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, seen, once, mass, more, .. } = self;
        write!(f, "{once} of {seen} things seen in {runs} runs were seen in one of them only: ")?;
        if *once == 0 {
            return f.write_str("nothing says that another run would show more");
        }
        let share = 100.0 * mass;
        write!(f, "about {share:.1} % of what another run shows will be new (Good–Turing), ")?;
        write!(f, "and at least {more:.0} more exist (Chao)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::recording::Backend;

    fn run(id: u8, calls: &[u32]) -> Run {
        let row = |&nr: &u32| Row {
            abi: Abi::X86_64,
            syscall: None,
            nr,
            phase: crate::recording::Phase::Run,
            calls: 1,
            arguments: BTreeMap::new(),
            first: None,
        };
        Run {
            id: format!("{id:032x}"),
            command: Vec::new(),
            scope: crate::recording::Scope::default(),
            since: crate::recording::Since::default(),
            backend: Backend::Ebpf,
            kernel: String::new(),
            machine: "x86_64".to_owned(),
            calls_exact: true,
            lost: BTreeMap::new(),
            still_running: 0,
            serving_after: None,
            in_progress: false,
            ended: "exit 0".to_owned(),
            rows: calls.iter().map(row).collect(),
            denied: Vec::new(),
        }
    }

    fn recording(runs: &[&[u32]]) -> Recording {
        let runs = runs.iter().zip(1_u8..).map(|(calls, id)| run(id, calls));
        Recording { runs: runs.map(|run| (run.id.clone(), run)).collect() }
    }

    #[test]
    fn one_run_says_nothing() {
        assert_eq!(unseen(&recording(&[&[1, 2]]), Arguments::None), None);
    }

    /// Worked by hand: 3 runs, q1 = {3, 4, 5}, q2 = {2}, incidences 3 + 2 + 3 = 8.
    #[test]
    fn the_estimators_are_the_textbooks() {
        let unseen = unseen(&recording(&[&[1, 2, 3], &[1, 2, 4], &[1, 5]]), Arguments::None).unwrap();
        assert_eq!((unseen.runs, unseen.seen, unseen.once, unseen.twice), (3, 5, 3, 1));
        assert!((unseen.mass - 3.0 / 8.0).abs() < 1e-12);
        assert!((unseen.more - 2.0 / 3.0 * 9.0 / 2.0).abs() < 1e-12);
    }

    /// Without anything seen twice, the form that is corrected for bias: (2-1)/2 * 2*1/2.
    #[test]
    fn nothing_seen_twice() {
        let unseen = unseen(&recording(&[&[1], &[2]]), Arguments::None).unwrap();
        assert!((unseen.more - 0.5).abs() < 1e-12);
    }

    #[test]
    fn equal_runs_promise_nothing_new() {
        let unseen = unseen(&recording(&[&[1, 2], &[1, 2], &[1, 2]]), Arguments::None).unwrap();
        assert_eq!((unseen.once, unseen.mass, unseen.more), (0, 0.0, 0.0));
    }

    #[test]
    fn flags_are_seen_bit_by_bit_and_selectors_value_by_value() {
        let mut run = run(1, &[9, 41]);
        let values = |values: &[u64]| Values::Seen(values.iter().copied().collect());
        run.rows[0].arguments.insert("prot".to_owned(), values(&[3, 5]));
        run.rows[1].arguments.insert("family".to_owned(), values(&[1, 2]));
        run.rows[1].arguments.insert("protocol".to_owned(), Values::Unbounded(crate::recording::Unbounded::Unbounded));
        let value = |nr, parameter: &str, value| Sight::Value(Abi::X86_64, nr, parameter.to_owned(), value);
        let wanted = [
            Sight::Call(Abi::X86_64, 9),
            Sight::Call(Abi::X86_64, 41),
            value(9, "prot", Some(1)),
            value(9, "prot", Some(2)),
            value(9, "prot", Some(4)),
            value(41, "family", Some(1)),
            value(41, "family", Some(2)),
            value(41, "protocol", None),
        ];
        assert_eq!(sights(&run, Arguments::Safe), BTreeSet::from(wanted));
        assert_eq!(sights(&run, Arguments::None).len(), 2);
    }
}
