//! The recording's JSON file: the runs, which are the truth, and the totals computed from them for whoever reads the file
//! without callgate. One row stands on one line, so that two recordings can be compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callgate_compiler::abi::Abi;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Denied, Recording, Row, Run, SCHEMA, Total, Values, Verdict};

/// Why a text is not a recording. Every message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordingError {
    /// Not JSON, or not of a recording's shape.
    #[error("line {line}, column {column}: {message}\n  next: a recording is written by `callgate record -o FILE`")]
    Shape {
        /// From 1.
        line: usize,
        /// From 1; 0 when the file ends too early.
        column: usize,
        /// What the JSON reader said, without the place.
        message: String,
    },
    /// Another version of the format.
    #[error(
        "schema {found}, and this callgate reads schema {SCHEMA}\n  next: record again, or use the callgate that wrote the file"
    )]
    Schema {
        /// The version in the file.
        found: u64,
    },
    /// A run whose values can't be.
    #[error("run {run}: {problem}: the file was changed after it was recorded\n  next: record again")]
    Run {
        /// The run's id as the file has it.
        run: String,
        /// What can't be.
        problem: String,
    },
    /// What is computed from the runs isn't what the file says.
    #[error(
        "`{key}` is not what the runs come to: the file was changed after it was recorded\n  next: record again, or give `callgate derive` each recording as it was: it takes any number"
    )]
    Totals {
        /// The top-level key.
        key: &'static str,
    },
}

impl RecordingError {
    fn shape(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        Self::Shape { line: error.line(), column: error.column(), message }
    }
}

/// Read first, so that a file of another version says so and not that a field is missing.
#[derive(Deserialize)]
struct Header {
    schema: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: u64,
    complete: bool,
    calls_exact: bool,
    lost: BTreeMap<String, u64>,
    rows: Vec<Total>,
    runs: Vec<Run>,
}

impl Recording {
    /// Reads a recording file.
    ///
    /// An incomplete recording is read like any other; what is made of it has to look at [`Recording::is_complete`].
    ///
    /// # Errors
    /// When the text isn't a recording of schema [`SCHEMA`], or contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, RecordingError> {
        let header: Header = serde_json::from_str(text).map_err(|error| RecordingError::shape(&error))?;
        if header.schema != u64::from(SCHEMA) {
            return Err(RecordingError::Schema { found: header.schema });
        }
        let file: File = serde_json::from_str(text).map_err(|error| RecordingError::shape(&error))?;

        let mut recording = Self::default();
        for mut run in file.runs {
            run.rows.sort_by_key(order);
            run.denied.sort_by_key(denied_order);
            if let Some(problem) = problem_of(&run) {
                return Err(RecordingError::Run { run: run.id, problem });
            }
            let id = run.id.clone();
            if recording.runs.insert(id.clone(), run).is_some() {
                return Err(RecordingError::Run { run: id, problem: "stands in the file twice".to_owned() });
            }
        }

        let mut rows = file.rows;
        rows.sort_by_key(|row| (row.abi, row.nr, row.phase));
        let mut lost = file.lost;
        lost.retain(|_, &mut count| count != 0);
        let claims = [
            ("complete", file.complete == recording.is_complete()),
            ("calls_exact", file.calls_exact == recording.calls_exact()),
            ("lost", lost == recording.lost()),
            ("rows", rows == recording.totals()),
        ];
        match claims.into_iter().find(|&(_, holds)| !holds) {
            Some((key, _)) => Err(RecordingError::Totals { key }),
            None => Ok(recording),
        }
    }

    /// The recording file: the same bytes for the same recording, with a newline at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\n");
        let _ = writeln!(text, "  \"schema\": {SCHEMA},");
        let _ = writeln!(text, "  \"complete\": {},", self.is_complete());
        let _ = writeln!(text, "  \"calls_exact\": {},", self.calls_exact());
        let _ = writeln!(text, "  \"lost\": {},", json(&self.lost()));
        let _ = writeln!(text, "  \"rows\": {},", lines(&self.totals(), "  "));
        let _ = write!(text, "  \"runs\": [");
        for (index, run) in self.runs.values().enumerate() {
            let _ = writeln!(text, "{}", if index == 0 { "" } else { "," });
            write_run(&mut text, run);
        }
        text.push_str(if self.runs.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        text
    }

    /// Whether every run's counts are exact.
    #[must_use]
    pub fn calls_exact(&self) -> bool {
        self.runs.values().all(|run| run.calls_exact)
    }
}

fn order(row: &Row) -> (Abi, u32, super::Phase) {
    (row.abi, row.nr, row.phase)
}

fn denied_order(row: &Denied) -> (Abi, u32, super::Phase, Verdict) {
    (row.abi, row.nr, row.phase, row.verdict)
}

/// What no recorder writes, in words.
fn problem_of(run: &Run) -> Option<String> {
    if run.id.len() != 32 || !run.id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Some("the id is not 32 lower-case hex digits".to_owned());
    }
    if let Some(pair) = run.rows.windows(2).find(|pair| order(&pair[0]) == order(&pair[1])) {
        return Some(format!("{} has two rows in one phase", title(&pair[0])));
    }
    let counted = run.rows.iter().map(|row| {
        let empty = |values: &Values| matches!(values, Values::Seen(values) if values.is_empty());
        let without_values = row.arguments.values().any(empty).then_some("has a parameter without values");
        (row_problem(row.abi, row.nr, row.syscall.as_deref(), row.calls).or(without_values), title(row))
    });
    let denied = run.denied.iter().map(|row| {
        let errno = match row.verdict {
            Verdict::Errno(0 | 4096..) => Some("was refused with a number that is no error's"),
            _ => None,
        };
        let problem = row_problem(row.abi, row.nr, row.syscall.as_deref(), row.calls).or(errno);
        (problem, named(row.abi, row.nr, row.syscall.as_deref()))
    });
    if let Some(pair) = run.denied.windows(2).find(|pair| denied_order(&pair[0]) == denied_order(&pair[1])) {
        let title = named(pair[0].abi, pair[0].nr, pair[0].syscall.as_deref());
        return Some(format!("{title} has two rows of one refusal in one phase"));
    }
    counted.chain(denied).find_map(|(problem, title)| Some(format!("{title} {}", problem?)))
}

fn title(row: &Row) -> String {
    named(row.abi, row.nr, row.syscall.as_deref())
}

fn named(abi: Abi, nr: u32, syscall: Option<&str>) -> String {
    match syscall {
        Some(name) => format!("{abi} {name}"),
        None => format!("{abi} number {nr}"),
    }
}

fn row_problem(abi: Abi, nr: u32, syscall: Option<&str>, calls: u64) -> Option<&'static str> {
    if calls == 0 {
        Some("was called 0 times")
    } else if Abi::of_call(abi.token(), nr) != Some(abi) {
        Some("has a number of another ABI")
    } else if syscall == Some("") {
        Some("has an empty name")
    } else {
        None
    }
}

fn write_run(text: &mut String, run: &Run) {
    let lost: BTreeMap<_, _> = run.lost.iter().filter(|&(_, &count)| count != 0).collect();
    let mut rows = run.rows.clone();
    rows.sort_by_key(order);
    let mut denied = run.denied.clone();
    denied.sort_by_key(denied_order);
    // What most runs have nothing to say of is left out.
    let fields = [
        ("id", Some(json(&run.id))),
        ("command", Some(json(&run.command))),
        ("scope", (!run.scope.is_command()).then(|| json(&run.scope))),
        ("since", (!run.since.is_start()).then(|| json(&run.since))),
        ("backend", Some(json(&run.backend))),
        ("kernel", Some(json(&run.kernel))),
        ("machine", Some(json(&run.machine))),
        ("calls_exact", Some(json(&run.calls_exact))),
        ("lost", Some(json(&lost))),
        ("still_running", Some(json(&run.still_running))),
        ("serving_after", run.serving_after.map(|after| json(&after))),
        ("in_progress", run.in_progress.then(|| json(&true))),
        ("ended", Some(json(&run.ended))),
        ("rows", Some(lines(&rows, "      "))),
        ("denied", (!denied.is_empty()).then(|| lines(&denied, "      "))),
    ];
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let fields: Vec<String> = fields.map(|(key, value)| format!("      \"{key}\": {value}")).collect();
    let _ = write!(text, "    {{\n{}\n    }}", fields.join(",\n"));
}

/// An array with one element a line.
fn lines<T: Serialize>(values: &[T], indent: &str) -> String {
    if values.is_empty() {
        return "[]".to_owned();
    }
    let values: Vec<String> = values.iter().map(|value| format!("{indent}  {}", json(value))).collect();
    format!("[\n{}\n{indent}]", values.join(",\n"))
}

/// One value on one line.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps have string keys and nothing here fails to serialise")
}
