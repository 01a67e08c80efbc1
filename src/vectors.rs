//! Truth tables: a policy and what must happen to calls under it, as TOML.
//!
//! ```toml
//! policy = '''
//! arch: x86_64
//! deny: all
//! allow: socket(family == AF_UNIX)
//! '''
//! vectors = [
//!   { abi = "x86_64", call = "socket(AF_UNIX, SOCK_STREAM)", action = "allow" },
//! ]
//! ```
//!
//! A vector speaks of every call that its text leaves open, as `expect:` and `callgate eval` do. What drives the engines
//! in tests/ is the same table that `callgate eval --vectors` reads.

use std::fmt;
use std::ops::Range;

use callgate_compiler::abi::Abi;
use callgate_compiler::action::Action;
use callgate_compiler::call::SyscallData;
use callgate_compiler::condition::Condition;
use callgate_compiler::lower::{PatternError, call_pattern, verb_action};
use callgate_compiler::outcome::outcomes;
use callgate_compiler::policy::{Decision, Policy};
use callgate_grammar::tree::NameOrNumber;
use callgate_grammar::{Diagnostic, Sources, parse_call, parse_verb};
use serde::Deserialize;
use toml::Spanned;

/// A table, read and understood.
pub(crate) struct Table {
    /// The policy's texts, nearest layer first; none when the table is for a policy that is given apart.
    pub(crate) layers: Vec<String>,
    /// What `when kernel` is held against.
    pub(crate) kernel: Option<String>,
    /// What `when cap` holds for; Docker's default without it.
    pub(crate) cap: Option<Vec<String>>,
    /// In the order of the file.
    pub(crate) vectors: Vec<Vector>,
}

/// What must happen to some calls of one ABI.
pub(crate) struct Vector {
    /// Where it stands in the file, from 1.
    pub(crate) line: usize,
    /// The call as written.
    pub(crate) text: String,
    /// The ABI; `None` for a token that no table knows.
    pub(crate) abi: Option<Abi>,
    /// `seccomp_data.arch`.
    pub(crate) token: u32,
    /// `seccomp_data.nr`.
    pub(crate) nr: u32,
    /// What the arguments are.
    pub(crate) condition: Condition,
    /// What must happen.
    pub(crate) expected: Action,
}

/// What a policy makes of a vector.
pub(crate) enum Verdict<'a> {
    /// All its calls meet the expected action.
    Holds,
    /// This one doesn't.
    Differs(&'a Decision, SyscallData),
    /// Its conditions exclude each other.
    NoSuchCall,
    /// The question is past the prover's budget.
    Undecided,
}

/// Why a table can't be read.
#[derive(Debug)]
pub(crate) struct TableError {
    /// Where, from 1.
    pub(crate) line: usize,
    /// What.
    pub(crate) message: String,
    /// The next step.
    pub(crate) next: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}\n  next: {}", self.line, self.message, self.next)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableText {
    /// The policy.
    policy: Option<String>,
    /// What stands under it, nearest first, as if it were `use`d.
    #[serde(default)]
    under: Vec<String>,
    kernel: Option<String>,
    cap: Option<Vec<String>>,
    vectors: Vec<Spanned<VectorText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorText {
    /// ABIs as `arch:` lists them, or an architecture token such as `0x1234`.
    abi: String,
    call: String,
    action: String,
}

/// Reads a table.
///
/// # Errors
/// The first thing that is wrong with it, with its line.
pub(crate) fn read(text: &str) -> Result<Table, TableError> {
    let raw: TableText = toml::from_str(text).map_err(|error| TableError {
        line: line(text, &error.span().unwrap_or_default()),
        message: error.message().to_owned(),
        next: "a table is `policy = '''…'''` and `vectors = [ { abi = \"x86_64\", call = \"read\", action = \"allow\" } ]`"
            .to_owned(),
    })?;
    if raw.policy.is_none() && !raw.under.is_empty() {
        return Err(TableError {
            line: 1,
            message: "`under` without a `policy`".to_owned(),
            next: "call the nearest text `policy`".to_owned(),
        });
    }
    if raw.vectors.is_empty() {
        return Err(TableError {
            line: 1,
            message: "the table has no vectors".to_owned(),
            next: "add a line: { abi = \"x86_64\", call = \"read\", action = \"allow\" }".to_owned(),
        });
    }
    let mut vectors = Vec::new();
    for vector in &raw.vectors {
        let line = line(text, &vector.span());
        let VectorText { abi, call, action } = vector.get_ref();
        for abi in abi.split(',') {
            vectors.push(understand(line, abi.trim(), call, action).map_err(|(message, next)| TableError {
                line,
                message,
                next,
            })?);
        }
    }
    let layers = raw.policy.into_iter().chain(raw.under).collect();
    Ok(Table { layers, kernel: raw.kernel, cap: raw.cap, vectors })
}

/// The line of a place, from 1.
fn line(text: &str, place: &Range<usize>) -> usize {
    text.bytes().take(place.start).filter(|&byte| byte == b'\n').count() + 1
}

/// What is wrong, and the next step.
type Wrong = (String, String);

fn understand(line: usize, place: &str, text: &str, action: &str) -> Result<Vector, Wrong> {
    let mut sources = Sources::default();
    let call_source = sources.add("call", text);
    let call = parse_call(call_source, text).map_err(|errors| first(text, &errors))?;
    let verb = parse_verb(sources.add("action", action), action).map_err(|errors| first(action, &errors))?;
    let expected = |abi| verb_action(&verb.node, abi).map_err(|error| first(action, &[error]));
    if let Some(digits) = place.strip_prefix("0x") {
        let token = u32::from_str_radix(digits, 16)
            .map_err(|_| (format!("`{place}` is not a token"), "an architecture token has 32 bits".to_owned()))?;
        let nr = match (&call.callee.node, &call.arguments) {
            (NameOrNumber::Number(number), None) => u32::try_from(*number).ok(),
            _ => None,
        };
        let nr = nr.ok_or_else(|| {
            (format!("`{text}` under a token"), "under a token, write the number of the call alone".to_owned())
        })?;
        let condition = Condition::Always;
        return Ok(Vector {
            line,
            text: text.to_owned(),
            abi: None,
            token,
            nr,
            condition,
            expected: expected(Abi::X86_64)?,
        });
    }
    let abi: Abi = place.parse().map_err(|()| {
        let known: Vec<_> = Abi::ALL.iter().map(|abi| abi.name()).collect();
        (format!("no ABI is called `{place}`"), format!("callgate knows {}", known.join(", ")))
    })?;
    let pattern = call_pattern(&call, abi).map_err(|error| match error {
        PatternError::Absent => (format!("{abi} doesn't have `{text}`"), "name another ABI".to_owned()),
        PatternError::Wrong(errors) => first(text, &errors),
    })?;
    Ok(Vector {
        line,
        text: text.to_owned(),
        abi: Some(abi),
        token: abi.token(),
        nr: pattern.nr,
        condition: pattern.condition,
        expected: expected(abi)?,
    })
}

/// A diagnostic about a short text in two sentences.
fn first(text: &str, errors: &[Diagnostic]) -> Wrong {
    let Some(error) = errors.first() else { return (format!("`{text}` is wrong"), "correct it".to_owned()) };
    let next = error.help.as_ref().or(error.labels.first().map(|label| &label.text)).filter(|text| !text.is_empty());
    (format!("`{text}`: {}", error.message), next.cloned().unwrap_or_else(|| "correct the line".to_owned()))
}

/// Holds a vector against a policy.
pub(crate) fn judge<'a>(policy: &'a Policy, vector: &Vector) -> Verdict<'a> {
    let data = |args| SyscallData::new(vector.token, vector.nr, args);
    let listed = vector.abi.and_then(|abi| policy.abis.get(&abi)).and_then(|listed| listed.calls.get(&vector.nr));
    let Some(call) = listed else {
        let decision = policy.decide(&data([0; 6]));
        let holds = decision.action == vector.expected;
        return if holds { Verdict::Holds } else { Verdict::Differs(decision, data([0; 6])) };
    };
    match outcomes(call, &vector.condition) {
        Err(_) => Verdict::Undecided,
        Ok(reached) if reached.is_empty() => Verdict::NoSuchCall,
        Ok(reached) => reached
            .into_iter()
            .find(|one| one.decision.action != vector.expected)
            .map_or(Verdict::Holds, |one| Verdict::Differs(one.decision, data(one.example))),
    }
}
