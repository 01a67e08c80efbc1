//! Calls as people write them in `eval` and `expect`: a number and a condition on the arguments.

use callgate_grammar::Diagnostic;
use callgate_grammar::tree::Call;

use super::collect::numbers;
use super::scope::Lets;
use super::typing;
use super::value::{Problem, Scope};
use crate::abi::Abi;
use crate::condition::Condition;
use crate::tables;

/// A set of calls: a number of an ABI, and what its arguments must be.
#[derive(Clone, Debug)]
pub struct CallPattern {
    /// `seccomp_data.nr`.
    pub nr: u32,
    /// Parameters that the text leaves out are free.
    pub condition: Condition,
}

/// Why a call can't be understood.
#[derive(Clone, Debug)]
pub enum PatternError {
    /// The ABI doesn't have the call, or a constant in it, though another does.
    Absent,
    /// It is wrong.
    Wrong(Vec<Diagnostic>),
}

/// The calls that `call` stands for on an ABI: `socket`, `socket(AF_UNIX, SOCK_STREAM, 0)` by position, or
/// `socket(family == AF_UNIX)` by condition.
///
/// # Errors
/// See [`PatternError`].
pub fn call_pattern(call: &Call, abi: Abi) -> Result<CallPattern, PatternError> {
    pattern(call, abi, Abi::ALL, &Lets::none(), 0)
}

/// As [`call_pattern`], inside a policy: names must exist on one of `abis`, and `let`s count.
pub(super) fn pattern(
    call: &Call,
    abi: Abi,
    abis: &[Abi],
    lets: &Lets<'_>,
    scope: u32,
) -> Result<CallPattern, PatternError> {
    let known: Vec<_> = abis.iter().copied().chain([abi]).collect();
    let found = numbers(call, &known, [abi].into_iter()).map_err(|error| PatternError::Wrong(vec![error]))?;
    let Some(&(_, nr)) = found.first() else { return Err(PatternError::Absent) };
    let scope = Scope { abi, abis: &known, call: tables::name(abi, nr), lets, scope };
    let exprs = call.arguments.as_deref().unwrap_or_default();
    let condition = if exprs.iter().any(typing::is_condition) {
        typing::conjunction(&scope, exprs)
    } else {
        typing::positional(&scope, exprs)
    };
    match condition {
        Ok(condition) => Ok(CallPattern { nr, condition }),
        Err(problems) => {
            let wrong: Vec<_> = problems
                .into_iter()
                .filter_map(|problem| match problem {
                    Problem::Wrong(diagnostic) => Some(diagnostic),
                    Problem::Absent { .. } => None,
                })
                .collect();
            Err(if wrong.is_empty() { PatternError::Absent } else { PatternError::Wrong(wrong) })
        }
    }
}
